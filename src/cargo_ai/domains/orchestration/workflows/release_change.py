"""Release changes: compare two releases, and roll back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration.workflows import release_change as contract
from cargo_ai.domains.orchestration.tables import Release, Workflow
from cargo_ai.domains.orchestration.workflows import public_form, release_deploy
from cargo_ai.domains.orchestration.workflows.release_deploy import to_named
from cargo_ai.domains.orchestration.workflows.validation import group_nodes
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject

_LIST = "cargo-ai orchestration release list"
_WAYS = frozenset({"childrenUuids", "fallbackChildUuid"})
_LOOKS = frozenset({"position"})
_LONGEST = 60


@handles(contract.diff)
async def diff(ctx: Context, request: contract.DiffReleases) -> contract.ReleaseDifference:
    """What differs; where nothing is deployed yet, everything of the draft is added."""
    before: Release | None
    if request.workflow_uuid is not None:
        before, after = await _of_workflow(ctx, request.workflow_uuid)
    else:
        before, after = await _release(ctx, request.before), await _release(ctx, request.after)
    difference = compare(before.nodes if before else [], after.nodes)
    form = list(_changes(before.form_fields if before else None, after.form_fields, "formFields"))
    return contract.ReleaseDifference(
        before=to_named(before) if before else None,
        after=to_named(after),
        is_same=not (difference.summary or form),
        added_nodes=difference.added,
        removed_nodes=difference.removed,
        changed_nodes=difference.changed,
        added_edges=difference.added_edges,
        removed_edges=difference.removed_edges,
        form_fields=form,
        summary=[*difference.summary, *(f"~ {_format_change(change)}" for change in form)],
    )


async def _of_workflow(ctx: Context, text: str) -> tuple[Release | None, Release]:
    rows = await ctx.db.scalars(
        select(Release).where(
            Release.workflow_uuid == ids.parse(text), Release.status.in_(("draft", "deployed")), Release.deleted_at.is_(None)
        )
    )
    by_status = {row.status: row for row in rows}
    if "draft" not in by_status:
        contract.diff.refuse("workflowNotFound", uuid=text, fix="cargo-ai orchestration workflow list")
    return by_status.get("deployed"), by_status["draft"]


async def _release(ctx: Context, text: str | None) -> Release:
    row = await ctx.db.scalar(select(Release).where(Release.uuid == ids.parse(text or "")))
    return found_or_refuse(contract.diff, row, "releaseNotFound", uuid=text, fix=_LIST)


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two graphs; `summary` is empty when nothing does."""

    added: list[contract.NodeNamed]
    removed: list[contract.NodeNamed]
    changed: list[contract.ChangedNode]
    added_edges: list[contract.Edge]
    removed_edges: list[contract.Edge]
    summary: list[str]


Key = tuple[tuple[str, ...], str]
"""The uuids of the groups around a node, and its own."""


def compare(before: list[JsonObject], after: list[JsonObject]) -> Difference:
    """What differs between two graphs, groups included; nodes are the same when their uuid is. O(nodes + ways)."""
    old, new = dict(_by_key(before)), dict(_by_key(after))
    names = {key: _to_named(key, {**old, **new}) for key in {**old, **new}}
    added = [names[key] for key in new if key not in old]
    removed = [names[key] for key in old if key not in new]
    changed = [
        contract.ChangedNode(**names[key].model_dump(), changes=changes)
        for key, node in new.items()
        if key in old and (changes := list(_changes(_plain(old[key]), _plain(node), "")))
    ]
    ways_before, ways_after = set(_edges(old)), set(_edges(new))
    added_edges = [_edge(way, names) for way in _sort(ways_after - ways_before, new)]
    removed_edges = [_edge(way, names) for way in _sort(ways_before - ways_after, old)]
    summary = [
        *(f"+ node {_where(node)}" for node in added),
        *(f"- node {_where(node)}" for node in removed),
        *(f"~ {_where(node)} {_format_change(change)}" for node in changed for change in node.changes),
        *(f"+ way {_way(edge)}" for edge in added_edges),
        *(f"- way {_way(edge)}" for edge in removed_edges),
    ]
    return Difference(added, removed, changed, added_edges, removed_edges, summary)


def _by_key(nodes: list[JsonObject], around: tuple[str, ...] = ()) -> Iterator[tuple[Key, JsonObject]]:
    for node in nodes:
        uuid = str(node.get("uuid"))
        yield (around, uuid), node
        yield from _by_key(group_nodes(node), (*around, uuid))


def _to_named(key: Key, nodes: Mapping[Key, JsonObject]) -> contract.NodeNamed:
    around, uuid = key
    groups = [str(nodes[around[:depth], group].get("slug")) for depth, group in enumerate(around)]
    return contract.NodeNamed(uuid=uuid, slug=str(nodes[key].get("slug")), group=groups)


def _plain(node: JsonObject) -> JsonObject:
    """The node without its ways, its place on the canvas, and the nodes inside, which are compared by themselves."""
    plain = {name: value for name, value in node.items() if name not in _WAYS | _LOOKS}
    if group_nodes(node):
        config = cast("JsonObject", node["config"])
        plain["config"] = {name: value for name, value in config.items() if name != "_nodes"}
    return plain


