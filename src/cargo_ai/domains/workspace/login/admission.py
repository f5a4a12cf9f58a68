"""Admission: which workspaces a person who has proved an e-mail address may sign in to, and the token for one of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace.members import access_rules
from cargo_ai.domains.workspace.members.invitation import lock_members
from cargo_ai.domains.workspace.members.people import find_or_create_user
from cargo_ai.domains.workspace.members.token_rows import NewToken, create_token
from cargo_ai.domains.workspace.tables import Membership, Role, User, Workspace
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace that a person belongs to."""

    user: uuid.UUID
    email: str
    workspace: uuid.UUID
    workspace_name: str
    role_slug: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A person who has signed in to a workspace, with a new token for it."""

    place: Place
    token: NewToken


def domains_of(settings: Settings) -> frozenset[str]:
    """The e-mail domains whose people come in without an invitation."""
    return frozenset(domain.strip().lower().removeprefix("@") for domain in settings.login_domains.split(",") if domain.strip())


async def places(db: AsyncSession, email: str) -> list[Place]:
    """The workspaces of the person with this address, by name. In a session of all workspaces."""
    query = (
        select(User, Workspace, Role.slug)
        .join(Membership, Membership.user_uuid == User.uuid)
        .join(Workspace, Workspace.uuid == Membership.workspace_uuid)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(User.email == email.lower())
        .order_by(Workspace.name, Workspace.uuid)
    )
    return [Place(row[0].uuid, row[0].email, row[1].uuid, row[1].name, row[2]) for row in await db.execute(query)]


async def may_enter(db: AsyncSession, settings: Settings, email: str) -> bool:
    """Whether a person with this address may sign in to anything. In a session of all workspaces."""
    return email.lower().rpartition("@")[2] in domains_of(settings) or bool(await places(db, email))


async def admit(
    db: AsyncSession, settings: Settings, email: str, workspace: str | None, token_name: str, expires_at: datetime | None = None
) -> Admitted:
    """A token for who has proved this address. In a session of all workspaces; the caller commits.

    Refusal: 403 for who was not invited, 409 with the workspaces where none of several was named, or another one was.
    """
    known = await places(db, email)
    if not known and email.lower().rpartition("@")[2] in domains_of(settings):
        await _join_first_workspace(db, email)
        known = await places(db, email)
    if not known:
        sentence = f"{email} is in no workspace of this server. Ask an admin for an invitation: cargo-ai workspace user create"
        raise Refusal(403, "notInvited", sentence)
    place = _choose(known, workspace)
    await lock_members(db, place.workspace, shared=True)
    if place not in await places(db, email):
        raise Refusal(403, "notInvited", f"{email} was removed from the workspace meanwhile.")
    token = await create_token(db, workspace_uuid=place.workspace, user_uuid=place.user, name=token_name, expires_at=expires_at)
    return Admitted(place, token)


def _choose(known: list[Place], workspace: str | None) -> Place:
    matching = known
    if workspace is not None:
        uid = ids.parse(workspace)
        matching = [place for place in known if place.workspace == uid] or [place for place in known if place.workspace_name == workspace]
    if len(matching) == 1:
        return matching[0]
    listed = [{"uuid": str(place.workspace), "name": place.workspace_name} for place in known]
    names = ", ".join(f"{place.workspace_name} ({place.workspace})" for place in known[:20])
    raise Refusal(409, "workspaceNeeded", f"Say to which workspace, by --workspace-uuid: {names}.", {"workspaces": listed})


async def _join_first_workspace(db: AsyncSession, email: str) -> None:
    """Make the person a member of the oldest workspace, with the role that it proposes for new users, else as a viewer."""
    workspace = (await db.scalars(select(Workspace).order_by(Workspace.uuid).limit(1))).one()
    wanted = or_(Role.uuid == workspace.default_role_uuid, Role.slug == "viewer")
    roles = select(Role).where(Role.workspace_uuid == workspace.uuid, wanted, Role.slug != access_rules.ADMIN)
    role = (await db.scalars(roles.order_by((Role.uuid == workspace.default_role_uuid).desc().nulls_last()).limit(1))).one()
    user, now = await find_or_create_user(db, email), clock.now()
    member = insert(Membership).values(
        workspace_uuid=workspace.uuid, user_uuid=user, role_uuid=role.uuid, permissions=[], created_at=now, updated_at=now
    )
    await db.execute(member.on_conflict_do_nothing())
