"""Tables of workspace: workspaces, users, roles, memberships, tokens and folders."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.contract.workspace.members.invitation import EmailStatus
from cargo_ai.kernel import clock
from cargo_ai.store.rows import Owned, Row, Stamped


class Workspace(Stamped, Row):
    """A workspace. Everything else belongs to one."""

    __tablename__ = "workspaces"

    name: Mapped[str]
    details: Mapped[dict[str, Any] | None]
    """`metadata` on the wire; SQLAlchemy keeps that name for itself."""
    default_role_uuid: Mapped[uuid.UUID | None]


class User(Stamped, Row):
    """A person, known by e-mail across all workspaces of this installation. All else about a person belongs to a membership, so that no
    workspace learns from another whom it knows, and what about them."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(unique=True)
    """Lower case."""


class Role(Stamped, Owned, Row):
    """A named set of permission rules. `is_preset`: made with the workspace (admin, member, viewer)."""

    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("workspace_uuid", "slug"),)

    slug: Mapped[str]
    permissions: Mapped[list[Any]]
    is_preset: Mapped[bool] = mapped_column(default=False)


class Membership(Owned, Row):
    """A user's membership of a workspace: a role, further rules of the user's own, and the profile that the user has there."""

    __tablename__ = "workspace_users"

    workspace_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.uuid"), primary_key=True, index=True)
    role_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.uuid"), index=True)
    permissions: Mapped[list[Any]] = mapped_column(default=list)
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    web_extension_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed JSON: it may hold the person's session cookie of another service."""
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)


class Token(Stamped, Owned, Row):
    """An API token: only its hash and its last four characters are kept. `permissions` None: its user's rights."""

    __tablename__ = "tokens"

    user_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.uuid"), index=True)
    hash: Mapped[str] = mapped_column(unique=True)
    last_four: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    permissions: Mapped[list[Any] | None]
    last_used_at: Mapped[datetime | None]
    """To the hour, so that a busy token costs no write per request."""
    expires_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Invitation(Stamped, Owned, Row):
    """A link by which a member gets a token, once: only the hash of its code is kept. At most one of a member is open."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "uq_invitations_open",
            "workspace_uuid",
            "user_uuid",
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    user_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.uuid"), index=True)
    created_by_uuid: Mapped[uuid.UUID]
    hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    sealed_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The code, until its e-mail was sent."""
    email_status: Mapped[EmailStatus] = mapped_column(Text)
    email_problem: Mapped[str | None]
    email_attempts: Mapped[int] = mapped_column(default=0)


class Folder(Stamped, Owned, Row):
    """A folder for things of one kind. A name is taken once per kind and parent."""

    __tablename__ = "folders"
    __table_args__ = (
        Index(
            "uq_folders_name",
            "workspace_uuid",
            "kind",
            "parent_uuid",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    parent_uuid: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("folders.uuid"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    emoji_slug: Mapped[str]
    position: Mapped[float | None]
    deleted_at: Mapped[datetime | None]


class Report(Stamped, Owned, Row):
    """What a user reported to those who run the server."""

    __tablename__ = "reports"

    user_uuid: Mapped[uuid.UUID]
    title: Mapped[str]
    description: Mapped[str]


class AgentSession(Stamped, Owned, Row):
    """What a coding agent did for a user in one of its sessions, by the agent's own id."""

    __tablename__ = "agent_sessions"
    __table_args__ = (UniqueConstraint("workspace_uuid", "session_id"),)

    user_uuid: Mapped[uuid.UUID]
    session_id: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    finished_at: Mapped[datetime | None]


class LoginCode(Row):
    """A code to sign in with, which was sent to an address; only a keyed hash of it is kept. Of no workspace: the person may be in many."""

    __tablename__ = "login_codes"
    __table_args__ = (Index("ix_login_codes_email", "email", "uuid"),)

    uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    hash: Mapped[str]
    sealed_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The code, until its e-mail was sent."""
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class DeviceLogin(Row):
    """A terminal that waits for a person to sign in at the OpenID provider. `email`: whom the provider has vouched for."""

    __tablename__ = "device_logins"

    uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    device_hash: Mapped[str] = mapped_column(unique=True)
    user_code: Mapped[str] = mapped_column(unique=True)
    state_hash: Mapped[str | None] = mapped_column(unique=True)
    browser_hash: Mapped[str | None]
    sealed_verifier: Mapped[bytes | None] = mapped_column(LargeBinary)
    email: Mapped[str | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ConsoleSession(Stamped, Owned, Row):
    """A browser that has signed in to the console: only a hash of its cookie is kept. `own_token`: the token was made for it."""

    __tablename__ = "console_sessions"

    token_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("tokens.uuid", ondelete="CASCADE"), index=True)
    hash: Mapped[str] = mapped_column(unique=True)
    own_token: Mapped[bool]
    expires_at: Mapped[datetime] = mapped_column(index=True)
