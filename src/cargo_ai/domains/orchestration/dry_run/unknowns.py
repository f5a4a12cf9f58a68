"""Unknowns: find the nodes that depend on outputs not known yet, from their expressions (rather one too many than one too few)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

from cargo_ai.engine.graph.action import Action, Call, Json
from cargo_ai.engine.graph.graph import Graph, Node, is_start
from cargo_ai.expression import compile_config

UNKNOWN: Action[Call] = Action(
    slug="unknown",
    name="Unknown",
    description="Stands for the action of a node whose output is not known.",
    does="acts",
    config_schema={},
)
_NOTHING = compile_config({})
# `nodes` otherwise than as `nodes.slug` or `nodes["slug"]`: which ones are meant cannot be known.
_ANY = re.compile(r"\b(?:nodes|parentNodes)\b(?!\s*(?:\?\.|\.)\s*[A-Za-z_]|\s*(?:\?\.)?\[\s*['\"])")


def fence(program: Graph, unknown: Collection[str]) -> Graph:
    """The program with every node that reads one of these slugs' outputs, or leaves the way to chance, made one to stop at."""
    nodes = {uid: _fence_node(node, unknown) for uid, node in program.nodes.items()}
    return Graph(nodes, nodes[program.start.uuid], program.has_effects)


def _fence_node(node: Node, unknown: Collection[str]) -> Node:
    if _is_open(node, unknown):
        return _stop_at(node)
    if node.action.shares is not None:
        return replace(node, action=replace(node.action, does="acts", decide=None))
    return node


def _stop_at(node: Node) -> Node:
    return replace(node, action=UNKNOWN, resolver=_NOTHING)


def _is_open(node: Node, unknown: Collection[str]) -> bool:
    # What a language model will say is not known, and asking costs.
    if node.resolver.asks_model:
        return True
    if not unknown:
        return False
    text = "\n".join(node.resolver.sources)
    if node.action.does == "computes":
        # Code reads the nodes by itself.
        config = cast("Mapping[str, Json]", node.raw.get("config") or {})
        text += "\n".join(str(value) for value in config.values())
    if is_start(node.raw):
        return node.slug in unknown
    return bool(_ANY.search(text)) or any(re.search(rf"\b{re.escape(slug)}\b", text) for slug in unknown)
