"""Templates of agents: the built-in ones, and the agents that a workspace offers as templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.ai import template as contract
from cargo_ai.domains.ai.agents import language_model
from cargo_ai.domains.ai.tables import Agent, AgentRelease
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject

_CREATED = datetime(2026, 11, 27, tzinfo=UTC)
_AUTHOR = {"name": "cargo-ai", "title": "Built in", "company": {"name": "cargo-ai", "url": ""}}
PARTS = ("systemPrompt", "withReasoning", "temperature", "maxSteps", "suggestedActions", "output")
"""What an agent takes over from a template; its language model is the workspace's own."""


@cache
def presets() -> dict[str, JsonObject]:
    """The built-in templates by slug."""
    folder = files(__package__ or "").joinpath("presets")
    documents = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return {document["slug"]: document for document in sorted(documents, key=lambda document: str(document["slug"]))}


async def find_parts(ctx: Context, slug: str) -> JsonObject | None:
    """The parts that an agent takes over from a template; None where it is missing."""
    preset = presets().get(slug)
    if preset is not None:
        return {name: preset[name] for name in PARTS}
    offered = await _offered(ctx, slug)
    return None if not offered else {name: offered[0][1].parts[name] for name in PARTS}


async def _offered(ctx: Context, slug: str | None = None) -> list[tuple[Agent, AgentRelease]]:
    """The agents with a deployed release that the workspace offers as templates."""
    query = (
        select(Agent, AgentRelease)
        .join(AgentRelease, (AgentRelease.agent_uuid == Agent.uuid) & (AgentRelease.status == "deployed"))
        .where(Agent.deleted_at.is_(None), Agent.template["isAvailable"].as_boolean().is_(True))
        .order_by(Agent.uuid)
    )
    if slug is not None:
        query = query.where(Agent.uuid == ids.parse(slug))
    return [(row[0], row[1]) for row in await ctx.db.execute(query)]


def _preset(document: JsonObject) -> contract.AgentTemplate:
    """A built-in template on the wire. It names the language model that most have; an agent made of it has the workspace's own."""
    return contract.AgentTemplate.model_validate(
        document
        | {
            "workspaceUuid": None,
            "scope": "public",
            "isPreset": True,
            "author": _AUTHOR,
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
            "deletedAt": None,
            "kind": "agent",
            "integrationSlug": "openAi",
            "languageModelSlug": language_model.USUAL["openAi"],
            "capabilities": [],
            "actions": [],
            "resources": [],
            "heartbeat": None,
            "evaluator": None,
        }
    )


def _own(agent: Agent, release: AgentRelease) -> contract.AgentTemplate:
    return contract.AgentTemplate.model_validate(
        release.parts
        | {
            "slug": str(agent.uuid),
            "workspaceUuid": str(agent.workspace_uuid),
            "scope": (agent.template or {}).get("scope", "private"),
            "name": agent.name,
            "description": agent.description or "",
            "isPreset": False,
            "categories": ["private"],
            "author": {"name": "", "title": "", "company": {"name": "", "url": ""}},
            "createdAt": agent.created_at,
            "updatedAt": agent.updated_at,
            "deletedAt": None,
            "kind": "agent",
            "icon": agent.icon,
        }
    )


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListTemplates) -> contract.TemplatesReply:
    """The templates that match: built-in ones, then those of the workspace. None has a documentation page."""
    if request.has_documentation or (request.kinds is not None and "agent" not in request.kinds):
        return contract.TemplatesReply(templates=[])
    built_in = [] if request.is_preset is False else [_preset(document) for document in presets().values()]
    own = [] if request.is_preset else [_own(agent, release) for agent, release in await _offered(ctx)]
    return contract.TemplatesReply(templates=[*built_in, *own])


@handles(contract.get)
async def get(ctx: Context, request: contract.BySlug) -> contract.TemplateReply:
    """One template."""
    preset = presets().get(request.slug)
    if preset is not None:
        return contract.TemplateReply(template=_preset(preset))
    offered = await _offered(ctx, request.slug)
    row = found_or_refuse(
        contract.get, offered[0] if offered else None, "templateNotFound", slug=request.slug, fix="cargo-ai ai template list"
    )
    return contract.TemplateReply(template=_own(*row))
