"""Pending reviews: which people batches and runs wait for, as a sentence with the command that lists the reviews."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.fields import WaitsForReview
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import review_rows

MAX_NAMES = 3
_LIST = "cargo-ai orchestration review list --statuses pending"


async def of_batches(db: AsyncSession, batches: Iterable[uuid.UUID]) -> dict[uuid.UUID, WaitsForReview]:
    """What batches of the session's workspace wait for; those that wait for no one are left out. No statement without batches."""
    return await _waits(db, Review.batch_uuid, list(batches), "--batch-uuid")


async def of_runs(db: AsyncSession, runs: Iterable[uuid.UUID]) -> dict[uuid.UUID, WaitsForReview]:
    """The same of runs."""
    return await _waits(db, Review.run_uuid, list(runs), "--run-uuid")


async def _waits(db: AsyncSession, column: Any, uuids: list[uuid.UUID], flag: str) -> dict[uuid.UUID, WaitsForReview]:
    if not uuids:
        return {}
    assignees = cast(Review.assignees, Text)
    query = select(column, assignees, func.count(), func.min(Review.expires_at))
    query = query.where(column.in_(uuids), Review.status == "pending", review_rows.alive).group_by(column, assignees)
    groups: dict[uuid.UUID, list[tuple[list[str], int, Any]]] = {}
    for uid, names, count, expires_at in await db.execute(query):
        groups.setdefault(uid, []).append(([str(name) for name in json.loads(names or "[]")], count, expires_at))
    return {uid: _to_wire(rows, f"{_LIST} {flag} {uid}") for uid, rows in groups.items()}


def _to_wire(rows: list[tuple[list[str], int, Any]], fix: str) -> WaitsForReview:
    count = sum(row[1] for row in rows)
    names = sorted({name for row in rows for name in row[0]})
    due = min((row[2] for row in rows if row[2] is not None), default=None)
    noun = "run waits" if count == 1 else "runs wait"
    sentence = f"{count:,} {noun} for a review by {by(names)}."
    return WaitsForReview(count=count, assignees=names[:MAX_NAMES], expires_at=due, sentence=sentence, fix=fix)


def by(names: list[str]) -> str:
    """The first reviewers, for a sentence."""
    if not names:
        return "a person of the workspace"
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
