"""The storage room's own tables: what models are. Their records live in tables of the warehouse, whose names stand here."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from cargo_ai.kernel import clock
from cargo_ai.store.rows import Json, Owned, Row, Stamped


class Model(Stamped, Owned, Row):
    """A table of records. `columns` and `additional_columns` are as the wire has them; `column_order` lists all slugs in order."""

    __tablename__ = "models"
    __table_args__ = (Index("uq_models_slug", "dataset_uuid", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),)

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
    """A refresh of a model from its extractor; a model has at most one that is not finished."""

    __tablename__ = "storage_runs"
    __table_args__ = (
        Index("ix_storage_runs_model", "model_uuid", "uuid"),
        Index("uq_storage_runs_live", "model_uuid", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    model_uuid: Mapped[uuid.UUID] = mapped_column(ForeignKey("models.uuid"))
    user_uuid: Mapped[uuid.UUID]
    status: Mapped[str]
    is_reset: Mapped[bool] = mapped_column(default=False)
    error_message: Mapped[str | None]
    file_names: Mapped[list[Any]] = mapped_column(Json)
    counts: Mapped[dict[str, Any] | None] = mapped_column(Json)
    finished_at: Mapped[datetime | None]


class ModelInsert(Owned, Row):
    """What a node has inserted, by its idempotency key: a repeated attempt finds its record instead of making another."""

    __tablename__ = "model_inserts"

    key: Mapped[str] = mapped_column(primary_key=True)
    model_uuid: Mapped[uuid.UUID]
    record_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
