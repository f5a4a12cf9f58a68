"""Votes: what users think of answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Limit, Offset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class Vote(Wire):
    """What a user thinks of an answer."""

    workspace_uuid: Uuid
    user_uuid: Uuid
    chat_uuid: Uuid
    message_uuid: Uuid
    is_upvoted: bool
    updated_at: Timestamp


class VoteReply(Wire):
    """One vote."""

    vote: Vote


class VotesReply(Wire):
    """Votes, by message."""

    votes: list[Vote]


class UpsertVote(Wire):
    """Your vote about an answer; a second one takes the place of the first."""

    chat_uuid: Uuid = Field(description="The chat.")
    message_uuid: Uuid = Field(description="The answer.")
    is_upvoted: bool = Field(description="true: it is good; false: it is not.")


class ListVotes(Wire):
    """Whose votes to list."""

    chat_uuid: Uuid = Field(description="The chat.")
    limit: Limit = 1_000
    offset: Offset = 0


_CHAT = refusal(404, "There is no chat {uuid} in this workspace.")

upsert: Operation[UpsertVote, VoteReply, Literal["chatNotFound", "messageNotFound", "messageNotAssistant"]] = operations.add(
    Operation(
        "ai.vote.upsert",
        "PUT",
        "/ai/votes",
        request=UpsertVote,
        response=VoteReply,
        summary="Vote for or against an answer, or change your vote.",
        permission="ai:agent:write",
        refusals={
            "chatNotFound": _CHAT,
            "messageNotFound": refusal(404, "There is no message {uuid} in chat {chat}."),
            "messageNotAssistant": refusal(400, "Message {uuid} is not an answer: only answers are voted on."),
        },
        cli=Cli(examples=("cargo-ai ai vote upsert --chat-uuid UUID --message-uuid UUID --is-upvoted true",)),
    )
)

list_: Operation[ListVotes, VotesReply, Literal["chatNotFound"]] = operations.add(
    Operation(
        "ai.vote.list",
        "GET",
        "/ai/votes/list",
        request=ListVotes,
        response=VotesReply,
        summary="List the votes about the answers of a chat.",
        permission="ai:agent:read",
        refusals={"chatNotFound": _CHAT},
        cli=Cli(examples=("cargo-ai ai vote list --chat-uuid UUID",)),
    )
)
