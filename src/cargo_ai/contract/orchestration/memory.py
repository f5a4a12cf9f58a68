"""Memories: the values that memory nodes keep from run to run."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Counted, Timestamp, Uuid, Wire

Scope = Literal["workflow", "workspace", "record"]

_WORKFLOW = "The workflow (scopes workflow and record)."
_RECORD = "The record's id (scope record)."


def scope(text: str) -> Scope:
    """The scope as a row has it."""
    return cast("Scope", text)


class Memory(Wire):
    """One value that is remembered. `workflowUuid` is null for what the whole workspace shares, `recordId` in every scope but record."""

    scope: Scope
    workflow_uuid: Uuid | None
    record_id: str | None
    key: str
    value: Any
    created_at: Timestamp
    updated_at: Timestamp


class MemoriesReply(Wire):
    """What is remembered, and how much of it there is in all."""

    memories: list[Memory]
    count: int


class ListMemories(Wire):
    """Which memories to list."""

    scope: Scope | None = Field(default=None, description="Only what is shared like this.")
    workflow_uuid: Uuid | None = Field(default=None, description="Only what this workflow remembers, of its records, too.")
    record_id: Word | None = Field(default=None, description="Only what is remembered of this record.")
    key: Word | None = Field(default=None, description="Only the values under this key.")
    limit: Limit = 100
    offset: Offset = 0


class ClearMemories(Wire):
    """Whose memories are meant."""

    scope: Scope = Field(description="Who shares them: a workflow, the whole workspace, or a workflow's runs on one record.")
    workflow_uuid: Uuid | None = Field(default=None, description=_WORKFLOW)
    record_id: Word | None = Field(default=None, description=_RECORD)

    @model_validator(mode="after")
    def _named(self) -> ClearMemories:
        wanted = {"workflow_uuid": self.scope != "workspace", "record_id": self.scope == "record"}
        if any((getattr(self, name) is not None) != needed for name, needed in wanted.items()):
            raise ValueError("scope workflow goes with workflowUuid, record with workflowUuid and recordId, workspace with neither")
        return self


class RemoveMemory(ClearMemories):
    """Which value is to be forgotten."""

    key: Annotated[Word, Field(min_length=1, description="Its key.")]


list_: Operation[ListMemories, MemoriesReply, Never] = operations.add(
    Operation(
        "orchestration.memory.list",
        "POST",
        "/orchestration/memories/list",
        request=ListMemories,
        response=MemoriesReply,
        summary="List what memory nodes remember.",
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
        summary="Forget one value that memory nodes remember.",
        permission="orchestration:workflow:write",
        refusals={"memoryNotFound": refusal(404, "Nothing is remembered under {key} in this {scope}.")},
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
        summary="Forget everything that memory nodes remember of a workflow, a record or the workspace.",
        permission="orchestration:workflow:write",
        cli=Cli(
            danger="This forgets everything that is remembered there",
            examples=("cargo-ai orchestration memory clear --scope record --workflow-uuid UUID --record-id acme.com --yes",),
        ),
    )
)
