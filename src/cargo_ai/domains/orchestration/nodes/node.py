"""Nodes: validate a graph without saving it."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration import node as contract
from cargo_ai.domains.orchestration.workflows import validation
from cargo_ai.engine.graph.validation import InvalidNode
from cargo_ai.kernel.wire import JsonObject


@handles(contract.validate)
async def validate(ctx: Context, request: contract.ValidateNodes) -> contract.Validation:
    """`valid`, or every fault of the graph."""
    nodes = stored(ctx, request.nodes)
    found = await validation.problems(ctx.db, ctx.actions, nodes)
    if not found:
        return contract.Validation(outcome="valid")
    return contract.Validation(outcome="notValid", invalid_nodes=[reply(fault) for fault in found])


def reply(fault: InvalidNode) -> contract.InvalidNode:
    """The fault on the wire."""
    return contract.InvalidNode.model_validate(fault.to_wire())


def stored(ctx: Context, nodes: list[contract.Node]) -> list[JsonObject]:
    """The nodes as they are kept; warns of slugs that several of them have."""
    kept = [node.stored() for node in nodes]
    for slug in validation.repeated_slugs(kept):
        ctx.warn(f"Several nodes have the slug {slug}: nodes.{slug} is the output of the one visited last.")
    return kept
