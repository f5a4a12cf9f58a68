"""Graph validation: check nodes against the connectors, tools, actions and models of the workspace."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.domains.orchestration.workflows import tool_node
from cargo_ai.engine.graph import validation
from cargo_ai.engine.graph.action import Actions
from cargo_ai.expression import EngineExpression, ExpressionError, evaluator
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject


async def problems(db: AsyncSession, actions: Actions, nodes: Sequence[JsonObject]) -> list[validation.InvalidNode]:
    """Everything that keeps a graph from being deployed in the session's workspace; [] when nothing does."""
    known = validation.Inventory(
        actions=actions,
        connectors=await _connectors(db, used_uuids(nodes, "connector")),
        tools=await _tools(db, used_uuids(nodes, "tool")),
        tool_releases=await _tool_releases(db, used_uuids(nodes, "tool")),
        template_fault=tool_node.template_problem,
        wrong=await _syntax_errors(db, actions, nodes),
    )
    return validation.validate(nodes, known)


async def _syntax_errors(db: AsyncSession, actions: Actions, nodes: Sequence[JsonObject]) -> dict[EngineExpression, ExpressionError]:
    """The syntax errors of expressions that only the JavaScript engine can read."""
    questions = validation.questions(list(all_nodes(nodes)), actions)
    if not questions:
        return {}
    return await evaluator.shared().check(str(db.info["scope"]), questions)


def used_uuids(nodes: Sequence[JsonObject], kind: str) -> set[uuid.UUID]:
    """The connectors (`connector`) or tools (`tool`) that the nodes name, those inside groups included."""
    uuids = (ids.parse(str(node.get(f"{kind}Uuid"))) for node in all_nodes(nodes) if node.get("kind") == kind)
    return {uid for uid in uuids if uid is not None}


def used_models(nodes: Sequence[JsonObject]) -> set[uuid.UUID]:
    """The models that the configs of native nodes name, as far as they are no expressions."""
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


async def _connectors(db: AsyncSession, uuids: set[uuid.UUID]) -> frozenset[str]:
    return frozenset([str(uid) for uid in sorted(uuids) if await connection.connector_exists(db, uid)])


async def _tools(db: AsyncSession, uuids: set[uuid.UUID]) -> frozenset[str]:
    if not uuids:
        return frozenset()
    rows = await db.scalars(select(Tool.uuid).where(Tool.uuid.in_(uuids), Tool.deleted_at.is_(None)))
    return frozenset(str(row) for row in rows)


async def _tool_releases(db: AsyncSession, uuids: set[uuid.UUID]) -> frozenset[tuple[str, str]]:
    if not uuids:
        return frozenset()
    query = select(Tool.uuid, Release.uuid).join(Release, Release.workflow_uuid == Tool.workflow_uuid)
    rows = await db.execute(query.where(Tool.uuid.in_(uuids), Tool.deleted_at.is_(None), Release.status != "draft"))
    return frozenset((str(tool), str(release)) for tool, release in rows)
