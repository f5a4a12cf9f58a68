"""Filters of runs: the fields that lists, counts and downloads of runs, records and spans have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cargo_ai.contract.orchestration.fields import Word
from cargo_ai.contract.orchestration.runs.execution import ExecutionsFilter
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class RunOrigin(Wire):
    """Filters by the origin and the creation time of runs. For records, their latest run is compared."""

    release_uuid: Uuid | None = Field(default=None, description="Only runs of this release.")
    batch_uuid: Uuid | None = Field(default=None, description="Only runs of this batch.")
    created_after: Timestamp | None = Field(
        default=None, description="Only runs created at or after this time, such as 2026-01-31 or 2026-01-31T09:00:00Z."
    )
    created_before: Timestamp | None = Field(default=None, description="Only runs created before this time.")


class RunFilter(RunOrigin):
    """Filters of runs and records besides workflow and status."""

    parent_batch_uuid: Uuid | None = Field(default=None, description="Only child runs of this batch's runs.")
    parent_node_uuid: Uuid | None = Field(default=None, description="Only child runs started by the node with this uuid.")
    is_group_parent: bool | None = Field(default=None, description="true: only runs of group items; false: only other runs.")
    executions_filter: ExecutionsFilter | None = Field(
        default=None,
        description="Only runs whose nodes ended like this: "
        '{"conjonction":"and","groups":[{"conjonction":"and","conditions":[{"kind":"node","nodeSlug":"enrich","status":"error"}]}]}. '
        "status: absent (not executed), pending, success or error.",
    )


class RunUpdated(Wire):
    """Filters by the time of the last update."""

    updated_after: Timestamp | None = Field(default=None, description="Only runs updated at or after this time.")
    updated_before: Timestamp | None = Field(default=None, description="Only runs updated before this time.")


class RunRecord(Wire):
    """Filters by the record of a run."""

    record_id: Word | None = Field(default=None, description="Only runs of the record with this id.")
    record_title: Word | None = Field(default=None, description="Only runs whose record title contains this text.")
    record_title_or_id: Word | None = Field(default=None, description="Only runs whose record title or id contains this text.")


COUNTED = 10_000
"""How far lists and counts look when they say how many there are, unless more is asked for."""


class CountUpTo(Wire):
    """How far to count."""

    count_up_to: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        default=COUNTED,
        description="Stop counting here; isCountExact says whether there may be more. A large number counts all, which takes its time.",
    )
