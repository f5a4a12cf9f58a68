"""Nodes: the parts of a graph, and the operation that validates a graph."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import MAXIMUM_NODES, Number, Text, Word
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

NodeKind = Literal["native", "connector", "tool", "agent"]

InvalidReason = Literal[
    "startNodeNotFound",
    "nodesNotFound",
    "childrenUuidsInvalid",
    "connectorNotFound",
    "actionNotFound",
    "nativeInvalid",
    "toolInvalid",
    "agentInvalid",
    "slugInvalid",
    "subNodesInvalid",
    "expressionInvalid",
]


class Position(Wire):
    """Where a node stands on the canvas; the engine does not look at it."""

    x: Number = 0
    y: Number = 0


class NodeRetry(Wire):
    """How often and when a failed node is tried again; attempts count the first try, the interval is in milliseconds."""

    maximum_attempts: Number | None = None
    initial_interval: Number | None = None
    backoff_coefficient: Number | None = None


class Node(Wire):
    """One node of a graph. Which of the later fields it needs depends on its kind."""

    uuid: Uuid = Field(description="Unique in the graph; children are named by it.")
    slug: Word = Field(description="The name by which expressions reach its output: nodes.<slug>.")
    kind: NodeKind = Field(description="What acts: a native action, a connector, another tool or an agent.")
    name: Text | None = None
    description: Text | None = None
    action_slug: Word | None = Field(default=None, description="The action (native and connector).")
    integration_slug: Word | None = Field(default=None, description="The integration (connector).")
    connector_uuid: Uuid | None = Field(default=None, description="The connector; absent means the integration's default one.")
    tool_uuid: Uuid | None = Field(default=None, description="The tool (tool).")
    agent_uuid: Uuid | None = Field(default=None, description="The agent (agent).")
    template_slug: Word | None = Field(default=None, description="The template that stands for a tool or an agent.")
    release_uuid: Uuid | None = Field(default=None, description="The release of the tool or agent; absent means the deployed one.")
    wait_until_finished: bool | None = Field(default=None, description="false goes on without waiting (tool, agent).")
    config: dict[str, Any] = Field(default_factory=dict[str, Any], description="The action's settings; expressions are allowed inside.")
    children_uuids: list[Uuid | None] = Field(default_factory=list[Uuid | None], description="The next nodes; their order has a meaning.")
    fallback_on_failure: bool = Field(default=False, description="Go on to the first child when the node fails.")
    fallback_child_uuid: Uuid | None = Field(default=None, description="Go to this node when the node fails.")
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
        """The node as it is kept and handed out: camelCase, what was not given stays absent, config untouched."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Nodes = Annotated[list[Node], Field(max_length=MAXIMUM_NODES)]
"""A graph: at most 500 nodes."""


class NodeNamed(Wire):
    """Which node is meant; both are empty when the fault is the graph's."""

    uuid: str
    slug: str


class InvalidNode(Wire):
    """A node that cannot be, why, and in plain words; `invalidNodes` are the faults inside a group."""

    node: NodeNamed
    reason: InvalidReason
    message: str
    invalid_nodes: list[InvalidNode] | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler):  # a return type would hide the fields from the JSON Schema
        return _present(handler(self))


class ValidateNodes(Wire):
    """A graph to be looked at."""

    nodes: Nodes = Field(description="The whole graph.")


class Validation(Wire):
    """`valid`, or `notValid` with the faults."""

    outcome: Literal["valid", "notValid"]
    invalid_nodes: list[InvalidNode] | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler):  # see InvalidNode
        return _present(handler(self))


def _present(dumped: JsonObject) -> JsonObject:
    return {key: value for key, value in dumped.items() if value is not None}


validate: Operation[ValidateNodes, Validation, Never] = operations.add(
    Operation(
        "orchestration.node.validate",
        "POST",
        "/orchestration/nodes/validate",
        request=ValidateNodes,
        response=Validation,
        summary="Check a node graph without saving it.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration node validate --nodes @nodes.json",)),
    )
)
