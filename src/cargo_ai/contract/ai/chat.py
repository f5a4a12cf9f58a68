"""Chats: conversations with an agent, or with a language model alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import ConfigDict, Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.orchestration.fields import Limit, Listed, Number, Offset, Word
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Removed, Timestamp, Uuid, Wire

MessageStatus = Literal["pending", "generating", "success", "error", "cancelling", "cancelled"]
MessageType = Literal["user", "assistant"]
TriggerType = Literal["chat", "connector", "draft", "web_extension", "app", "workflow", "schedule"]


class ChatTrigger(Wire):
    """Where a chat comes from. `draft`: the agent's draft release answers in it; else its deployed one. What a kind adds is kept."""

    model_config = ConfigDict(extra="allow")

    type: TriggerType


class LastMessage(Wire):
    """The last message of a chat."""

    uuid: Uuid
    workspace_uuid: Uuid
    agent_uuid: Uuid | None
    release_uuid: Uuid | None
    chat_uuid: Uuid
    user_uuid: Uuid | None
    status: MessageStatus
    error_message: str | None
    type: MessageType
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None
    deleted_at: Timestamp | None


class Chat(Wire):
    """A conversation."""

    uuid: Uuid
    slug: str
    trace_uuid: Uuid
    workspace_uuid: Uuid
    user_uuid: Uuid | None
    agent_uuid: Uuid | None
    release_uuid: Uuid | None
    name: str | None
    trigger: dict[str, Any]
    heartbeat: fields.Heartbeat | None
    evaluator: fields.Evaluator | None
    active_stream_uuid: Uuid | None
    credits_used_count: Number
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None
    last_message: LastMessage | None


class ChatReply(Wire):
    """One chat."""

    chat: Chat


class ChatsReply(Wire):
    """Chats, the newest first."""

    chats: list[Chat]


class CreateChat(Wire):
    """A new chat."""

    agent_uuid: Uuid | None = Field(default=None, description="The agent; without one, messages name a language model.")
    release_uuid: Uuid | None = Field(default=None, description="The release that answers; by default the one that is deployed.")
    name: Word | None = Field(default=None, description="A name.")
    trigger: ChatTrigger = Field(
        default=ChatTrigger(type="draft"), description='Where it comes from; {"type":"draft"} talks to the draft release.'
    )


class UpdateChat(Wire):
    """Changes to a chat."""

    uuid: Uuid = Field(description="The chat.")
    name: Word | None = Field(default=None, description="The new name; null removes it.")


class ListChats(Wire):
    """Which chats to list."""

    agent_uuid: Uuid | None = Field(default=None, description="Only those with this agent.")
    release_uuid: Uuid | None = Field(default=None, description="Only those with this release.")
    user_uuid: Uuid | None = Field(default=None, description="Only those of this user.")
    trigger_type: TriggerType | None = Field(default=None, description="Only those that come from here.")
    message_statuses: Annotated[list[MessageStatus], Listed] | None = Field(
        default=None, description="Only those whose last message has one of these statuses."
    )
    name: Word | None = Field(default=None, description="Only those whose name contains this.")
    created_after: Timestamp | None = Field(default=None, description="Only those created at or after this time.")
    created_before: Timestamp | None = Field(default=None, description="Only those created before this time.")
    limit: Limit = 100
    offset: Offset = 0


_NOT_FOUND = refusal(404, "There is no chat {uuid} in this workspace.")

CreateReason = Literal["agentNotFound", "releaseNotFound"]

create: Operation[CreateChat, ChatReply, CreateReason] = operations.add(
    Operation(
        "ai.chat.create",
        "POST",
        "/ai/chats",
        request=CreateChat,
        response=ChatReply,
        summary="Begin a chat with an agent.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": refusal(404, "There is no agent {uuid} in this workspace."),
            "releaseNotFound": refusal(404, "There is no release {uuid} of this agent."),
        },
        cli=Cli(
            examples=(
                "cargo-ai ai chat create --agent-uuid UUID",
                'cargo-ai ai chat create --agent-uuid UUID --trigger \'{"type":"draft"}\' --name "A try"',
            )
        ),
    )
)

get: Operation[ByUuid, ChatReply, Literal["chatNotFound"]] = operations.add(
    Operation(
        "ai.chat.get",
        "GET",
        "/ai/chats/{uuid}",
        request=ByUuid,
        response=ChatReply,
        summary="Show a chat.",
        permission="ai:agent:read",
        refusals={"chatNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai chat get UUID",)),
    )
)

list_: Operation[ListChats, ChatsReply, Never] = operations.add(
    Operation(
        "ai.chat.list",
        "GET",
        "/ai/chats/list",
        request=ListChats,
        response=ChatsReply,
        summary="List chats, the newest first.",
        permission="ai:agent:read",
        cli=Cli(examples=("cargo-ai ai chat list --agent-uuid UUID",)),
    )
)

update: Operation[UpdateChat, ChatReply, Literal["chatNotFound"]] = operations.add(
    Operation(
        "ai.chat.update",
        "PUT",
        "/ai/chats/{uuid}",
        request=UpdateChat,
        response=ChatReply,
        summary="Rename a chat.",
        permission="ai:agent:write",
        refusals={"chatNotFound": _NOT_FOUND},
        cli=Cli(examples=('cargo-ai ai chat update --uuid UUID --name "Q3 planning"',)),
    )
)

remove: Operation[ByUuid, Removed, Literal["chatNotFound"]] = operations.add(
    Operation(
        "ai.chat.remove",
        "DELETE",
        "/ai/chats/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a chat; an answer that is being written is cancelled.",
        permission="ai:agent:write",
        refusals={"chatNotFound": _NOT_FOUND},
        cli=Cli(examples=("cargo-ai ai chat remove UUID",)),
    )
)
