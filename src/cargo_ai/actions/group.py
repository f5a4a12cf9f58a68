"""`group`: runs the same few nodes for each item of a list, each item as a child run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import Schema, as_list, as_mapping, is_constant, schema
from cargo_ai.actions.config.variables import outputs_of_graph
from cargo_ai.engine.graph.action import Action, Call, Failed
from cargo_ai.engine.graph.group import MAXIMUM_ITEMS, read_items


def check(config: Mapping[str, Any]) -> str | None:
    """The list and the switch, where they are known before any run. The nodes inside are checked as every graph is."""
    items, fails = config.get("items"), config.get("failOnItemFailure")
    if items is not None and is_constant(items) and isinstance(records := read_items({"items": items}), Failed):
        return records.message
    if fails is not None and is_constant(fails) and not isinstance(fails, bool):
        return "`failOnItemFailure` must be true or false."
    return None


def outputs(config: Mapping[str, Any], _models: object) -> Schema:
    """The list of what the `end` nodes inside give, null for an item that came to none."""
    nodes = (as_mapping(node) for node in as_list(config.get("_nodes")) or [])
    item = outputs_of_graph([node for node in nodes if node is not None])
    return {"type": "array"} if item is None else {"type": "array", "items": item}


ACTION: Action[Call] = Action(
    slug="group",
    name="Group",
    description="Runs its own nodes once per item; gives the list of what their `end` nodes gave, in the order of the items.",
    does="runs children",
    category="logic",
    icon="repeat",
    config_schema=schema(
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
    ),
    output_schema={"type": "array"},
    outputs=outputs,
    verbatim=frozenset({"_nodes"}),
    only_in_graphs=True,
    check=check,
)
