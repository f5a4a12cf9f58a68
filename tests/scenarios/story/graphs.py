"""Graphs for the journeys, written short: every node by its slug, its children by theirs."""

from __future__ import annotations

import uuid
from typing import Any

Json = dict[str, Any]


def uuid_of(slug: str) -> str:
    """The uuid of the node with that slug: the same in each graph."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, slug))


def template(text: str) -> Json:
    """An expression object."""
    return {"kind": "templateExpression", "expression": text, "instructTo": "none", "fromRecipe": False}


def node(slug: str, action: str, config: Json | None = None, children: tuple[str, ...] = (), **more: Any) -> Json:
    """A native node; `more` overrides or adds fields."""
    return {
        "uuid": uuid_of(slug),
        "slug": slug,
        "kind": "native",
        "actionSlug": action,
        "config": config or {},
        "childrenUuids": [uuid_of(child) for child in children],
        "fallbackOnFailure": False,
        "position": {"x": 0, "y": 0},
        **more,
    }


def start(child: str) -> Json:
    """The first node."""
    return node("start", "start", children=(child,))


def end(slug: str = "end", **variables: str) -> Json:
    """A last node that yields these texts or templates."""
    values = [{"name": name, "type": "any", "value": template(text) if "{{" in text else text} for name, text in variables.items()]
    return node(slug, "end", {"variables": values})


def call(slug: str, url: str, children: tuple[str, ...], **more: Any) -> Json:
    """A connector node that asks a service over HTTP."""
    config = {"method": "GET", "url": template(url)}
    return node(slug, "request", config, children, kind="connector", integrationSlug="http", **more)


def enrich(base_url: str, **more: Any) -> list[Json]:
    """start → ask the service for the company of `domain` → end with its name."""
    asked = call("enrich_company", base_url + "/companies/{{nodes.start.domain}}", ("end",), **more)
    return [start("enrich_company"), asked, end(company_name="{{nodes.enrich_company.body.name}}")]


def wait(minutes: float) -> list[Json]:
    """start → delay → end with `greeting`."""
    pause = node("pause", "delay", {"minutes": minutes}, ("end",))
    return [start("pause"), pause, end(greeting="Hello {{nodes.start.name}}")]
