"""Removed workflows: what tools and plays share when they go into the bin, come back and are removed forever."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.removal.bin_kinds import Contents
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.kernel import clock
from cargo_ai.store.driver import driver_connection, value

MAX_COUNTED = 10_000
_RUNS = "select count(*) from (select from runs where workspace_uuid = %s and workflow_uuid = %s limit %s) as counted"


async def hide(db: AsyncSession, row: Tool | Play) -> None:
    """Mark a tool or play, its workflow and its releases as removed. Runs that have started go on."""
    now = clock.now()
    row.deleted_at = now
    for table, matches in ((Workflow, Workflow.uuid == row.workflow_uuid), (Release, Release.workflow_uuid == row.workflow_uuid)):
        await db.execute(update(table).where(matches).values(deleted_at=now).execution_options(synchronize_session=False))
    await db.flush()


async def show(db: AsyncSession, row: Tool | Play) -> None:
    """Take that back."""
    row.deleted_at = None
    for table, matches in ((Workflow, Workflow.uuid == row.workflow_uuid), (Release, Release.workflow_uuid == row.workflow_uuid)):
        await db.execute(update(table).where(matches).values(deleted_at=None).execution_options(synchronize_session=False))
    await db.flush()


async def erase_drafts(db: AsyncSession, workflow: uuid.UUID) -> None:
    """Erase the draft and the records to test with. Releases stay, for the runs that were of them."""
    of_workflow = Release.workflow_uuid == workflow
    draft = update(Release).where(of_workflow, Release.status == "draft").values(nodes=[], form_fields=None)
    for statement in (draft, update(Release).where(of_workflow).values(test_records=[])):
        await db.execute(statement.execution_options(synchronize_session=False))


def contents_of(table: type[Tool | Play]) -> Callable[[AsyncSession, uuid.UUID], Awaitable[Contents | None]]:
    """The function that says what goes with a tool or play."""

    async def contents(db: AsyncSession, owner: uuid.UUID) -> Contents | None:
        row = await db.scalar(select(table).where(table.uuid == owner, table.deleted_at.is_(None)))
        if row is None:
            return None
        releases = await db.scalar(
            select(func.count()).select_from(Release).where(Release.workflow_uuid == row.workflow_uuid, Release.status != "draft")
        )
        runs = int(await value(await driver_connection(db), _RUNS, [row.workspace_uuid, row.workflow_uuid, MAX_COUNTED + 1]))
        counted = f"more than {MAX_COUNTED:,} runs" if runs > MAX_COUNTED else f"{runs:,} run{'' if runs == 1 else 's'}"
        return Contents(row.name, f"{releases} release{'' if releases == 1 else 's'}; of {counted} the history stays")

    return contents
