"""Owners of workflows: what tools and plays have in common."""

from __future__ import annotations

import uuid
from typing import Any, Literal, TypeVar

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.domains.orchestration.tables import Play, Tool, Workflow
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation

_Owner = TypeVar("_Owner", Tool, Play)


async def lock(ctx: Context, table: type[_Owner], operation: Operation[Any, Any, Any], text: str) -> _Owner | None:
    """A living tool or play. Its workflow is locked with it, so that changes and deploys of one take turns."""
    row = await ctx.db.scalar(select(table).where(table.uuid == ids.parse(text), table.deleted_at.is_(None)))
    if row is None:
        return None
    owned = await ctx.db.scalar(select(Workflow).where(Workflow.uuid == row.workflow_uuid).with_for_update())
    await ctx.db.refresh(row)
    if row.deleted_at is not None:
        return None
    if owned is None or owned.deleted_at is not None:
        operation.refuse("workflowNotFound")
    return row


async def find_folder(
    ctx: Context, kind: Literal["tool", "play"], operation: Operation[Any, Any, Any], text: str | None
) -> uuid.UUID | None:
    """The folder of that kind which a request names."""
    if text is None:
        return None
    found = ids.parse(text)
    if found is None or not await workspace.folder_exists(ctx.db, found, kind):
        operation.refuse("folderNotFound", uuid=text, fix="cargo-ai workspace folder list")
    return found
