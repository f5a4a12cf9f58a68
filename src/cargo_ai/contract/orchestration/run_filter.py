"""Filters of runs: the fields that lists, counts and downloads of runs, records and spans have in common."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.contract.orchestration.execution import ExecutionsFilter
from cargo_ai.contract.orchestration.fields import Word
from cargo_ai.kernel.wire import Timestamp, Uuid, Wire


class RunOrigin(Wire):
    """Where runs come from, and when. Of records it is their latest run that counts."""

    release_uuid: Uuid | None = Field(default=None, description="Only those that ran this release.")
    batch_uuid: Uuid | None = Field(default=None, description="Only those of this batch.")
    created_after: Timestamp | None = Field(default=None, description="Only those whose run was created at or after this time.")
    created_before: Timestamp | None = Field(default=None, description="Only those whose run was created before this time.")


class RunFilter(RunOrigin):
    """What runs and records can be filtered by, besides their workflow and status."""

    parent_batch_uuid: Uuid | None = Field(default=None, description="Only those that this batch's runs have started.")
    parent_node_uuid: Uuid | None = Field(default=None, description="Only those that this node has started.")
    is_group_parent: bool | None = Field(default=None, description="Only items of groups, or none of them.")
    executions_filter: ExecutionsFilter | None = Field(default=None, description="Only those whose nodes went like this.")


class RunUpdated(Wire):
    """When runs were updated last."""

    updated_after: Timestamp | None = Field(default=None, description="Only those updated at or after this time.")
    updated_before: Timestamp | None = Field(default=None, description="Only those updated before this time.")


class RunRecord(Wire):
    """The record that runs are about."""

    record_id: Word | None = Field(default=None, description="Only those on this record.")
    record_title: Word | None = Field(default=None, description="Only those whose record title contains this.")
    record_title_or_id: Word | None = Field(default=None, description="Only those whose record title or id contains this.")
