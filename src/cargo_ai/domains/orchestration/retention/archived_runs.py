"""Archived runs: the command that finds the executions of a run that was removed by age."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.domains.orchestration.retention.archive_files import present
from cargo_ai.engine.retention.tables import archived_files

_VERSION_WITH_TIME = 7
_FIND = "cargo-ai orchestration query execute --query \"SELECT * FROM spans WHERE run_uuid = '{}'\""


async def find_command(ctx: Context, uid: uuid.UUID | None) -> str | None:
    """For a run that is not there: the command to run next, where runs of its month are in the archive alone; else None."""
    if uid is None or uid.version != _VERSION_WITH_TIME:
        return None
    month = datetime.fromtimestamp((uid.int >> 80) / 1000, UTC).strftime("%Y_%m")
    removed = select(archived_files.c.key).where(
        *present(ctx.workspace), archived_files.c.month == month, archived_files.c.are_runs_removed
    )
    if await ctx.db.scalar(removed.limit(1)) is None:
        return None
    return _FIND.format(uid)
