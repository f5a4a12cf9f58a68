"""`switch`: goes on by the first of its routes that holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import as_list, as_mapping, output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome, Routes, Scope
from cargo_ai.expression import condition

_NOT_A_LIST = "`routes` must be a list of {name, uuid, value}."


def routes_of(config: Mapping[str, Any]) -> Routes:
    """One child per route, and perhaps one more for when none holds: their number must be known before any run."""
    entries = as_list(config.get("routes")) or []
    names = (str((as_mapping(entry) or {}).get("name") or position) for position, entry in enumerate(entries))
    return Routes(tuple(names), default="otherwise")


def check(config: Mapping[str, Any]) -> str | None:
    """The shape of the routes."""
    routes = config.get("routes")
    entries = as_list(routes)
    if entries is None:
        return None if routes is None else _NOT_A_LIST
    return next((_not_a_route(position) for position, entry in enumerate(entries) if as_mapping(entry) is None), None)


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """`{route: name, index}` of the first route that holds. Without one both are null and the child is the one behind
    the last route: where there is no such child, the run ends."""
    routes = as_list(config.get("routes"))
    if routes is None:
        return Failed(_NOT_A_LIST)
    for index, entry in enumerate(routes):
        route = as_mapping(entry)
        if route is None:
            return Failed(_not_a_route(index))
        if condition(route.get("value")):
            name = str(route.get("name") or index)
            return Done({"route": name, "index": index}, f"✅ Route {name} is matched", child=index)
    return Done({"route": None, "index": None}, "No route matched", child=len(routes))


def preview(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The value of each route as true or false."""
    routes = as_list(config.get("routes"))
    return config if routes is None else {**config, "routes": [_preview_route(route) for route in routes]}


def _preview_route(route: object) -> object:
    fields = as_mapping(route)
    return {**fields, "value": condition(fields["value"])} if fields is not None and "value" in fields else route


def _not_a_route(position: int) -> str:
    return f"`routes[{position}]` must be an object {{name, uuid, value}}."


ACTION: Action[Call] = Action(
    slug="switch",
    name="Switch",
    description="Goes to the child of the first route that holds; one child more than routes is taken when none does.",
    does="decides",
    category="logic",
    icon="switch",
    config_schema=schema(
        {"routes": {"type": "array", "items": schema({"name": {"type": "string"}, "uuid": {"type": "string"}, "value": {}}, ("value",))}},
        ("routes",),
    ),
    output_schema=output({"route": {"type": ["string", "null"]}, "index": {"type": ["integer", "null"]}}, ("route", "index")),
    routes=routes_of,
    check=check,
    decide=decide,
    preview=preview,
)
