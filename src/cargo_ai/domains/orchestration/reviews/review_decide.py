"""Decide reviews: store the one decision that a review gets, and resume its run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.contract.orchestration import review as contract
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import review_rows
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.dispatch.timers.resume_early import has_passed, resume
from cargo_ai.engine.journal.tables import runs
from cargo_ai.expression import coerce
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "rouseReviewed"
SWEPT_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decides. `via`: api or link."""

    approve: bool
    values: Mapping[str, Any] | None
    comment: str | None
    user: uuid.UUID | None
    email: str | None
    via: Literal["api", "link"]


async def open_review(db: AsyncSession, uid: str, operation: AnyOperation) -> Review:
    """The review, locked and still to be decided. Refuses for the operation: unknown, decided, expired, or of a run that has ended."""
    review_uuid = ids.parse(uid)
    row = await db.scalar(select(Review).where(Review.uuid == review_uuid).with_for_update()) if review_uuid else None
    row = found_or_refuse(operation, row, "reviewNotFound", uuid=uid)
    if row.status in {"approved", "rejected"} and not row.timed_out:
        who, at = row.decided_by_email or "someone with a link", clock.to_iso(row.decided_at or row.updated_at)
        review = review_rows.to_response(row, row.status).to_wire()
        details = {"decision": row.status, "decidedBy": review["decidedBy"], "decidedAt": review["decidedAt"]}
        operation.refuse("reviewAlreadyDecided", status=row.status, who=who, at=at, details=details)
    # The run's lock: it does not end between this look and the decision.
    query = select(runs.c.status, runs.c.finished_ms).where(runs.c.uuid == row.run_uuid, runs.c.workspace_uuid == row.workspace_uuid)
    run = (await db.execute(query.with_for_update())).one_or_none()
    if row.timed_out or (row.expires_at is not None and row.expires_at <= clock.now()):
        outcome = {"approve": "approved", "reject": "rejected", "fail": "failed"}[row.timeout_outcome]
        operation.refuse("reviewExpired", at=clock.to_iso(row.expires_at or row.updated_at), outcome=outcome)
    if row.status != "pending" or run is None or run.finished_ms is not None or run.status == "cancelling":
        operation.refuse("reviewCancelled", run=row.run_uuid)
    return row


async def decide(db: AsyncSession, uid: str, decision: Decision, operation: AnyOperation) -> contract.Review:
    """Store the decision and resume the run, in the caller's transaction. Of several at once, one wins; see `open_review` for
    how the others are refused. 400 for values that the fields do not take."""
    row = await open_review(db, uid, operation)
    proposed = {field["name"]: field["value"] for field in row.fields}
    row.values = _values(row, decision.values or {}) if decision.approve else proposed
    row.edited = row.values != proposed
    row.status = "approved" if decision.approve else "rejected"
    row.comment = decision.comment.replace("\x00", "") if decision.comment else None
    row.decided_by_uuid, row.decided_by_email, row.decided_via = decision.user, decision.email, decision.via
    row.decided_at = row.updated_at = clock.now()
    await db.flush()
    connection = await driver_connection(db)
    if not await resume(connection, row.workspace_uuid, row.run_uuid, row.node_uuid):
        # The run is about to park, or has just been resumed.
        await producer().defer_later(connection, TASK, "interactive", 1, review=str(row.uuid))
    await connection.execute("select pg_notify('cargo_done', %s)", (str(row.uuid),))
    return review_rows.to_response(row, row.status)


def _values(row: Review, values: Mapping[str, Any]) -> dict[str, Any]:
    """The proposed values with the changes. 400 names the fields that are unknown, fixed, of another type, or empty and required."""
    fields = {field["name"]: field for field in row.fields}
    final = {name: field["value"] for name, field in fields.items()}
    problems: list[dict[str, str]] = []
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            problems.append({"path": f"values.{name}", "message": f"is not a field of this review; it has: {', '.join(fields) or 'none'}"})
        elif not field["editable"]:
            if value != field["value"]:
                problems.append({"path": f"values.{name}", "message": "may not be changed"})
        else:
            final[name], problem = coerce(value, field["type"])
            if problem:
                problems.append({"path": f"values.{name}", "message": f"must be a value of type {field['type']}"})
    for name, field in fields.items():
        if field["required"] and final[name] in (None, "", [], {}):
            problems.append({"path": f"values.{name}", "message": "is required: give a value to approve"})
    if problems:
        raise invalid_input(problems[:50])
    return final


class ResumeJob:
    """The queue's job that follows a decision made while the run was just parking: it looks again until the run has gone on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, review: str) -> None:
        """Resume the run if it is parked at the review's node; look again in a second while it is not and has not passed it."""
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Review).where(Review.uuid == uuid.UUID(review)))
            if row is None:
                return
            connection = await driver_connection(db)
            visit = int(row.key.rpartition(":")[2])
            if not await resume(connection, row.workspace_uuid, row.run_uuid, row.node_uuid) and not await has_passed(
                connection, row.run_uuid, row.node_uuid, visit
            ):
                await producer().defer_later(connection, TASK, "interactive", 1, review=review)
            await db.commit()


async def sweep(database: Database) -> None:
    """Mark pending reviews whose runs are over as cancelled."""
    while True:
        async with database.session(ALL_WORKSPACES) as db:
            over = select(Review.uuid).where(Review.status == "pending", ~review_rows.alive).limit(SWEPT_AT_ONCE)
            uuids = list(await db.scalars(over.with_for_update(skip_locked=True)))
            await db.execute(update(Review).where(Review.uuid.in_(uuids)).values(status="cancelled", updated_at=clock.now()))
            await db.commit()
        if len(uuids) < SWEPT_AT_ONCE:
            return
