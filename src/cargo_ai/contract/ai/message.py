"""Messages of chats: what a person or a program says, and what the agent answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never

from pydantic import AliasChoices, Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import fields
from cargo_ai.contract.ai.chat import MessageStatus, MessageType
from cargo_ai.contract.ai.release import MaxSteps, Temperature
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.fields import Limit, Number, Offset, Word
from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Counted, JsonObject, Removed, Timestamp, Uuid, Wire

FINAL = frozenset({"success", "error", "cancelled"})
MAXIMUM_TEXT = 200_000


class TextPart(Wire):
    """A text."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=MAXIMUM_TEXT)]


class FilePart(Wire):
    """A file that was uploaded, whose text goes to the language model with the message: its beginning, where it is long."""

    type: Literal["s3File"]
    name: Annotated[str, Field(min_length=1, max_length=255)]
    s3_filename: Annotated[str, Field(min_length=1, max_length=1024)]
    content_type: Annotated[str, Field(max_length=255)]


Parts = Annotated[list[Annotated[TextPart | FilePart, Field(discriminator="type")]], Field(min_length=1, max_length=50)]


class MessageUsage(Wire):
    """What an answer took: tokens, and the credits that they cost."""

    tokens_used_count: int
    billable_tokens_count: int
    input_tokens_count: int
    output_tokens_count: int
    cache_read_tokens_count: int
    cache_write_tokens_count: int
    reasoning_tokens_count: int
    credits_used_count: Number
    language_model_slug: str
    connector_uuid: Uuid


class Message(Wire):
    """A message. `parts` are texts, calls of tools with input and output, and what the model thought, in the order in which they came."""

    uuid: Uuid
    workspace_uuid: Uuid
    agent_uuid: Uuid | None
    release_uuid: Uuid | None
    chat_uuid: Uuid
    user_uuid: Uuid | None
    status: MessageStatus
    error_message: str | None
    type: MessageType
    parts: list[JsonObject]
    actions: list[JsonObject]
    resources: list[JsonObject]
    capabilities: list[JsonObject]
    mcp_clients: list[JsonObject]
    system_prompt: str | None
    with_reasoning: bool | None
    temperature: Number | None
    max_steps: int | None
    integration_slug: str | None
    connector_uuid: Uuid | None
    language_model_slug: str | None
    evaluated_tools: dict[str, Any]
    usage: MessageUsage | None
    output: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    meta: dict[str, Any] | None
    suggested_actions: list[JsonObject]
    temporal_workflow_id: str | None
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None
    deleted_at: Timestamp | None


class MessageReply(Wire):
    """One message."""

    message: Message


class MessagesReply(Wire):
    """The messages of a chat, the oldest first."""

    messages: list[Message]


class SentReply(Wire):
    """The message, and the one that will hold the answer: wait for that."""

    user_message: Message
    assistant_message: Message


class CreateMessage(Wire):
    """A message to an agent. What is given besides holds for the answer to this message alone, in place of the release's."""

    chat_uuid: Uuid | None = Field(default=None, description="The chat; without one, a new chat begins.")
    agent_uuid: Uuid | None = Field(default=None, description="The agent of a new chat.")
    release_uuid: Uuid | None = Field(default=None, description="The release that answers in a new chat.")
    parts: Parts = Field(
        description='The text, and files: [{"type":"text","text":"Who is the buyer?"},{"type":"s3File","name":"a.pdf","s3Filename":"…",'
        '"contentType":"application/pdf"}].'
    )
    actions: fields.Actions | None = Field(
        default=None, description="The actions that may be used.", validation_alias=AliasChoices("actions", "tools")
    )
    resources: fields.Resources | None = Field(default=None, description="What may be read.")
    capabilities: fields.Capabilities | None = Field(default=None, description="What the platform lets it do.")
    mcp_clients: fields.McpClients | None = Field(default=None, description="MCP servers that may be used.")
    system_prompt: fields.Prompt | None = Field(default=None, description="The instructions.")
    with_reasoning: bool | None = Field(default=None, description="Whether the language model thinks before it answers.")
    temperature: Temperature | None = Field(default=None, description="How much the answer may vary.")
    max_steps: MaxSteps | None = Field(default=None, description="The most requests to the language model.")
    integration_slug: Annotated[Word | None, AS_THERE_IS] = Field(default=None, description="The integration of the language model.")
    connector_uuid: Uuid | None = Field(default=None, description="Its connector.")
    language_model_slug: Word | None = Field(default=None, description="The language model.")
    output: fields.Output | None = Field(default=None, description='The form of the answer: {"type":"jsonSchema","jsonSchema":{...}}.')


class ListMessages(Wire):
    """Which messages to list."""

    chat_uuid: Uuid = Field(description="The chat.")
    limit: Limit = 100
    offset: Offset = 0


