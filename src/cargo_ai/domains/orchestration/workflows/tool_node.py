"""Tool nodes: find the graph that a node of kind `tool` runs: a deployed release, a named one, or a template."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.domains.orchestration.templates import catalog as templates
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.graph.tool_graph import ToolGraph, ToolMissing
from cargo_ai.kernel import ids
from cargo_ai.store.session import Database


async def find(database: Database, workspace: uuid.UUID, node: Mapping[str, Any]) -> ToolGraph:
    """The graph that a tool node of this workspace runs now. Raises ToolMissing."""
    async with database.session(workspace) as db:
        if node.get("toolUuid") is None:
            nodes = _template(str(node.get("templateSlug")))
            workflow = await lookup.hidden_workflow(db, workspace)
            await db.commit()
            return ToolGraph(workflow, None, nodes)
        uid = ids.parse(str(node["toolUuid"]))
        tool = await db.scalar(select(Tool).where(Tool.uuid == uid, Tool.deleted_at.is_(None)))
        if tool is None:
            raise ToolMissing(f"There is no tool {node['toolUuid']} (any more): see `cargo-ai orchestration tool list`.")
        query = select(Release).where(Release.workflow_uuid == tool.workflow_uuid, Release.status != "draft")
        if node.get("releaseUuid") is None:
            release = await db.scalar(query.where(Release.status == "deployed"))
            missing = f'The tool "{tool.name}" has nothing deployed: see `cargo-ai orchestration draft-release deploy --help`.'
        else:
            release = await db.scalar(query.where(Release.uuid == ids.parse(str(node["releaseUuid"]))))
            missing = f'The tool "{tool.name}" has no release {node["releaseUuid"]}.'
        if release is None or not release.nodes:
            raise ToolMissing(missing)
        return ToolGraph(tool.workflow_uuid, release.uuid, release.nodes)


def _template(slug: str) -> list[dict[str, Any]]:
    problem = template_problem(slug)
    template = templates.find(slug)
    if problem is not None or template is None:
        raise ToolMissing(problem or f"There is no template {slug}.")
    return templates.fill(template["nodes"])


def template_problem(slug: str) -> str | None:
    """A sentence that says why a template cannot stand for a tool; None when it can."""
    template = templates.find(slug)
    if template is None or template["kind"] != "tool":
        return f"There is no tool template {slug!r}: see `cargo-ai orchestration template list`."
    if templates.placeholders(templates.fill(template["nodes"])):
        return f"The template {slug!r} has placeholders to be filled in: make a tool of it, and name that by toolUuid."
    return None
