"""Deploy releases: number and archive them, and report what goes live. For drafts and rollbacks alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration.workflows import release_change as contract
from cargo_ai.contract.orchestration.workflows.release import ReleaseStatus
from cargo_ai.domains.orchestration.plays import play
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.domains.orchestration.workflows import public_form, validation
from cargo_ai.domains.orchestration.workflows.release import to_response
from cargo_ai.domains.orchestration.workflows.tool import record_usages
from cargo_ai.engine.graph.validation import InvalidNode
from cargo_ai.engine.journal.tables import batches, runs
from cargo_ai.kernel import versions
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

RUNS_LOOKED_AT = 10_000
_SHOWN = 3


Problems = tuple[str, dict[str, Any]]


async def problems_of(ctx: Context, workflow: Workflow, nodes: list[JsonObject], form_fields: list[JsonObject] | None) -> Problems | None:
    """What keeps the nodes from being deployed, as a sentence and as details; None when nothing does. Doubts become warnings."""
    report = await validation.examine(ctx, nodes, await validation.start_of(ctx, workflow, form_fields))
    if not report.faults:
        validation.warn(ctx, report)
    return _to_problems(report.faults)


async def problems_of_earlier(ctx: Context, old: Release) -> Problems | None:
    """What keeps a release that was deployed before from being deployed again: only that with which no run can begin. It has been running,
    so that the rest is a warning."""
    report = await validation.examine(ctx, old.nodes)
    fatal = report.fatal()
    if not fatal:
        validation.warn(ctx, report)
    return _to_problems(fatal)


async def warn_of_problems(ctx: Context, workflow: Workflow, nodes: list[JsonObject], form_fields: list[JsonObject] | None) -> None:
    """The problems of a draft as warnings: it can be saved, and not deployed."""
    if not nodes:
        return
    report = await validation.examine(ctx, nodes, await validation.start_of(ctx, workflow, form_fields))
    validation.warn(ctx, report, "It cannot be deployed yet. ")


def _to_problems(faults: Sequence[InvalidNode]) -> Problems | None:
    if not faults:
        return None
    sentences = [f"{fault.slug or 'a node'}: {fault.message}" for fault in faults[:_SHOWN]]
    more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return " ".join([*sentences, *more]), {"invalidNodes": [fault.to_wire() for fault in faults]}


async def next_version(ctx: Context, operation: Operation[Any, Any, Any], workflow: Workflow, requested: str | None) -> str:
    """The version that was asked for, else the next patch version; refuses one that is not above all former ones."""
    texts = await ctx.db.scalars(select(Release.version).where(Release.workflow_uuid == workflow.uuid, Release.version.is_not(None)))
    last = versions.latest(text for text in texts if text is not None)
    if requested is None:
        return versions.to_text(versions.following(last))
    number = versions.parse(requested)
    if number is None:
        cause = f"it takes three numbers, such as {versions.to_text(versions.following(last))}."
        operation.refuse("invalidReleaseVersion", version=requested, cause=cause)
    if last is not None and number <= last:
        operation.refuse("invalidReleaseVersion", version=requested, cause=f"it must be above {versions.to_text(last)}, the last one.")
    return versions.to_text(number)


async def tool_of(db: AsyncSession, workflow: Workflow) -> Tool | None:
    """The tool that the workflow belongs to."""
    return await db.scalar(select(Tool).where(Tool.uuid == workflow.tool_uuid))


async def archive_deployed(db: AsyncSession, workflow: Workflow) -> Release | None:
    """Archive the deployed release and return it. Flushed at once: there are never two deployed releases."""
    former = await db.scalar(select(Release).where(Release.workflow_uuid == workflow.uuid, Release.status == "deployed"))
    if former is not None:
        former.status = "archived"
    await db.flush()
    return former


async def report_live(ctx: Context, workflow: Workflow, deployed: Release, former: Release | None) -> contract.DeployedReply:
    """Record what the new release uses, and report what it means from now on."""
    tool = await tool_of(ctx.db, workflow)
    if tool is not None:
        await record_usages(ctx.db, tool, deployed.nodes)
    owner = await ctx.db.scalar(select(Play).where(Play.uuid == workflow.play_uuid))
    if owner is not None:
        await play.record_usages(ctx.db, owner, deployed.nodes)
    triggers = cast("list[JsonObject]", tool.triggers) if tool is not None else []
    has_form = tool is not None and public_form.is_enabled(tool)
    runs_in_flight, batches_in_flight = await _in_flight(ctx, workflow)
    goes_live = contract.GoesLive(
        replaces=to_named(former) if former is not None else None,
        triggers=[{key: trigger[key] for key in ("name", "type", "cron") if key in trigger} for trigger in triggers],
        public_form=has_form,
        play=_play(owner),
        runs_in_flight=runs_in_flight,
        batches_in_flight=batches_in_flight,
        message=_to_sentence(deployed, former, owner, len(triggers), has_form, runs_in_flight),
    )
    return contract.DeployedReply(release=to_response(deployed), goes_live=goes_live)


def to_named(row: Release) -> contract.ReleaseNamed:
    """Which release it is, in short."""
    return contract.ReleaseNamed(uuid=str(row.uuid), version=row.version, status=cast("ReleaseStatus", row.status))


def _play(row: Play | None) -> contract.LivePlay | None:
    if row is None:
        return None
    return contract.LivePlay(uuid=str(row.uuid), name=row.name, is_enabled=row.is_enabled, schedule=row.schedule)


async def _in_flight(ctx: Context, workflow: Workflow) -> tuple[int, int]:
    newest = (
        select(runs.c.finished_ms)
        .where(runs.c.workflow_uuid == workflow.uuid, runs.c.workspace_uuid == ctx.workspace)
        .order_by(runs.c.uuid.desc())
        .limit(RUNS_LOOKED_AT)
        .subquery("newest")
    )
    runs_in_flight = await ctx.db.scalar(select(func.count()).select_from(newest).where(newest.c.finished_ms.is_(None)))
    batches_in_flight = await ctx.db.scalar(
        select(func.count())
        .select_from(batches)
        .where(batches.c.workspace_uuid == ctx.workspace, batches.c.workflow_uuid == workflow.uuid, batches.c.finished_ms.is_(None))
    )
    return int(runs_in_flight or 0), int(batches_in_flight or 0)


def _to_sentence(deployed: Release, former: Release | None, owner: Play | None, triggers: int, has_form: bool, going: int) -> str:
    sentences = [f"Version {deployed.version} is live" + (f"; it replaces {former.version}." if former is not None else ".")]
    if owner is not None:
        on = f'The play "{owner.name}" is enabled: changed records take it from now on.'
        sentences.append(on if owner.is_enabled else f'The play "{owner.name}" is not enabled: it runs when a batch is started.')
    if triggers:
        sentences.append(f"{triggers} trigger{'' if triggers == 1 else 's'} will start it.")
    if has_form:
        sentences.append("Its public form takes input.")
    if going:
        sentences.append(f"{going:,} run{'' if going == 1 else 's'} in flight stay on the release that they began with.")
    return " ".join(sentences)
