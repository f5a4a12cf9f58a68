"""Owners of workflows: what tools and plays share when they are created, looked up and locked."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

Kind = Literal["tool", "play"]
_Owner = TypeVar("_Owner", Tool, Play)
_KINDS: dict[type[Tool | Play], Kind] = {Tool: "tool", Play: "play"}
_SHOWN = 10
"""How many users of a tool or play a refusal names."""


async def find(ctx: Context, table: type[_Owner], operation: Operation[Any, Any, Any], text: str) -> _Owner:
    """A living tool or play. Raises Refusal (`toolNotFound`, `playNotFound`)."""
    row = await ctx.db.scalar(select(table).where(table.uuid == ids.parse(text), table.deleted_at.is_(None)))
    kind = _KINDS[table]
    return found_or_refuse(operation, row, f"{kind}NotFound", uuid=text, fix=f"cargo-ai orchestration {kind} list")


async def lock(ctx: Context, table: type[_Owner], operation: Operation[Any, Any, Any], text: str) -> _Owner:
    """A living tool or play. Its workflow is locked with it, so that changes and deploys of one take turns."""
    # What was changed while this waited for the lock is read as it is then: both rows are locked.
    query = select(table, Workflow.deleted_at).join(Workflow, Workflow.uuid == table.workflow_uuid).where(table.uuid == ids.parse(text))
    query = query.where(table.deleted_at.is_(None)).with_for_update(of=[Workflow, table]).execution_options(populate_existing=True)
    match = (await ctx.db.execute(query)).one_or_none()
    if match is None:
        # Whether it is gone, or only its workflow is.
        await find(ctx, table, operation, text)
        operation.refuse("workflowNotFound")
    row, removed_at = match
    if removed_at is not None:
        operation.refuse("workflowNotFound")
    return row


async def find_folder(ctx: Context, kind: Kind, operation: Operation[Any, Any, Any], text: str | None) -> uuid.UUID | None:
    """The folder of this kind that a request names; None without one. Raises Refusal (`folderNotFound`)."""
    if text is None:
        return None
    folder = ids.parse(text)
    if folder is None or not await workspace.folder_exists(ctx.db, folder, kind):
        operation.refuse("folderNotFound", uuid=text, fix="cargo-ai workspace folder list")
    return folder


class NewOwner(NamedTuple):
    """The uuids of a new tool or play and of its workflow."""

    uuid: uuid.UUID
    workflow: uuid.UUID


async def create_workflow(ctx: Context, kind: Kind) -> NewOwner:
    """A workflow with an empty draft, and the uuid that its tool or play shall have."""
    owner = NewOwner(ids.new(), ids.new())
    workflow = Workflow(uuid=owner.workflow, workspace_uuid=ctx.workspace, kind=kind)
    if kind == "tool":
        workflow.tool_uuid = owner.uuid
    else:
        workflow.play_uuid = owner.uuid
    ctx.db.add(workflow)
    await ctx.db.flush()
    ctx.db.add(
        Release(
            workspace_uuid=ctx.workspace,
            workflow_uuid=owner.workflow,
            user_uuid=ctx.who.user_uuid,
            status="draft",
            nodes=[],
            test_records=[],
        )
    )
    return owner


async def users_of(db: AsyncSession, row: Tool | Play) -> list[tuple[str, uuid.UUID]]:
    """The `(kind, uuid)` of everything else that uses a tool or play."""
    return [(kind, user) for kind, user in await usages.used_by(db, _KINDS[type(row)], row.uuid) if user != row.uuid]


async def names(db: AsyncSession, users: Sequence[tuple[str, uuid.UUID]]) -> str:
    """Users in a sentence, tools and plays by their names: the first ten."""
    names: dict[uuid.UUID, str] = {}
    for table, kind in _KINDS.items():
        uuids = [user for user_kind, user in users if user_kind == kind]
        if uuids:
            rows = await db.execute(select(table.uuid, table.name).where(table.uuid.in_(uuids)))
            names |= {row.uuid: row.name for row in rows}
    shown = [f'the {kind} "{names[user]}"' if user in names else f"the {kind} {user}" for kind, user in users[:_SHOWN]]
    more = len(users) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def details(users: Sequence[tuple[str, uuid.UUID]]) -> JsonObject:
    """The same users as a refusal's details: the first ten."""
    return {"users": [{"kind": kind, "uuid": str(user)} for kind, user in users[:_SHOWN]]}
