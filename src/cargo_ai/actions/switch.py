"""`switch`: as many ways to go on as it has routes, the first one that holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import listed, mapping, schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope
from cargo_ai.expression import condition

_NOT_A_LIST = "`routes` must be a list of {name, uuid, value}."


class Switch(NativeAction):
    """Goes to the child of its first route that holds. One child more than routes is the default; without it the run ends."""

    slug = "switch"
    name = "Switch"
    description = "Goes to the child of the first route that holds; one child more than routes is taken when none does."
    category: Category = "logic"
    icon = "switch"
    config_schema = schema(
        {"routes": {"type": "array", "items": schema({"name": {"type": "string"}, "uuid": {"type": "string"}, "value": {}}, ("value",))}},
        ("routes",),
    )
    output_schema = schema({"route": {"type": ["string", "null"]}, "index": {"type": ["integer", "null"]}}, ("route", "index"))
    children_count = None

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """As many as routes, or one more for the default."""
        count = len(listed(config.get("routes")) or ())
        return (count, count + 1)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The shape of the routes, whose number must be known before any run because the children are counted by it."""
        routes = config.get("routes")
        entries = listed(routes)
        if entries is None:
            return None if routes is None else _NOT_A_LIST
        return next((_no_route(at) for at, entry in enumerate(entries) if mapping(entry) is None), None)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """`{route: name, index}` of the first route that holds. Without one both are null and the child is the one behind
        the last route: where there is no such child, the run ends."""
        routes = listed(config.get("routes"))
        if routes is None:
            return Failed(_NOT_A_LIST)
        for index, entry in enumerate(routes):
            route = mapping(entry)
            if route is None:
                return Failed(_no_route(index))
            if condition(route.get("value")):
                name = str(route.get("name") or index)
                return Done({"route": name, "index": index}, f"✅ Route {name} is matched", child=index)
        return Done({"route": None, "index": None}, "No route matched", child=len(routes))


def _no_route(position: int) -> str:
    return f"`routes[{position}]` must be an object {{name, uuid, value}}."


ACTION: NativeAction = Switch()
