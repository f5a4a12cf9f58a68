"""Sessions: what a coding agent did for a user, by the agent's own session id."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class Session(Wire):
    """A session of a coding agent."""

    uuid: Uuid
    session_id: str
    user_uuid: Uuid
    workspace_uuid: Uuid
    title: str
    summary: str
    created_at: Timestamp
    finished_at: Timestamp | None


class SessionReply(Wire):
    """One session."""

    session: Session


class ListSessions(Wire):
    """Which page of the sessions."""

    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="How many to leave out.")


class SessionsReply(Wire):
    """The sessions, newest first."""

    sessions: list[Session]


class UpsertSession(Wire):
    """A session: created with its first mention, changed with every further one."""

    session_id: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="The id that the agent gives to the session.")
    title: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="What it is about.")
    summary: Annotated[str, Field(max_length=20_000)] = Field(description="What was done.")
    finished: bool = Field(default=False, description="Whether the session has ended now.")
    finished_at: Timestamp | None = Field(default=None, description="When it ended; null: it goes on.")


UpsertReason = Literal["tooManySessions", "alreadyOfAnotherUser"]

upsert: Operation[UpsertSession, SessionReply, UpsertReason] = operations.add(
    Operation(
        "workspaceManagement.session.upsert",
        "POST",
        "/workspaceManagement/sessions",
        request=UpsertSession,
        response=SessionReply,
        summary="Record what a session of a coding agent does; repeating a session id updates that session.",
        permission=None,
        refusals={
            "tooManySessions": refusal(409, "This workspace keeps {most} sessions, which is as many as it can have."),
            "alreadyOfAnotherUser": refusal(409, "The session {session!r} is another user's: choose another id."),
        },
        cli=Cli(
            examples=('cargo-ai workspace session upsert --session-id s-17 --title "Clean up leads" --summary "Merged 12." --finished',)
        ),
    )
)

get_all: Operation[ListSessions, SessionsReply, Never] = operations.add(
    Operation(
        "workspaceManagement.session.list",
        "GET",
        "/workspaceManagement/sessions/list",
        request=ListSessions,
        response=SessionsReply,
        summary="List the sessions of coding agents in this workspace, newest first.",
        permission="workspaceManagement:read",
        cli=Cli(examples=("cargo-ai workspace session list",)),
    )
)
"""Every session."""
