"""`group`: the same few nodes for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config import known, schema
from cargo_ai.engine.graph.action import Category, Done, Failed, NativeAction, Outcome, Scope
from cargo_ai.engine.graph.group import MAXIMUM_ITEMS, read_items

_OUTPUTS: dict[str, Any] = {"type": "array"}


class Group(NativeAction):
    """Walks the nodes of `_nodes` once per item. The engine itself carries it out: the items are runs."""

    slug = "group"
    name = "Group"
    description = "Runs its own nodes once per item; gives the list of what their `end` nodes gave, in the order of the items."
    category: Category = "logic"
    icon = "repeat"
    config_schema = schema(
        {
            "items": {"description": f"The list, of at most {MAXIMUM_ITEMS:,} items. An object becomes `nodes.start`, others its `value`."},
            "failOnItemFailure": {
                "type": "boolean",
                "default": False,
                "description": "The first item that fails fails the node. Otherwise its output is null.",
            },
            "_nodes": {"type": "array", "items": {"type": "object"}, "description": "A graph of its own, from `start` to `end`."},
        },
        ("items", "_nodes"),
    )
    output_schema = _OUTPUTS
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """The list and the switch, where they are known before any run. The nodes inside are checked as every graph is."""
        items, fails = config.get("items"), config.get("failOnItemFailure")
        if items is not None and known(items) and isinstance(found := read_items({"items": items}), Failed):
            return found.message
        if fails is not None and known(fails) and not isinstance(fails, bool):
            return "`failOnItemFailure` must be true or false."
        return None

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """Without items there is nothing to run; with some, only a worker can."""
        items = read_items(config)
        if isinstance(items, Failed):
            return items
        return Failed("The items of a group are runs, which only a worker can start.") if items else Done([], "0 items")


ACTION: NativeAction = Group()
