"""Graph validation: check nodes against the connectors, tools, actions and models of the workspace."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.actions.config.variables import outputs_of_graph
from cargo_ai.context.context import Context
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.nodes.action_catalog import form_schema
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.domains.orchestration.workflows import tool_node
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.graph import validation
from cargo_ai.engine.graph.action import Schema
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.validation import Report, ToolSchemas
from cargo_ai.expression import EngineExpression, ExpressionError, evaluator
from cargo_ai.expression.code_syntax import CodeReport, check_code
from cargo_ai.expression.sandbox.host import Language
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.records.catalog import Relation
from cargo_ai.records.record_schema import record_schema

MAX_WARNINGS = 20


async def examine(ctx: Context, nodes: Sequence[JsonObject], start: Schema | None = None) -> Report:
    """What keeps a graph from being deployed in the workspace, and what about it is doubtful. `start`: the JSON Schema of its records."""
    used = [node for node in all_nodes(nodes) if node.get("kind") == "tool"]
    tools, releases, schemas = await _tools(ctx.db, used)
    actions = await ctx.all_actions()
    known = validation.Inventory(
        actions=actions,
        connectors=await _connectors(ctx.db, used_uuids(nodes, "connector")),
        tools=tools,
        tool_releases=releases,
        tool_schemas=schemas,
        template_fault=tool_node.template_problem,
        agents=await _agents(ctx, used_uuids(nodes, "agent")),
        models=await models_of(ctx, (node.get("config") for node in all_nodes(nodes))),
        start=start,
        wrong=await _syntax_errors(ctx.db, actions, nodes),
        code=await _code_reports(ctx, actions, nodes),
    )
    # Large graphs take long enough to keep other requests waiting.
    return await asyncio.to_thread(validation.validate, nodes, known)


def warn(ctx: Context, report: Report, prefix: str = "") -> None:
    """Put faults that do not keep the request from being carried out, and doubts, into the reply's warnings."""
    for fault in report.faults[:MAX_WARNINGS]:
        ctx.warn(f"{prefix}{fault.slug or 'The graph'}: {fault.message}")
    for doubt in report.doubts[:MAX_WARNINGS]:
        ctx.warn(f"{doubt.slug}: {doubt.message}")


async def start_of(ctx: Context, workflow: Workflow, form_fields: list[JsonObject] | None) -> Schema | None:
    """The JSON Schema of what `start` gives in a workflow: a record of the play's model, or what the tool's form asks for."""
    if workflow.play_uuid is None:
        return form_schema(form_fields) or None
    model = await ctx.db.scalar(select(Play.model_uuid).where(Play.uuid == workflow.play_uuid))
    relation = await storage.relation(ctx.db, model) if model is not None else None
    if relation is None:
        return None
    record = record_schema(relation)
    # Batches of a change say which kind of change it was. Other fields are a doubt only: paths into the record that lead nowhere are
    # documented to give undefined, and graphs that have some to be deployed.
    return record | {"properties": record["properties"] | {"_kind": {"type": "string"}}, "additionalProperties": True}


async def models_of(ctx: Context, configs: Iterable[object]) -> Mapping[str, Relation]:
    """The models of the workspace by uuid, if one of the configs names a model."""
    if not any(isinstance(config, Mapping) and "modelUuid" in config for config in configs):
        return {}
    return {str(relation.model): relation for relation in (await storage.catalog(ctx.db, ctx.workspace)).relations}


async def _syntax_errors(db: AsyncSession, actions: Actions, nodes: Sequence[JsonObject]) -> dict[EngineExpression, ExpressionError]:
    """The syntax errors of expressions that only the JavaScript engine can read."""
    questions = validation.questions(list(all_nodes(nodes)), actions)
    if not questions:
        return {}
    return await evaluator.shared().check(str(db.info["scope"]), questions)


async def _code_reports(ctx: Context, actions: Actions, nodes: Sequence[JsonObject]) -> dict[tuple[Language, str], CodeReport]:
    """What the sandbox says of the code in the nodes, without running it."""
    reports: dict[tuple[Language, str], CodeReport] = {}
    for language, sources in validation.sources(list(all_nodes(nodes)), actions).items():
        checked = await check_code(evaluator.shared(), ctx.workspace, language, sources)
        reports |= {(language, source): report for source, report in checked.items()}
    return reports


