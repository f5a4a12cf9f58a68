"""Executions: the result of each node of a run, and the filters over them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract.orchestration.fields import ExecutionStatus, Number, Word
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class FailedAttempt(Wire):
    """An attempt that failed, after which there was another one."""

    started_at: Timestamp
    finished_at: Timestamp
    error_message: str


class ExecutionOfNode(Wire):
    """The fields of every execution: the node, its outcome and the next node. `warnings`: sentences for people; `reason`: of an error, for
    programs (`outcomeUnknown`: it may have taken effect all the same). `attemptsCount`: how often it was tried; `failedAttempts`: the
    last 20 before the one that counts. `hasLog`: its code printed something, which `run get-log` shows. `isBodyDropped`: what it gave, its
    config and its log have been removed by age. All these are of this server only.
    """

    node_uuid: Uuid
    node_slug: str
    node_batch_uuid: Uuid | None = None
    node_run_uuid: Uuid | None = None
    node_message_uuid: Uuid | None = None
    node_child_index: int | None = None
    next_node_uuid: Uuid | None = None
    status: ExecutionStatus
    error_message: str | None = None
    reason: str | None = None
    title: str | None = None
    icon_url: str | None = None
    credits_used_count: Number = 0
    started_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    node_wait_until_finished: bool = True
    warnings: list[str] = Field(default_factory=list[str])
    attempts_count: int = 1
    failed_attempts: list[FailedAttempt] = Field(default_factory=list[FailedAttempt])
    has_log: bool = False
    is_body_dropped: bool = False


class NativeExecution(ExecutionOfNode):
    """A native action was executed."""

    node_kind: Literal["native"] = "native"
    node_action_slug: str


class ConnectorExecution(ExecutionOfNode):
    """An action of a connector was executed. A node that names no connector has the nil uuid here."""

    node_kind: Literal["connector"] = "connector"
    node_action_slug: str
    node_connector_uuid: Uuid
    node_integration_slug: str


class ToolExecution(ExecutionOfNode):
    """Another tool was run."""

    node_kind: Literal["tool"] = "tool"
    node_tool_uuid: Uuid
    node_release_uuid: Uuid | None


class AgentExecution(ExecutionOfNode):
    """An agent was asked."""

    node_kind: Literal["agent"] = "agent"
    node_agent_uuid: Uuid
    node_release_uuid: Uuid | None


Execution = Annotated[NativeExecution | ConnectorExecution | ToolExecution | AgentExecution, Field(discriminator="node_kind")]


class ExecutionsFilterConditionNode(Wire):
    """The outcome of one node in the run; `absent`: the node was not executed."""

    kind: Literal["node"] = "node"
    node_slug: Word
    status: Literal["absent", "pending", "success", "error"]
    value: Word | None = None


class ExecutionsFilterGroup(Wire):
    """Conditions that all hold (`and`), or one of which holds (`or`)."""

    conjonction: Literal["or", "and"]
    conditions: Annotated[list[ExecutionsFilterConditionNode], Field(max_length=50)]


class ExecutionsFilter(Wire):
    """Groups of conditions on the outcomes of nodes."""

    conjonction: Literal["or", "and"]
    groups: Annotated[list[ExecutionsFilterGroup], Field(max_length=50)]