class CancelMessages(Wire):
    """Which answers to cancel."""

    uuids: Annotated[list[Uuid], Field(min_length=1, max_length=1_000)] = Field(description="The messages.")


class StreamMessage(Wire):
    """Which answer to watch."""

    uuid: Uuid = Field(description="The answer.")
    last_event_id: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Go on after this event, as the header Last-Event-ID does."
    )


class MessageEvents(Wire):
    """Server-sent events, each a JSON object in the form of the AI SDK's stream of UI messages; the last one is [DONE]."""

    events: list[JsonObject]


_NOT_FOUND = refusal(404, "There is no message {uuid} in this workspace.")
_UNTIL = Until("ai.message.get", key="assistantMessage.uuid", field="message.status", final=FINAL)

CreateReason = Literal[
    "fileNotReadable", "chatNotFound", "lastMessageNotFinished", "agentNotFound", "releaseNotFound", "languageModelMissing"
]

create: Operation[CreateMessage, SentReply, CreateReason] = operations.add(
    Operation(
        "ai.message.create",
        "POST",
        "/ai/messages",
        request=CreateMessage,
        response=SentReply,
        summary="Send a message; the agent's answer is a message of its own, written by a worker.",
        permission="ai:agent:write",
        refusals={
            "chatNotFound": refusal(404, "There is no chat {uuid} in this workspace."),
            "lastMessageNotFinished": refusal(409, "The answer to the last message is still being written; wait for {uuid}, or cancel it."),
            "agentNotFound": refusal(404, "There is no agent {uuid} in this workspace."),
            "releaseNotFound": refusal(404, "{cause}"),
            "languageModelMissing": refusal(400, "{cause}"),
            "fileNotReadable": refusal(400, "{cause}"),
        },
        until=_UNTIL,
        cli=Cli(
            flags={"actions": ("--actions", "--tools")},
            examples=(
                'cargo-ai ai message create --chat-uuid UUID --parts \'[{"type":"text","text":"Hello"}]\' --wait-until-finished',
                'cargo-ai ai message create --agent-uuid UUID --parts \'[{"type":"text","text":"Hello"}]\'',
            ),
        ),
    )
)

get: Operation[ByUuid, MessageReply, Literal["messageNotFound"]] = operations.add(
    Operation(
        "ai.message.get",
        "GET",
        "/ai/messages/{uuid}",
        request=ByUuid,
        response=MessageReply,
        summary="Show a message: its status, parts and usage.",
        permission="ai:agent:read",
        refusals={"messageNotFound": _NOT_FOUND},
        waits=Waits("message.uuid", "message.status", FINAL),
        cli=Cli(examples=("cargo-ai ai message get UUID",)),
    )
)

stream: Operation[StreamMessage, MessageEvents, Literal["messageNotFound"]] = operations.add(
    Operation(
        "ai.message.stream",
        "GET",
        "/ai/messages/{uuid}/stream",
        request=StreamMessage,
        response=MessageEvents,
        summary="Watch an answer while it is written, as server-sent events.",
        permission="ai:agent:read",
        refusals={"messageNotFound": _NOT_FOUND},
        output="text",
        agent_safe=False,
        cli=Cli(examples=("cargo-ai ai message stream UUID",)),
    )
)

list_: Operation[ListMessages, MessagesReply, Literal["chatNotFound"]] = operations.add(
    Operation(
        "ai.message.list",
        "GET",
        "/ai/messages/list",
        request=ListMessages,
        response=MessagesReply,
        summary="List the messages of a chat, the oldest first.",
        permission="ai:agent:read",
        refusals={"chatNotFound": refusal(404, "There is no chat {uuid} in this workspace.")},
        cli=Cli(examples=("cargo-ai ai message list --chat-uuid UUID",)),
    )
)

cancel: Operation[CancelMessages, Counted, Never] = operations.add(
    Operation(
        "ai.message.cancel",
        "POST",
        "/ai/messages/cancel",
        request=CancelMessages,
        response=Counted,
        summary="Cancel answers that are being written; what was written stays.",
        permission="ai:agent:write",
        cli=Cli(examples=("cargo-ai ai message cancel --uuids UUID",)),
    )
)

remove: Operation[ByUuid, Removed, Literal["messageNotFound", "messageNotUser"]] = operations.add(
    Operation(
        "ai.message.remove",
        "DELETE",
        "/ai/messages/{uuid}",
        request=ByUuid,
        response=Removed,
        summary="Remove a message of a user and all that came after it.",
        permission="ai:agent:write",
        refusals={
            "messageNotFound": _NOT_FOUND,
            "messageNotUser": refusal(400, "Message {uuid} is an answer; remove the message before it."),
        },
        cli=Cli(examples=("cargo-ai ai message remove UUID",)),
    )
)
