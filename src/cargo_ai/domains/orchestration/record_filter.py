"""Record filter: which runs are the latest of their records, and the filters of records as conditions on them."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import and_, select

from cargo_ai.domains.orchestration import run_filter
from cargo_ai.domains.orchestration.run_filter import Condition
from cargo_ai.engine.tables import runs
from cargo_ai.kernel.wire import Wire

_NAMES = {
    "ids": "record_ids",
    "title": "record_title",
    "title_or_id": "record_title_or_id",
    "parent_run_uuid": "parent_uuid",
    "run_uuids": "uuids",
}
"""What the filters of runs are called where records call them otherwise."""

_newer = runs.alias("newer")


def latest(before: uuid.UUID | None = None) -> Condition:
    """Whether a run is the latest of its record in its workflow, or was it before a moment (an id). A skipped one was none. An item of a
    group is another record than the one around it, whatever its id. One look into the index by workflow and record for each run, however
    many runs the record has."""
    newer = (
        select(_newer.c.uuid)
        .where(
            _newer.c.workflow_uuid == runs.c.workflow_uuid,
            _newer.c.record_id == runs.c.record_id,
            _newer.c.parent_node_uuid.is_not_distinct_from(runs.c.parent_node_uuid),
            _newer.c.uuid > runs.c.uuid,
            _newer.c.status != "skipped",
            *([_newer.c.uuid < before] if before is not None else []),
        )
        .exists()
    )
    return and_(runs.c.status != "skipped", ~newer)


def conditions(workspace: uuid.UUID, request: Wire) -> list[Condition]:
    """All conditions of a request that has some of the record filters: they are about the latest run of each record."""
    return [*run_filter.matching(workspace, given(request)), latest()]


def given(request: Wire) -> dict[str, Any]:
    """The filters of a request by the names that runs have for them."""
    found: dict[str, Any] = {_NAMES.get(name, name): getattr(request, name) for name in type(request).model_fields}
    statuses = found.get("statuses")
    if statuses is not None and "pending" in statuses:
        # Records know no idle: what waits is pending.
        found["statuses"] = [*statuses, "idle"]
    return found
