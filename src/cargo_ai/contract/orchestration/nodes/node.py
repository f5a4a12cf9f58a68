"""Nodes: the parts of a graph, and the operation that validates a graph."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.fields import MAXIMUM_NODES, NodeKind, Number, Text, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

InvalidReason = Literal[
    "startNodeNotFound",
    "nodesNotFound",
    "childrenUuidsInvalid",
    "connectorNotFound",
    "actionNotFound",
    "nativeInvalid",
    "connectorInvalid",
    "toolInvalid",
    "agentInvalid",
    "slugInvalid",
    "subNodesInvalid",
    "expressionInvalid",
]


class Position(Wire):
    """The position of a node on the canvas; it does not affect execution."""

    x: Number = 0
    y: Number = 0


class NodeRetry(Wire):
    """How a failed node is retried. `maximumAttempts` includes the first attempt; `initialInterval` is in milliseconds."""

    maximum_attempts: Number | None = None
    initial_interval: Number | None = None
    backoff_coefficient: Number | None = None


class Node(Wire):
    """One node of a graph. Native nodes need `actionSlug`; connector nodes `integrationSlug` and `actionSlug`; tool nodes `toolUuid`."""

    uuid: Uuid = Field(description="Unique in the graph; childrenUuids refer to it.")
    slug: Word = Field(description="Unique in the graph; expressions read the output as nodes.<slug>.")
    kind: NodeKind = Field(description="What the node executes: a native action, a connector's action, a tool or an agent.")
    name: Text | None = None
    description: Text | None = None
    action_slug: Word | None = Field(default=None, description="The action (native and connector).")
    integration_slug: Annotated[Word | None, AS_THERE_IS] = Field(default=None, description="The integration (connector).")
    connector_uuid: Uuid | None = Field(default=None, description="The connector (connector); the integration's default one by default.")
    tool_uuid: Uuid | None = Field(default=None, description="The tool (tool).")
    agent_uuid: Uuid | None = Field(default=None, description="The agent (agent).")
    template_slug: Word | None = Field(default=None, description="A template instead of a tool or an agent.")
    release_uuid: Uuid | None = Field(default=None, description="The release of the tool or agent; the deployed one by default.")
    wait_until_finished: bool | None = Field(default=None, description="false: continue without waiting for the result (tool, agent).")
    config: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="The settings of the action; values may contain {{expressions}}."
    )
    children_uuids: list[Uuid | None] = Field(
        default_factory=list[Uuid | None],
        description="The next nodes, one per route: a branch has two (true, false), a switch one per case. null ends the run.",
    )
    fallback_on_failure: bool = Field(default=False, description="Continue with the first child when the node fails.")
    fallback_child_uuid: Uuid | None = Field(default=None, description="Continue with this node when the node fails.")
    position: Position = Position()
    retry: NodeRetry | None = None

    @model_validator(mode="after")
    def _complete(self) -> Node:
        needed = {"native": ("actionSlug",), "connector": ("integrationSlug", "actionSlug")}.get(self.kind, ())
        given = {"actionSlug": self.action_slug, "integrationSlug": self.integration_slug}
        missing = [name for name in needed if not given[name]]
        if missing:
            raise ValueError(f"a {self.kind} node needs {' and '.join(missing)}")
        return self

    def stored(self) -> JsonObject:
        """The node as it is stored and returned: camelCase, without absent fields, `config` unchanged."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Nodes = Annotated[list[Node], Field(max_length=MAXIMUM_NODES)]
"""A graph: at most 500 nodes."""

NODES: Final = (
    "The graph to run instead of a release: a list of at most 500 nodes, such as "
    '{"uuid":"a","slug":"start","kind":"native","actionSlug":"start","config":{},"childrenUuids":["b"]}.'
)


class NodeNamed(Wire):
    """A node; both fields are empty when the problem concerns the whole graph."""

    uuid: str
    slug: str


class InvalidNode(Wire):
    """An invalid node, with the reason and a message. A node with several problems is listed once for each.

    `path`: where in the node, such as `config.mappings[0].columnSlug`; absent when it is the node as a whole. `invalidNodes`: the problems
    inside a group.
    """

    node: NodeNamed
    reason: InvalidReason
    message: str
    path: str | None = None
    invalid_nodes: list[InvalidNode] | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        return _present(handler(self))


class NodeWarning(Wire):
    """What may not be meant: the graph can be deployed all the same. `path` as in invalid nodes; empty for the node as a whole."""

    node: NodeNamed
    path: str
    message: str


class ValidateNodes(Wire):
    """A graph to validate."""

    nodes: Nodes = Field(description="The whole graph: a list of nodes, as orchestration release get shows them.")
    workflow_uuid: Uuid | None = Field(
        default=None, description="The workflow that it is for: then the fields of its model or its form are known, too."
    )


class Validation(Wire):
    """`valid`, or `notValid` with the invalid nodes. `warnings`: what may not be meant."""

    outcome: Literal["valid", "notValid"]
    invalid_nodes: list[InvalidNode] | None = None
    warnings: list[NodeWarning] | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler):  # see InvalidNode
        return _present(handler(self))


def _present(dumped: JsonObject) -> JsonObject:
    return {key: value for key, value in dumped.items() if value is not None}


ValidateReason = Literal["workflowNotFound"]

validate: Operation[ValidateNodes, Validation, ValidateReason] = operations.add(
    Operation(
        "orchestration.node.validate",
        "POST",
        "/orchestration/nodes/validate",
        request=ValidateNodes,
        response=Validation,
        summary="Validate a graph without saving it: shape, settings of each action, models and columns, what expressions read, retries.",
        permission="orchestration:workflow:read",
        refusals={"workflowNotFound": refusal(404, "There is no workflow with uuid {uuid}.")},
        reads=True,
        cli=Cli(
            examples=(
                "cargo-ai orchestration node validate --nodes @nodes.json",
                "cargo-ai orchestration node validate --nodes @nodes.json --workflow-uuid UUID",
            ),
            fails_when=("outcome", "notValid"),
        ),
    )
)
