"""Tables of storage: models, relationships, refreshes, merges. Records are in a table per model, whose name `models` has."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Json, Owned, Row, Stamped, Xid8


class Model(Stamped, Owned, Row):
    """A table of records. `columns` and `additional_columns` are as the wire has them; `column_order` lists all slugs in order."""

    __tablename__ = "models"
    __table_args__ = (
        Index("uq_models_slug", "dataset_uuid", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),
        Index("ix_models_log_name", "log_name"),
    )

    user_uuid: Mapped[uuid.UUID]
    dataset_uuid: Mapped[uuid.UUID] = mapped_column(index=True)
    slug: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    extractor_slug: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(Json)
    position: Mapped[dict[str, Any] | None] = mapped_column(Json)
    schedule: Mapped[dict[str, Any] | None] = mapped_column(Json)
    columns: Mapped[list[Any]] = mapped_column(Json)
    additional_columns: Mapped[list[Any]] = mapped_column(Json)
    column_order: Mapped[list[Any]] = mapped_column(Json)
    id_column_slug: Mapped[str]
    title_column_slug: Mapped[str]
    time_column_slug: Mapped[str | None]
    unification: Mapped[dict[str, Any] | None] = mapped_column(Json)
    folder_uuid: Mapped[uuid.UUID | None]
    is_paused: Mapped[bool] = mapped_column(default=False)
    schema_name: Mapped[str]
    table_name: Mapped[str]
    view_name: Mapped[str]
    log_name: Mapped[str]
    hashed_columns: Mapped[list[Any]] = mapped_column(Json)
    ingest_token_hash: Mapped[str | None] = mapped_column(unique=True)
    deleted_at: Mapped[datetime | None]


class Relationship(Stamped, Owned, Row):
    """Records of two models belong together where two columns are equal."""

    __tablename__ = "relationships"

    from_dataset_uuid: Mapped[uuid.UUID] = mapped_column(index=True)
    from_model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"))
    from_column_slug: Mapped[str]
    from_property_slug: Mapped[str | None]
    to_dataset_uuid: Mapped[uuid.UUID]
    to_model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"))
    to_column_slug: Mapped[str]
    to_property_slug: Mapped[str | None]
    from_selected_column_slugs: Mapped[list[Any] | None] = mapped_column(Json)
    to_selected_column_slugs: Mapped[list[Any] | None] = mapped_column(Json)
    relation: Mapped[str]


class StorageRun(Stamped, Owned, Row):
    """A refresh of a model from its extractor, a fill of its computed columns, or the undo of a change set; a model has at most one of each
    that is not finished.

    fingerprint: a digest of the state of the source, None when the source has no digest. tries: how often a worker has started it.
    Of a sync: who goes on with it (a worker with a lower `epoch` does not), what comes next, how often in a row its source failed, and what
    it waits for, in words.
    Of a fill: which columns; how many records were done since the last of these came, of how many; the id of the last record; how often
    columns were added to it; which of them still lack values (see `columns/laps.py`); and whether columns lack values: until it has
    succeeded, or a later one takes its place.
    Of an undo: the change set that it undoes; `is_force`: without the records that were changed since.
    """

    __tablename__ = "storage_runs"
    __table_args__ = (
        Index("ix_storage_runs_model", "model_uuid", "uuid"),
        Index("ix_storage_runs_workspace_latest", "workspace_uuid", "uuid"),
        Index("uq_storage_runs_live", "model_uuid", "kind", unique=True, postgresql_where=text("finished_at IS NULL")),
        Index("uq_storage_runs_incomplete", "model_uuid", unique=True, postgresql_where=text("is_incomplete")),
    )

    model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"))
    user_uuid: Mapped[uuid.UUID]
    kind: Mapped[str] = mapped_column(default="refresh")
    status: Mapped[str]
    is_reset: Mapped[bool] = mapped_column(default=False)
    is_force: Mapped[bool] = mapped_column(default=False)
    tries: Mapped[int] = mapped_column(default=0)
    fingerprint: Mapped[str | None]
    warnings: Mapped[list[Any] | None] = mapped_column(Json)
    error_message: Mapped[str | None]
    file_names: Mapped[list[Any]] = mapped_column(Json)
    counts: Mapped[dict[str, Any] | None] = mapped_column(Json)
    column_slugs: Mapped[list[Any] | None]
    laps: Mapped[dict[str, Any] | None]
    records_done: Mapped[int | None]
    records_total: Mapped[int | None]
    after_id: Mapped[str | None]
    pass_number: Mapped[int] = mapped_column(default=0)
    is_incomplete: Mapped[bool] = mapped_column(default=False)
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    step: Mapped[str] = mapped_column(default="reading", server_default="reading")
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    waiting_for: Mapped[str | None]
    change_set_uuid: Mapped[uuid.UUID | None]
    finished_at: Mapped[datetime | None]

    @property
    def unfilled_slugs(self) -> list[str]:
        """Of a fill: the columns that still lack values."""
        return unfilled(self.column_slugs or (), self.laps)


def unfilled(slugs: Iterable[Any], laps: Mapping[str, Any] | None) -> list[str]:
    """Of the columns of a fill, those that still lack values."""
    return [str(slug) for slug in slugs if laps is None or slug in laps]


class ModelSource(Owned, Row):
    """Where the next page of a model's source begins; None: at the very first.

    columns: the names of the columns to ask the source for. bookkeeping: the slugs of those whose change is not one of the record.
    """

    __tablename__ = "model_sources"

    model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"), primary_key=True)
    cursor: Mapped[dict[str, Any] | None] = mapped_column(Json)
    bookkeeping: Mapped[list[Any]] = mapped_column(Json)
    columns: Mapped[list[Any]] = mapped_column(Json)


class SyncedId(Owned, Row):
    """A record that a sync has read which will remove the others. Gone when it ends."""

    __tablename__ = "synced_ids"

    run_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    record_id: Mapped[str] = mapped_column(primary_key=True)


class StaleLookup(Owned, Row):
    """A value that columns of a model look up and that has changed; `key` None: very many have. Its readers are to be computed again.

    `after_id`: the last record that is done. `horizon`: transactions below it may have read the former value.
    """

    __tablename__ = "stale_lookups"
    __table_args__ = (Index("stale_lookups_of_model", "model_uuid", "id"), Index("stale_lookups_of_source", "source_uuid"))

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    model_uuid: Mapped[uuid.UUID]
    source_uuid: Mapped[uuid.UUID]
    column_slug: Mapped[str]
    key: Mapped[str | None]
    after_id: Mapped[str] = mapped_column(server_default="")
    horizon: Mapped[int | None] = mapped_column(Xid8)


class ModelInsert(Owned, Row):
    """The record that a node has inserted, by idempotency key: a repeated attempt finds it instead of inserting another."""

    __tablename__ = "model_inserts"

    key: Mapped[str] = mapped_column(primary_key=True)
    model_uuid: Mapped[uuid.UUID]
    record_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class ChangeSet(Stamped, Owned, Row):
    """All that one request, file, batch or run has written into one model. `records_at`: the `_created_at` of records that it added.

    source: what it came from, as people know it, such as the name of a file. undoes: the change set that this one took back.
    """

    __tablename__ = "change_sets"
    __table_args__ = (
        Index("ix_change_sets_workspace_uuid", "workspace_uuid", "uuid"),
        Index("ix_change_sets_model_uuid", "model_uuid", "uuid"),
        Index("uq_change_sets_batch", "batch_uuid", "model_uuid", unique=True, postgresql_where=text("batch_uuid IS NOT NULL")),
    )

    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    model_uuid: Mapped[uuid.UUID]
    kind: Mapped[str]
    user_uuid: Mapped[uuid.UUID | None]
    token_uuid: Mapped[uuid.UUID | None]
    workflow_uuid: Mapped[uuid.UUID | None]
    batch_uuid: Mapped[uuid.UUID | None]
    run_uuid: Mapped[uuid.UUID | None]
    source: Mapped[str | None]
    records_at: Mapped[datetime]
    undoes_uuid: Mapped[uuid.UUID | None]
    undone_by_uuid: Mapped[uuid.UUID | None]


class ChangeSetWrite(Owned, Row):
    """A transaction of a change set, and how many records it added, changed and removed. The model's log says which."""

    __tablename__ = "change_set_writes"

    change_set_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(Xid8, primary_key=True, index=True)
    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    added: Mapped[int]
    updated: Mapped[int]
    removed: Mapped[int]