Way = tuple[Key, int | None, str | None]


def _edges(nodes: Mapping[Key, JsonObject]) -> Iterator[Way]:
    for key, node in nodes.items():
        for index, child in enumerate(cast("list[Any]", node.get("childrenUuids") or [])):
            if child is not None:
                yield key, index, str(child)
        if node.get("fallbackChildUuid"):
            yield key, None, str(node["fallbackChildUuid"])


def _sort(ways: set[Way], nodes: Mapping[Key, JsonObject]) -> list[Way]:
    place = {key: at for at, key in enumerate(nodes)}
    return sorted(ways, key=lambda way: (place[way[0]], way[1] is None, way[1] or 0))


def _edge(way: Way, names: Mapping[Key, contract.NodeNamed]) -> contract.Edge:
    (around, uuid), index, target = way
    return contract.Edge(source=names[around, uuid], target=names.get((around, target or "")), index=index)


def _changes(before: Any, after: Any, path: str) -> Iterator[contract.Change]:
    """The paths at which two JSON values differ: objects are walked, everything else is compared whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("JsonObject", before), cast("JsonObject", after)
        for name in dict.fromkeys([*old, *new]):
            here = f"{path}.{name}" if path else name
            if name not in new:
                yield contract.Change(path=here, kind="removed", before=old[name], after=None)
            elif name not in old:
                yield contract.Change(path=here, kind="added", before=None, after=new[name])
            else:
                yield from _changes(old[name], new[name], here)
        return
    if isinstance(before, list) and isinstance(after, list):
        former, later = cast("list[Any]", before), cast("list[Any]", after)
        for at in range(max(len(former), len(later))):
            here = f"{path}[{at}]"
            if at >= len(later):
                yield contract.Change(path=here, kind="removed", before=former[at], after=None)
            elif at >= len(former):
                yield contract.Change(path=here, kind="added", before=None, after=later[at])
            else:
                yield from _changes(former[at], later[at], here)
        return
    # 1 and true are equal to Python, not to JSON.
    if before != after or isinstance(before, bool) != isinstance(after, bool):
        yield contract.Change(path=path, kind="changed", before=before, after=after)


def _where(node: contract.NodeNamed) -> str:
    return "/".join([*node.group, node.slug])


def _way(edge: contract.Edge) -> str:
    target = edge.target.slug if edge.target is not None else "a node that is missing"
    how = " on failure" if edge.index is None else f" [{edge.index}]" if edge.index else ""
    return f"{_where(edge.source)} -> {target}{how}"


def _format_change(change: contract.Change) -> str:
    if change.kind == "changed":
        return f"{change.path}: {_short(change.before)} -> {_short(change.after)}"
    return f"{change.path}: {change.kind} {_short(change.after if change.kind == 'added' else change.before)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


@handles(contract.rollback)
async def rollback(ctx: Context, request: contract.RollbackRelease) -> contract.DeployedReply:
    """Deploy the content of an archived release as a new version, provided that it still can be."""
    refuse = contract.rollback.refuse
    uid = ids.parse(request.uuid)
    workflow = await ctx.db.scalar(
        select(Workflow)
        .join(Release, Release.workflow_uuid == Workflow.uuid)
        .where(Release.uuid == uid, Workflow.kind != "hidden", Workflow.deleted_at.is_(None))
        .with_for_update(of=Workflow)
    )
    old = await ctx.db.scalar(select(Release).where(Release.uuid == uid))
    if workflow is None or old is None:
        refuse("releaseNotFound", uuid=request.uuid, fix=_LIST)
    if old.status == "draft":
        fix = f"cargo-ai orchestration draft-release deploy --workflow-uuid {workflow.uuid}"
        refuse("releaseIsDraft", uuid=request.uuid, fix=fix)
    if old.status == "deployed":
        earlier = f"cargo-ai orchestration release list --workflow-uuid {workflow.uuid} --statuses archived"
        refuse("releaseAlreadyDeployed", uuid=request.uuid, fix=earlier)
    problems = await release_deploy.problems_of_earlier(ctx, old)
    if problems is not None:
        sentence, details = problems
        refuse("releaseNodesAreInvalid", faults=sentence, details=details)
    tool = await release_deploy.tool_of(ctx.db, workflow)
    if tool is not None and public_form.is_enabled(tool) and old.form_fields is None:
        refuse("toolReleaseRequiresFormFields")
    number = await release_deploy.next_version(ctx, contract.rollback, workflow, request.version)
    former = await release_deploy.archive_deployed(ctx.db, workflow)
    row = Release(
        workspace_uuid=old.workspace_uuid,
        workflow_uuid=old.workflow_uuid,
        user_uuid=ctx.who.user_uuid,
        parent_uuid=old.uuid,
        status="deployed",
        version=number,
        description=request.description or f"Back to {old.version}",
        template_slug=old.template_slug,
        nodes=old.nodes,
        form_fields=old.form_fields,
        test_records=old.test_records,
        deployed_at=clock.now(),
    )
    ctx.db.add(row)
    await ctx.db.flush()
    return await release_deploy.report_live(ctx, workflow, row, former)
