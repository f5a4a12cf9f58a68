"""Tables of agents, their releases, chats, messages, votes and memories."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, Date, ForeignKey, Index, Integer, Numeric, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Agent(Stamped, Owned, Row):
    """An agent. template: whether it is offered as one, null: no. max_tokens_per_day, max_credits_per_day: null is no limit."""

    __tablename__ = "agents"

    user_uuid: Mapped[uuid.UUID | None]
    name: Mapped[str]
    icon: Mapped[dict[str, Any]] = mapped_column(Json)
    description: Mapped[str | None]
    triggers: Mapped[list[Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    template: Mapped[dict[str, Any] | None] = mapped_column(Json)
    max_tokens_per_day: Mapped[int | None]
    max_credits_per_day: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    deleted_at: Mapped[datetime | None]


class AgentUsage(Owned, Row):
    """The tokens and credits that an agent has used on a day (UTC), in several rows, so that many answers can count at once."""

    __tablename__ = "agent_usage"

    agent_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tokens: Mapped[int]
    credits: Mapped[Decimal] = mapped_column(Numeric(20, 6))


class AgentReservation(Owned, Row):
    """The tokens and credits that the present step of an answer may take, of an agent that has a limit for a day."""

    __tablename__ = "agent_reservations"

    message_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_uuid: Mapped[uuid.UUID] = mapped_column(index=True)
    tokens: Mapped[int]
    credits: Mapped[Decimal] = mapped_column(Numeric(20, 6))


class AgentRelease(Stamped, Owned, Row):
    """A version of an agent: one draft, at most one deployed, the others archived and frozen. `parts`: all that it is made of, as on the
    wire, with secrets sealed."""

    __tablename__ = "agent_releases"
    __table_args__ = (
        Index("ix_agent_releases_agent", "agent_uuid", "uuid"),
        Index("uq_agent_releases_draft", "agent_uuid", unique=True, postgresql_where=text("status = 'draft'")),
        Index("uq_agent_releases_deployed", "agent_uuid", unique=True, postgresql_where=text("status = 'deployed'")),
        Index("uq_agent_releases_version", "agent_uuid", "version", unique=True),
    )

    agent_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.uuid"))
    user_uuid: Mapped[uuid.UUID]
    parent_uuid: Mapped[uuid.UUID | None]
    status: Mapped[str]
    version: Mapped[str | None]
    description: Mapped[str | None]
    template_slug: Mapped[str | None]
    parts: Mapped[dict[str, Any]] = mapped_column(Json)
    deployed_at: Mapped[datetime | None]


class Chat(Stamped, Owned, Row):
    """A conversation. `release_uuid`: the release that was asked for; null: the one that the trigger means.

    heartbeat_at: when the agent is asked again by itself; heartbeats_count: how often it was since a user has written.
    parent_message_uuid: of a chat with a sub-agent, the answer from which it was called.
    """

    __tablename__ = "chats"
    __table_args__ = (
        Index("ix_chats_agent", "workspace_uuid", "agent_uuid", "uuid"),
        Index("ix_chats_heartbeat", "heartbeat_at", postgresql_where=text("heartbeat_at is not null")),
        Index("ix_chats_parent", "parent_message_uuid", postgresql_where=text("parent_message_uuid is not null")),
        Index("ix_chats_trace", "trace_uuid", postgresql_where=text("parent_message_uuid is not null")),
    )

    user_uuid: Mapped[uuid.UUID | None]
    agent_uuid: Mapped[uuid.UUID | None]
    release_uuid: Mapped[uuid.UUID | None]
    name: Mapped[str | None]
    trigger: Mapped[dict[str, Any]] = mapped_column(Json)
    trace_uuid: Mapped[uuid.UUID]
    parent_message_uuid: Mapped[uuid.UUID | None]
    last_message_uuid: Mapped[uuid.UUID | None]
    heartbeat_at: Mapped[datetime | None]
    heartbeats_count: Mapped[int] = mapped_column(Integer, default=0)
    deleted_at: Mapped[datetime | None]


class Message(Stamped, Owned, Row):
    """A message of a user, or an answer. parts: as on the wire. given: what the user gave besides, for this answer alone.

    steps: of an answer, what the language model said and what its tools gave, in order, as each step ended: from here it is taken up again.
    execution_key: of the answer to a node of a workflow, which is asked for once.
    owner, leased_until: the process that writes it, and until when it has said to be alive.
    afterwards_at: of an answer, from when a process may do what is left to be done after it; null: nothing.
    awaits: of an answer that is parked, which no process writes until one of these runs and messages has ended.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_chat", "chat_uuid", "uuid"),
        Index("uq_messages_execution_key", "execution_key", unique=True),
        Index("ix_messages_afterwards", "afterwards_at", postgresql_where=text("afterwards_at is not null")),
        Index("ix_messages_parked", "uuid", postgresql_where=text("awaits is not null")),
        Index("ix_messages_unfinished", "leased_until", postgresql_where=text("status in ('pending', 'generating', 'cancelling')")),
    )

    chat_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("chats.uuid"))
    user_uuid: Mapped[uuid.UUID | None]
    agent_uuid: Mapped[uuid.UUID | None]
    release_uuid: Mapped[uuid.UUID | None]
    type: Mapped[str]
    status: Mapped[str]
    parts: Mapped[list[Any]] = mapped_column(Json)
    given: Mapped[dict[str, Any]] = mapped_column(Json)
    steps: Mapped[list[Any]] = mapped_column(Json)
    usage: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error_message: Mapped[str | None]
    execution_key: Mapped[str | None]
    owner: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    afterwards_at: Mapped[datetime | None]
    evaluation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    suggested_actions: Mapped[list[Any] | None] = mapped_column(Json)
    awaits: Mapped[list[uuid.UUID] | None] = mapped_column(ARRAY(Uuid))
    finished_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Vote(Owned, Row):
    """What a user thinks of an answer."""

    __tablename__ = "votes"
    __table_args__ = (Index("ix_votes_chat", "chat_uuid", "message_uuid"),)

    message_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("messages.uuid"), primary_key=True)
    user_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    chat_uuid: Mapped[uuid.UUID]
    is_upvoted: Mapped[bool]
    updated_at: Mapped[datetime]


