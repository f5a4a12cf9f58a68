"""Memories: what agents have learned and keep beyond a chat."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Removed, Timestamp, Uuid, Wire

Scope = Literal["workspace", "user", "agent"]
MAXIMUM_CONTENT = 2_000
Content = Annotated[str, Field(min_length=1, max_length=MAXIMUM_CONTENT, pattern=r"\S")]


class Memory(Wire):
    """Something that was learned. `agentUuid` is null in every scope but agent, `userUuid` in every scope but user."""

    mem0_id: Uuid
    scope: Scope
    content: str
    workspace_uuid: Uuid
    agent_uuid: Uuid | None
    user_uuid: Uuid | None
    created_at: Timestamp
    updated_at: Timestamp


class MemoryReply(Wire):
    """One memory."""

    memory: Memory


class MemoriesReply(Wire):
    """Memories, those that were changed last first."""

    memories: list[Memory]


class ListMemories(Wire):
    """Whose memories to list."""

    scope: Scope | None = Field(
        default=None,
        description="user: yours; agent: those of one agent; workspace: those that all agents share. By default agent where an agent is "
        "given, else user.",
    )
    agent_uuid: Uuid | None = Field(default=None, description="The agent; required for the scope agent.")
    limit: Limit = 100
    offset: Offset = 0


class _OneMemory(Wire):
    mem0_id: Uuid = Field(description="The memory.")
    scope: Scope = Field(description="Its scope.")
    agent_uuid: Uuid | None = Field(default=None, description="The agent; required for the scope agent.")


class RemoveMemory(_OneMemory):
    """Which memory to remove."""


class UpdateMemory(_OneMemory):
    """The memory as it is to be."""

    content: Content = Field(description="The new text of the memory.")


_NOT_FOUND = refusal(404, "There is no memory {uuid} in the scope {scope}.")
_AGENT = refusal(404, "There is no agent {uuid} in this workspace.")

list_: Operation[ListMemories, MemoriesReply, Literal["agentNotFound"]] = operations.add(
    Operation(
        "ai.memory.list",
        "GET",
        "/ai/memories/list",
        request=ListMemories,
        response=MemoriesReply,
        summary="List what agents have learned: about you, for one agent, or for all.",
        permission="ai:agent:read",
        refusals={"agentNotFound": _AGENT},
        cli=Cli(examples=("cargo-ai ai memory list --scope agent --agent-uuid UUID", "cargo-ai ai memory list --scope user")),
    )
)

update: Operation[UpdateMemory, MemoryReply, Literal["memoryNotFound"]] = operations.add(
    Operation(
        "ai.memory.update",
        "PUT",
        "/ai/memories/{mem0Id}",
        request=UpdateMemory,
        response=MemoryReply,
        summary="Correct a memory.",
        permission="ai:agent:write",
        refusals={"memoryNotFound": _NOT_FOUND},
        cli=Cli(examples=('cargo-ai ai memory update --mem0-id UUID --scope user --content "Prefers short e-mails"',)),
    )
)

remove: Operation[RemoveMemory, Removed, Literal["memoryNotFound"]] = operations.add(
    Operation(
        "ai.memory.remove",
        "DELETE",
        "/ai/memories/{mem0Id}",
        request=RemoveMemory,
        response=Removed,
        summary="Remove a memory.",
        permission="ai:agent:write",
        refusals={"memoryNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai memory remove --mem0-id UUID --scope agent --agent-uuid UUID",)),
    )
)
