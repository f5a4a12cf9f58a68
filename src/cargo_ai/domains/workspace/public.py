"""Public interface of workspace: authenticate tokens, and create workspaces."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.process import Hooks
from cargo_ai.contract.workspace.folder import FolderKind
from cargo_ai.domains.workspace import file, upload_store
from cargo_ai.domains.workspace.installation import verify_key
from cargo_ai.domains.workspace.login import console_session
from cargo_ai.domains.workspace.login import public as login
from cargo_ai.domains.workspace.login.authentication import authenticate
from cargo_ai.domains.workspace.members import access_rules, invitation_accept, invitation_link
from cargo_ai.domains.workspace.members.admin_access import FIRST_ADMIN, create_admin_token
from cargo_ai.domains.workspace.members.people import find_or_create_user
from cargo_ai.domains.workspace.members.token_rows import NewToken, create_token
from cargo_ai.domains.workspace.tables import Folder, Membership, Role, User, Workspace
from cargo_ai.domains.workspace.upload_store import Upload, UploadPart
from cargo_ai.kernel import ids
from cargo_ai.store.session import across_workspaces

__all__ = [
    "Bootstrap",
    "NewToken",
    "PersonName",
    "Upload",
    "UploadPart",
    "add_workspace",
    "authenticate",
    "bootstrap",
    "console_session",
    "create_admin_token",
    "create_token",
    "email_of",
    "file",
    "folder_exists",
    "invitation_accept",
    "invitation_link",
    "living_folder",
    "login",
    "name_and_admins",
    "person_names",
    "upload_store",
    "verify_key",
]

_BOOTSTRAP_LOCK = 0x6361_7267_6F02


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The first workspace, user and token of an empty database. `token` is the plain value, known only now."""

    workspace_uuid: uuid.UUID
    user_uuid: uuid.UUID
    token: str


@dataclass(frozen=True, slots=True)
class PersonName:
    """A user's first and last name, where given."""

    first_name: str | None
    last_name: str | None


async def person_names(db: AsyncSession, users: Collection[uuid.UUID]) -> dict[uuid.UUID, PersonName]:
    """The names of these members of the session's workspace."""
    names = select(Membership.user_uuid, Membership.first_name, Membership.last_name)
    rows = await db.execute(names.where(Membership.user_uuid.in_(users)))
    return {row[0]: PersonName(row[1], row[2]) for row in rows}


async def bootstrap(db: AsyncSession, hooks: Hooks, *, email: str = FIRST_ADMIN, workspace_name: str = "My Workspace") -> Bootstrap | None:
    """Give a database without a workspace its first one, with the preset roles, an admin and a token; None when there is one already.

    Several starters at once agree on one workspace: the others wait for the first one's commit. The caller commits.
    """
    with across_workspaces(db):
        await db.execute(select(func.pg_advisory_xact_lock(_BOOTSTRAP_LOCK)))
        if await db.scalar(select(Workspace.uuid).limit(1)) is not None:
            return None
    return await add_workspace(db, hooks, name=workspace_name, email=email)


async def add_workspace(db: AsyncSession, hooks: Hooks, *, name: str, email: str, details: dict[str, Any] | None = None) -> Bootstrap:
    """A new workspace with the preset roles, this person as its admin, and a token of the admin's. The caller commits."""
    former = db.info.get("scope")
    workspace = Workspace(uuid=ids.new(), name=name, details=details)
    db.add(workspace)
    await db.flush()
    try:
        db.info["scope"] = workspace.uuid
        admin = await find_or_create_user(db, email)
        await _add_roles_and_admin(db, workspace.uuid, admin)
        token = await create_token(db, workspace_uuid=workspace.uuid, user_uuid=admin, name="First token")
        for add_rows in hooks.workspace_created:
            await add_rows(db, workspace.uuid)
        await db.flush()
        return Bootstrap(workspace.uuid, admin, token.value)
    finally:
        db.info["scope"] = former


async def _add_roles_and_admin(db: AsyncSession, workspace_uuid: uuid.UUID, admin_uuid: uuid.UUID) -> None:
    """Add the preset roles and the first admin."""
    roles = {
        slug: Role(uuid=ids.new(), workspace_uuid=workspace_uuid, slug=slug, permissions=access_rules.preset_rules(slug), is_preset=True)
        for slug in access_rules.PRESETS
    }
    db.add_all(roles.values())
    await db.flush()
    db.add(Membership(workspace_uuid=workspace_uuid, user_uuid=admin_uuid, role_uuid=roles[access_rules.ADMIN].uuid))
    await db.flush()


async def email_of(db: AsyncSession, user: uuid.UUID) -> str | None:
    """The e-mail address of a user; None when there is no such user."""
    return await db.scalar(select(User.email).where(User.uuid == user))


async def name_and_admins(db: AsyncSession, workspace: uuid.UUID) -> tuple[str, list[str]]:
    """The workspace's name in one line, and the e-mail addresses of its admins; for letters."""
    name = await db.scalar(select(Workspace.name).where(Workspace.uuid == workspace))
    admins = (
        select(User.email)
        .join(Membership, Membership.user_uuid == User.uuid)
        .join(Role, Role.uuid == Membership.role_uuid)
        .where(Membership.workspace_uuid == workspace, Role.slug == access_rules.ADMIN)
    )
    return " ".join((name or "").split())[:200], list(await db.scalars(admins.order_by(User.email)))


async def folder_exists(db: AsyncSession, folder: uuid.UUID, kind: FolderKind) -> bool:
    """Whether the session's workspace has this folder for things of this kind; it then cannot be removed before the caller's commit."""
    uid = await db.scalar(
        select(Folder.uuid).where(Folder.uuid == folder, Folder.kind == kind, Folder.deleted_at.is_(None)).with_for_update(read=True)
    )
    return uid is not None


async def living_folder(ctx: Context, folder: uuid.UUID | None, kind: FolderKind) -> uuid.UUID | None:
    """The folder that something is restored into; None, with a warning, where it was removed meanwhile."""
    if folder is None or await folder_exists(ctx.db, folder, kind):
        return folder
    ctx.warn("Its folder was removed meanwhile: it is in none.")
    return None


async def first_workspace(db: AsyncSession) -> uuid.UUID | None:
    """The oldest workspace: the one that the installation was set up with; None before the bootstrap. Runs ALL_WORKSPACES."""
    return await db.scalar(select(Workspace.uuid).order_by(Workspace.uuid).limit(1))