class RecordMerge(Stamped, Owned, Row):
    """One merge of duplicates. `rule`: how it was asked for."""

    __tablename__ = "record_merges"
    __table_args__ = (Index("ix_record_merges_workspace_uuid", "workspace_uuid", "uuid"),)

    workspace_uuid: Mapped[uuid.UUID] = mapped_column()
    model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"))
    user_uuid: Mapped[uuid.UUID]
    rule: Mapped[dict[str, Any]] = mapped_column(Json)
    groups_count: Mapped[int]
    removed_count: Mapped[int]
    repointed_count: Mapped[int] = mapped_column(default=0)
    undone_at: Mapped[datetime | None]


class MergedRecord(Owned, Row):
    """A record that a merge changed or removed: its row `before`; `after`: the columns that were filled, None where it was removed."""

    __tablename__ = "merged_records"

    merge_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("record_merges.uuid", ondelete="CASCADE"), primary_key=True)
    record_id: Mapped[str] = mapped_column(primary_key=True)
    survivor_id: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any] | None]


class MergedReference(Owned, Row):
    """A column (or a property of one) that pointed to a record which a merge removed: its value before and after."""

    __tablename__ = "merged_references"

    merge_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("record_merges.uuid", ondelete="CASCADE"), primary_key=True)
    model_uuid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    record_id: Mapped[str] = mapped_column(primary_key=True)
    column_slug: Mapped[str] = mapped_column(primary_key=True)
    property_slug: Mapped[str] = mapped_column(primary_key=True, default="")
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True))
    record_updated_at: Mapped[datetime]


class UnifiedReference(Owned, Row):
    """A value, such as a domain, that identifies one record of the model of accounts or contacts."""

    __tablename__ = "unified_references"
    __table_args__ = (Index("ix_unified_references_record", "model_uuid", "record_id"),)

    model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"), primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[str]


class IngestReport(Stamped, Owned, Row):
    """What became of each row of a file that was read into a model; the verdicts are a stored file."""

    __tablename__ = "ingest_reports"
    __table_args__ = (Index("ix_ingest_reports_created_at", "created_at"),)

    model_uuid: Mapped[uuid.UUID]
    file_key: Mapped[str]
    size: Mapped[int | None]
