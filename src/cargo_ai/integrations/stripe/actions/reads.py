"""Reads of one kind of object: `getCustomer` by id, `listCustomers` by what they have, `searchCustomers` by Stripe's query language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Form, Outcome, schema_of, ui_schema_of
from cargo_ai.integrations.stripe import client
from cargo_ai.integrations.stripe.kinds import EXPRESSION, MAX, Kind

Json = Any


class ById(Form):
    """Which object."""

    id: str = Field(title="Id", min_length=1, max_length=255, json_schema_extra=EXPRESSION)


class Search(Form):
    """What to search for."""

    query: str = Field(
        title="Query", description="In Stripe's language: email:'ada@example.com'.", min_length=1, json_schema_extra=EXPRESSION
    )
    limit: int = Field(default=100, title="Limit", ge=1, le=MAX)


def actions_of(kind: Kind) -> tuple[ConnectorAction, ...]:
    """The actions that read a kind of object."""

    async def get(request: ActionRequest) -> Outcome:
        item = await client.one(request.service, kind.path, request.form(ById).id.strip())
        return Done(item, str(item["id"]))

    async def list_(request: ActionRequest) -> Outcome:
        form = request.form(kind.form)
        return await _taken(
            client.listed(request.service, kind.path, form.query(), size=min(form.limit + 1, client.PAGE)), form.limit, kind
        )

    async def search(request: ActionRequest) -> Outcome:
        form = request.form(Search)
        return await _taken(client.found(request.service, kind.path, form.query, size=min(form.limit + 1, client.PAGE)), form.limit, kind)

    one: dict[str, Json] = {
        "slug": f"get{kind.name}",
        "name": f"Get {kind.title}",
        "description": f"Reads one {kind.title} by its id ({kind.prefix}…).",
        "config_schema": schema_of(ById),
        "ui_schema": ui_schema_of(ById),
        "output_schema": kind.output,
        "perform": get,
    }
    several: dict[str, Json] = {
        "slug": f"list{kind.plural}",
        "name": f"List {kind.title}s",
        "description": f"Reads {kind.title}s, the newest first.",
        "config_schema": schema_of(kind.form),
        "ui_schema": ui_schema_of(kind.form),
        "output_schema": _list_of(kind),
        "perform": list_,
    }
    searched: dict[str, Json] = {
        "slug": f"search{kind.plural}",
        "name": f"Search {kind.title}s",
        "description": f"Finds {kind.title}s by a query such as {kind.search}.",
        "config_schema": schema_of(Search),
        "ui_schema": ui_schema_of(Search),
        "output_schema": _list_of(kind),
        "perform": search,
    }
    return tuple(Action(kind="connector", does="acts", hint="reads", idempotency="reads", **fields) for fields in (one, several, searched))


async def _taken(items: AsyncIterator[dict[str, Json]], limit: int, kind: Kind) -> Outcome:
    """As many as are wanted, and whether there are more."""
    taken: list[dict[str, Json]] = []
    has_more = False
    async for item in items:
        if len(taken) == limit:
            has_more = True
            break
        taken.append(item)
    return Done({"items": taken, "count": len(taken), "hasMore": has_more}, f"{len(taken)} {kind.title}{'' if len(taken) == 1 else 's'}")


def _list_of(kind: Kind) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": kind.output},
            "count": {"type": "integer"},
            "hasMore": {"type": "boolean", "description": "Whether there are more than the limit."},
        },
        "required": ["items", "count", "hasMore"],
    }
