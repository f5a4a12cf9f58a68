"""Memories: the values that memory nodes store between runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Counted, Timestamp, Uuid, Wire

Scope = Literal["workflow", "workspace", "record"]

_WORKFLOW = "The workflow; required for the scopes workflow and record."
_RECORD = "The record's id; required for the scope record."


def scope(text: str) -> Scope:
    """The scope as a row has it."""
    return cast("Scope", text)


class Memory(Wire):
    """One stored value. `workflowUuid` is null in the scope workspace, `recordId` in every scope but record."""

    scope: Scope
    workflow_uuid: Uuid | None
    record_id: str | None
    key: str
    value: Any
    created_at: Timestamp
    updated_at: Timestamp


class MemoriesReply(Wire):
    """Stored values, and how many match in all."""

    memories: list[Memory]
    count: int


class ListMemories(Wire):
    """Which memories to list."""

    scope: Scope | None = Field(default=None, description="Only values of this scope.")
    workflow_uuid: Uuid | None = Field(default=None, description="Only values of this workflow, those of its records included.")
    record_id: Word | None = Field(default=None, description="Only values of the record with this id.")
    key: Word | None = Field(default=None, description="Only values with this key.")
    limit: Limit = 100
    offset: Offset = 0


class ClearMemories(Wire):
    """The scope of the values."""

    scope: Scope = Field(
        description="workspace: shared by all workflows; workflow: by one workflow; record: by one workflow's runs of one record."
    )
    workflow_uuid: Uuid | None = Field(default=None, description=_WORKFLOW)
    record_id: Word | None = Field(default=None, description=_RECORD)

    @model_validator(mode="after")
    def _named(self) -> ClearMemories:
        wanted = {"workflow_uuid": self.scope != "workspace", "record_id": self.scope == "record"}
        if any((getattr(self, name) is not None) != needed for name, needed in wanted.items()):
            raise ValueError("scope workflow goes with workflowUuid, record with workflowUuid and recordId, workspace with neither")
        return self


class RemoveMemory(ClearMemories):
    """Which value to remove."""

    key: Annotated[Word, Field(min_length=1, description="The key of the value.")]


list_: Operation[ListMemories, MemoriesReply, Never] = operations.add(
    Operation(
        "orchestration.memory.list",
        "POST",
        "/orchestration/memories/list",
        request=ListMemories,
        response=MemoriesReply,
        summary="List the values that memory nodes stored.",
        permission="orchestration:workflow:read",
        reads=True,
        cli=Cli(examples=("cargo-ai orchestration memory list --workflow-uuid UUID --key seen",)),
    )
)

remove: Operation[RemoveMemory, Counted, Literal["memoryNotFound"]] = operations.add(
    Operation(
        "orchestration.memory.remove",
        "POST",
        "/orchestration/memories/remove",
        request=RemoveMemory,
        response=Counted,
        summary="Remove one value that memory nodes stored.",
        permission="orchestration:workflow:write",
        refusals={"memoryNotFound": refusal(404, "There is no value with key {key} in this {scope}.")},
        cli=Cli(examples=("cargo-ai orchestration memory remove --scope workflow --workflow-uuid UUID --key seen",)),
    )
)

clear: Operation[ClearMemories, Counted, Never] = operations.add(
    Operation(
        "orchestration.memory.clear",
        "POST",
        "/orchestration/memories/clear",
        request=ClearMemories,
        response=Counted,
        summary="Remove all values that memory nodes stored for a workflow, a record or the workspace.",
        permission="orchestration:workflow:write",
        cli=Cli(
            danger="This removes all stored values of that scope",
            examples=("cargo-ai orchestration memory clear --scope record --workflow-uuid UUID --record-id acme.com --yes",),
        ),
    )
)
