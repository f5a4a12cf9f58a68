"""Node trials: compute the settings of one node, or execute it, without a run."""

from __future__ import annotations

from typing import Any, Literal, Never

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

_CONTEXT = """The outputs of earlier nodes: {"nodes":{"start":{"domain":"acme.com"}}}, or without nodes: {"start":{...}}."""
_GROUP = "Inside a group: the value of parentNodes, that is the outputs of the graph around the group."


class ComputeNode(Wire):
    """A node, and the outputs that its expressions read."""

    node: Node = Field(
        description='The node: {"uuid":"a","slug":"a","kind":"native","actionSlug":"filter","config":{...},"childrenUuids":[]}.'
    )
    context: JsonObject = Field(default_factory=dict[str, Any], description=_CONTEXT)
    group_context: JsonObject | None = Field(default=None, description=_GROUP)


class ComputedReply(Wire):
    """The node's config with every expression evaluated; the conditions of filter, branch and switch are true or false."""

    computed_config: JsonObject


class ExecuteNode(ComputeNode):
    """A node to execute once, with its effects."""

    workflow_uuid: Uuid = Field(description="The workflow that the node belongs to.")
    release_uuid: Uuid | None = Field(default=None, description="A release of the workflow; optional.")
    computed_config: JsonObject | None = Field(
        default=None, description="The evaluated config to execute with; by default the node's config is evaluated with the context."
    )


class _Sparse(Wire):
    """Only the fields that were set: outcomes have different fields."""

    @model_serializer(mode="wrap")
    def _without_unset(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        kept = {field.alias or name for name, field in type(self).model_fields.items() if name in self.model_fields_set}
        return {key: value for key, value in handler(self).items() if key in kept or key in self.model_fields_set}


class ItemExecution(_Sparse):
    """The outcome of one node for an item."""

    outcome: Literal["executing", "executed", "notExecuted"]
    data: Any = None
    reason: Literal["actionFailed"] | None = None
    message: str | None = None
    credits_used_count: Number = 0
    child_index: int | None = None


class ItemConfig(_Sparse):
    """The evaluated config of one node for an item."""

    outcome: Literal["computed", "notComputed"]
    computed_config: JsonObject | None = None
    error_message: str | None = None


class GroupItem(Wire):
    """An item of a group, with the executions and configs of the group's nodes, by slug."""

    item: Any
    executions: dict[str, ItemExecution]
    computed_configs: dict[str, ItemConfig]
    error: str | None


class NodeOutcome(_Sparse):
    """success with `data`, error with `message`, or pending: the node waits for something that only a run can wait for."""

    status: Literal["pending", "success", "error"]
    message: str | None = None
    run_uuid: Uuid | None = None
    data: Any = None
    credits_used_count: Number = 0
    group_items: list[GroupItem] | None = None
    child_index: int | None = None


ExecuteReason = Literal["workflowNotFound", "releaseNotFound", "notEnoughCredits"]

_NODE = (
    """'{"uuid":"a","slug":"a","kind":"native","actionSlug":"filter","config":{"filter":"{{nodes.start.n > 1}}"},"childrenUuids":[null]}'"""
)
_SEEN = """--context '{"nodes":{"start":{"n":2}}}'"""

compute: Operation[ComputeNode, ComputedReply, Never] = operations.add(
    Operation(
        "orchestration.node.compute",
        "POST",
        "/orchestration/nodes/compute",
        request=ComputeNode,
        response=ComputedReply,
        summary="Evaluate the expressions in a node's config, without executing it.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=(f"cargo-ai orchestration node compute --node {_NODE} {_SEEN}",)),
    )
)

execute: Operation[ExecuteNode, NodeOutcome, ExecuteReason] = operations.add(
    Operation(
        "orchestration.node.execute",
        "POST",
        "/orchestration/nodes/execute",
        request=ExecuteNode,
        response=NodeOutcome,
        summary="Execute one node outside of a run. Its effects happen.",
        permission="orchestration:workflow:write",
        refusals={
            "workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}."),
            "releaseNotFound": refusal(404, "Workflow {workflow} has no release {uuid}."),
            "notEnoughCredits": refusal(402, "The workspace has too few credits left: {cause}"),
        },
        cli=Cli(examples=(f"cargo-ai orchestration node execute --workflow-uuid UUID --node @node.json {_SEEN}",)),
    )
)