def used_uuids(nodes: Sequence[JsonObject], kind: str) -> set[uuid.UUID]:
    """The connectors (`connector`), tools (`tool`) or agents (`agent`) that the nodes name, those inside groups included."""
    uuids = (ids.parse(str(node.get(f"{kind}Uuid"))) for node in all_nodes(nodes) if node.get("kind") == kind)
    return {uid for uid in uuids if uid is not None}


def used_models(nodes: Sequence[JsonObject]) -> set[uuid.UUID]:
    """The models that the configs of native nodes name, as far as they are not expressions."""
    texts = (cast("JsonObject", node.get("config") or {}).get("modelUuid") for node in all_nodes(nodes) if node.get("kind") == "native")
    return {uid for text in texts if isinstance(text, str) and (uid := ids.parse(text)) is not None}


def all_nodes(nodes: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """All nodes of a graph, those inside groups included."""
    for node in nodes:
        yield node
        yield from all_nodes(group_nodes(node))


def group_nodes(node: JsonObject) -> list[JsonObject]:
    """The nodes that a group holds; [] for any other node."""
    config: object = node.get("config")
    children: object = cast("JsonObject", config).get("_nodes") if isinstance(config, dict) else None
    if not isinstance(children, list):
        return []
    return [cast("JsonObject", child) for child in cast("list[Any]", children) if isinstance(child, dict)]


def repeated_slugs(nodes: Sequence[JsonObject]) -> list[str]:
    """The slugs that more than one node has, in order."""
    slugs = [str(node.get("slug")) for node in nodes]
    return [slug for slug in dict.fromkeys(slugs) if slugs.count(slug) > 1]


async def _connectors(db: AsyncSession, uuids: set[uuid.UUID]) -> dict[str, str]:
    if not uuids:
        return {}
    return {str(account.uuid): account.integration_slug for account in await connection.accounts(db) if account.uuid in uuids}


async def _agents(ctx: Context, uuids: set[uuid.UUID]) -> frozenset[str] | None:
    """Of the agents that nodes name: those that are there."""
    if (known := ctx.services.hooks.known_agents) is None:
        return None
    return frozenset() if not uuids else frozenset(str(uid) for uid in await known(ctx.db, uuids))


_Tools = tuple[frozenset[str], frozenset[tuple[str, str]], dict[tuple[str, str], ToolSchemas]]


async def _tools(db: AsyncSession, used: Sequence[JsonObject]) -> _Tools:
    """Of the tools that nodes name: those that are there, their releases, and what they take and give."""
    uuids = {uid for node in used if (uid := ids.parse(str(node.get("toolUuid")))) is not None}
    if not uuids:
        return frozenset(), frozenset(), {}
    named = {uid for node in used if (uid := ids.parse(str(node.get("releaseUuid")))) is not None}
    tools = await db.scalars(select(Tool.uuid).where(Tool.uuid.in_(uuids), Tool.deleted_at.is_(None)))
    query = (
        select(Tool.uuid, Release.uuid, Release.status, Release.nodes, Release.form_fields)
        .join(Release, Release.workflow_uuid == Tool.workflow_uuid)
        .where(Tool.uuid.in_(uuids), Tool.deleted_at.is_(None))
        .where((Release.status == "deployed") | (Release.uuid.in_(named) & (Release.status != "draft")))
    )
    releases: set[tuple[str, str]] = set()
    schemas: dict[tuple[str, str], ToolSchemas] = {}
    for tool, release, status, nodes, form_fields in await db.execute(query):
        both = ToolSchemas(form_schema(form_fields) or None, outputs_of_graph(nodes))
        releases.add((str(tool), str(release)))
        schemas[str(tool), str(release)] = both
        if status == "deployed":
            schemas[str(tool), ""] = both
    return frozenset(str(tool) for tool in tools), frozenset(releases), schemas
