"""The action catalog: list and search everything that can be executed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.prices import costs_of
from cargo_ai.context.search_kinds import Wanted
from cargo_ai.contract.orchestration.nodes import action as contract
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.kernel.wire import JsonObject

IN_NAME, IN_INTEGRATION, IN_DESCRIPTION = 10, 5, 1
MAX_AGENTS = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One action that may be found."""

    name: str
    description: str
    action: JsonObject
    words: str
    """Slug and name, in lower case: a hit here counts most."""
    integration: str = ""
    inputs: JsonObject = field(default_factory=dict[str, Any])
    category: str | None = None
    costs: Sequence[Any] = ()
    connectors: tuple[contract.ActionConnector, ...] = ()

    def score(self, terms: Sequence[str]) -> int:
        """How well it fits: 0 when one of the terms is found nowhere."""
        total = 0
        for term in terms:
            best = next(
                (
                    worth
                    for worth, text in (
                        (IN_NAME, self.words),
                        (IN_INTEGRATION, self.integration),
                        (IN_DESCRIPTION, self.description.lower()),
                    )
                    if term in text
                ),
                0,
            )
            # What it acts on may be said by its fields alone, such as the kinds of records of a CRM.
            best = best or (IN_DESCRIPTION if term in json.dumps(self.inputs, ensure_ascii=False).lower() else 0)
            if not best:
                return 0
            total += best
        return total or 1


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListActions) -> contract.FoundActions:
    """The best hits first; of equal ones those of services, then built-in ones, tools and agents, by name."""
    entries: list[Entry] = []
    if request.kind in {None, "connector"}:
        entries += await _connectors(ctx)
    if request.kind in {None, "native"}:
        entries += _natives(ctx)
    if request.kind in {None, "tool"}:
        entries += await _tools(ctx)
    if request.kind in {None, "agent"}:
        entries += await _agents(ctx)
    if request.integration_slug is not None:
        entries = [entry for entry in entries if entry.action.get("integrationSlug") == request.integration_slug]
    if request.category is not None:
        entries = [entry for entry in entries if entry.category == request.category]
    if request.credits_only:
        entries = [entry for entry in entries if entry.costs]
    terms = (request.query or "").lower().split()
    hits = sorted(((score, entry) for entry in entries if (score := entry.score(terms))), key=lambda hit: -hit[0])
    return contract.FoundActions(
        query=request.query or "",
        total_matches=len(hits),
        results=[_reply(score, entry, terms) for score, entry in hits[: request.limit]],
    )


def _reply(score: int, entry: Entry, terms: Sequence[str]) -> contract.FoundAction:
    # The connector that the words name is the one to act with, else the default one.
    connectors = sorted(entry.connectors, key=lambda one: (-_named(one, terms), not one.is_default))
    return contract.FoundAction(
        name=entry.name,
        description=entry.description,
        score=score,
        action=entry.action | ({"connectorUuid": connectors[0].uuid} if connectors else {}),
        connectors=connectors,
        credits={"costs": list(entry.costs)},
        autocompletes=[],
        inputs=entry.inputs,
    )


def _named(connector: contract.ActionConnector, terms: Sequence[str]) -> int:
    """How many of the words are in the connector's slug or name."""
    return sum(term in f"{connector.slug} {connector.name}".lower() for term in terms)


async def _connectors(ctx: Context) -> list[Entry]:
    accounts = await connection.accounts(ctx.db)
    entries: list[Entry] = []
    for integration in (await connection.all_integrations(ctx.services, ctx.workspace)).values():
        mine = tuple(
            contract.ActionConnector(uuid=str(one.uuid), name=one.name, slug=one.slug, is_default=one.is_default)
            for one in accounts
            if one.integration_slug == integration.slug
        )
        for action in integration.actions:
            if action.alias_of:
                continue
            aliases = [one.slug for one in integration.actions if one.alias_of == action.slug]
            ready: JsonObject = {"kind": "connector", "integrationSlug": integration.slug, "actionSlug": action.slug}
            entries.append(
                Entry(
                    name=f"{integration.name}: {action.name}",
                    description=action.description,
                    action=ready,
                    words=" ".join([action.slug, *aliases, action.name]).lower(),
                    integration=" ".join([integration.slug, integration.name, *(f"{one.slug} {one.name}" for one in mine)]).lower(),
                    inputs=dict(action.config_schema),
                    category=integration.category,
                    costs=costs_of(ctx.settings, integration.slug, action),
                    connectors=mine,
                )
            )
    return entries


def _natives(ctx: Context) -> list[Entry]:
    """The native actions that do something by themselves."""
    return [
        Entry(
            action.name,
            action.description,
            {"kind": "native", "actionSlug": action.slug},
            f"{action.slug} {action.name}".lower(),
            inputs=dict(action.config_schema),
        )
        for action in ctx.actions.natives()
        if not action.only_in_graphs and not action.chooses
    ]


async def _tools(ctx: Context) -> list[Entry]:
    """The tools that have something deployed: the others cannot be executed."""
    rows = await ctx.db.execute(
        select(Tool.uuid, Tool.name, Tool.description, Release.form_fields)
        .join(Release, Release.workflow_uuid == Tool.workflow_uuid)
        .where(Tool.deleted_at.is_(None), Release.status == "deployed")
        .order_by(Tool.name, Tool.uuid)
    )
    return [
        Entry(
            row.name,
            row.description or "",
            {"kind": "tool", "toolUuid": str(row.uuid)},
            row.name.lower(),
            inputs=form_schema(row.form_fields),
        )
        for row in rows
    ]


async def _agents(ctx: Context) -> list[Entry]:
    """The agents, as search knows them."""
    kinds = [kind for kind in ctx.services.hooks.search_kinds if kind.kind == "agent" and ctx.who.may(kind.permission)]
    hits = [hit for kind in kinds for hit in await kind.find(ctx.db, ctx.workspace, Wanted("", MAX_AGENTS, None))]
    named = [(hit.name or "", hit.uuid) for hit in hits]
    return [Entry(name, "", {"kind": "agent", "agentUuid": uuid}, name.lower(), inputs=_PROMPT) for name, uuid in named]


_PROMPT: JsonObject = {"type": "object", "properties": {"prompt": {"type": "string", "title": "Prompt"}}, "required": ["prompt"]}
_TYPES = {"string": "string", "number": "number", "boolean": "boolean", "date": "string", "enum": "string"}


def form_schema(fields: list[JsonObject] | None) -> JsonObject:
    """The JSON Schema of the input that a form asks for; {} where there is no form."""
    if not fields:
        return {}
    return {
        "type": "object",
        "properties": {str(one["slug"]): _field(one) for one in fields},
        "required": [str(one["slug"]) for one in fields if one.get("isRequired")],
        "additionalProperties": True,
    }


def _field(one: JsonObject) -> JsonObject:
    schema: JsonObject = {"title": one.get("name", one["slug"])}
    if one.get("description"):
        schema["description"] = one["description"]
    kind = str(one.get("kind"))
    if kind == "array":
        return schema | {"type": "array", "items": form_schema(one.get("fields")) or {}}
    if kind in _TYPES:
        schema["type"] = _TYPES[kind]
    if kind == "date":
        schema["format"] = "date-time"
    if kind == "enum":
        schema["enum"] = list(one.get("enum") or [])
    return schema