class AgentMemory(Stamped, Owned, Row):
    """Something that agents have learned. scope: who shares it; `owner`: the user or agent, of the scope workspace the workspace."""

    __tablename__ = "agent_memories"
    __table_args__ = (Index("ix_agent_memories_owner", "workspace_uuid", "scope", "owner", "updated_at"),)

    scope: Mapped[str]
    owner: Mapped[uuid.UUID]
    content: Mapped[str]


class FilledField(Owned, Row):
    """What a language model gave for a field that it fills, or for a request with a key. digest: of what it was asked."""

    __tablename__ = "filled_fields"
    __table_args__ = (Index("ix_filled_fields_given_at", "given_at"),)

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(Json)
    given_at: Mapped[datetime]


class McpServer(Stamped, Owned, Row):
    """An MCP server: what is offered at its address. actions, resources, capabilities: as on the wire."""

    __tablename__ = "mcp_servers"

    user_uuid: Mapped[uuid.UUID]
    name: Mapped[str]
    description: Mapped[str | None]
    actions: Mapped[list[Any]] = mapped_column(Json)
    resources: Mapped[list[Any]] = mapped_column(Json)
    capabilities: Mapped[list[Any]] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    deleted_at: Mapped[datetime | None]


class Document(Owned, Row):
    """One version of a document, which is named by `document_uuid`."""

    __tablename__ = "documents"
    __table_args__ = (Index("ix_documents_versions", "document_uuid", "created_at"),)

    version_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    document_uuid: Mapped[uuid.UUID]
    user_uuid: Mapped[uuid.UUID]
    kind: Mapped[str]
    title: Mapped[str | None]
    content: Mapped[str]
    created_at: Mapped[datetime]
