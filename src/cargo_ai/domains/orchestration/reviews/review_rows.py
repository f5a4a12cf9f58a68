"""Review rows: convert reviews to the wire, with the status that follows from their runs."""

from __future__ import annotations

from typing import Any, Literal, cast

from sqlalchemy import Select, and_, case, exists, not_, select

from cargo_ai.contract.orchestration.review import Decider, ReviewField, ReviewStatus
from cargo_ai.contract.orchestration.review import Review as Shown
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.engine.journal.tables import runs

alive = exists(
    select(1)
    .where(
        runs.c.uuid == Review.run_uuid,
        runs.c.workspace_uuid == Review.workspace_uuid,
        runs.c.finished_ms.is_(None),
        runs.c.status != "cancelling",
    )
    .correlate(Review)
)
"""Whether the review's run still goes on."""

status = case((and_(Review.status == "pending", not_(alive)), "cancelled"), else_=Review.status)
"""A review's status as the wire has it."""


def query() -> Select[Review, str]:
    """Reviews with their status; the session's workspace is what it sees."""
    return select(Review, status.label("status"))


def to_response(row: Review, now: str) -> Shown:
    """A review on the wire, with the status that it has now."""
    decider = None
    if row.decided_via is not None:
        via = cast("Literal['api', 'link']", row.decided_via)
        decider = Decider(user_uuid=row.decided_by_uuid and str(row.decided_by_uuid), email=row.decided_by_email, via=via)
    other = {"fields_", "status", "decided_by", "assignees"}
    fields: dict[str, Any] = {name: getattr(row, name) for name in Shown.model_fields if name not in other}
    return Shown(
        **fields,
        fields=[ReviewField.model_validate(field) for field in row.fields],
        assignees=[str(assignee) for assignee in row.assignees],
        status=cast("ReviewStatus", now),
        decided_by=decider,
    )
