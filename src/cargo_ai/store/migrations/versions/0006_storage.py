"""Storage: models, relationships, refreshes, what actions have inserted, and the trigger that logs which records were touched."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSON(none_as_null=True)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("dataset_uuid", ID, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("extractor_slug", sa.Text(), nullable=False),
        sa.Column("config", JSON, nullable=False),
        sa.Column("position", JSON),
        sa.Column("schedule", JSON),
        sa.Column("columns", JSON, nullable=False),
        sa.Column("additional_columns", JSON, nullable=False),
        sa.Column("column_order", JSON, nullable=False),
        sa.Column("id_column_slug", sa.Text(), nullable=False),
        sa.Column("title_column_slug", sa.Text(), nullable=False),
        sa.Column("time_column_slug", sa.Text()),
        sa.Column("unification", JSON),
        sa.Column("folder_uuid", ID),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("schema_name", sa.Text(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("view_name", sa.Text(), nullable=False),
        sa.Column("log_name", sa.Text(), nullable=False),
        sa.Column("hashed_columns", JSON, nullable=False),
        sa.Column("ingest_token_hash", sa.Text()),
        sa.Column("deleted_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_models"),
        sa.UniqueConstraint("ingest_token_hash", name="uq_models_ingest_token_hash"),
    )
    op.create_index("ix_models_workspace_uuid", "models", ["workspace_uuid"])
    op.create_index("ix_models_dataset_uuid", "models", ["dataset_uuid"])
    op.create_index("uq_models_slug", "models", ["dataset_uuid", "slug"], unique=True, postgresql_where=sa.text("deleted_at IS NULL"))


def _relationships() -> None:
    op.create_table(
        "relationships",
        sa.Column("from_dataset_uuid", ID, nullable=False),
        sa.Column("from_model_uuid", ID, nullable=False),
        sa.Column("from_column_slug", sa.Text(), nullable=False),
        sa.Column("from_property_slug", sa.Text()),
        sa.Column("to_dataset_uuid", ID, nullable=False),
        sa.Column("to_model_uuid", ID, nullable=False),
        sa.Column("to_column_slug", sa.Text(), nullable=False),
        sa.Column("to_property_slug", sa.Text()),
        sa.Column("from_selected_column_slugs", JSON),
        sa.Column("to_selected_column_slugs", JSON),
        sa.Column("relation", sa.Text(), nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_relationships"),
        sa.ForeignKeyConstraint(["from_model_uuid"], ["models.uuid"], name="fk_relationships_from_model_uuid_models"),
        sa.ForeignKeyConstraint(["to_model_uuid"], ["models.uuid"], name="fk_relationships_to_model_uuid_models"),
    )
    op.create_index("ix_relationships_workspace_uuid", "relationships", ["workspace_uuid"])
    op.create_index("ix_relationships_from_dataset_uuid", "relationships", ["from_dataset_uuid"])


def _runs() -> None:
    op.create_table(
        "storage_runs",
        sa.Column("model_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_reset", sa.Boolean(), nullable=False),
        sa.Column("error_message", sa.Text()),
        sa.Column("file_names", JSON, nullable=False),
        sa.Column("counts", JSON),
        sa.Column("finished_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_storage_runs"),
        sa.ForeignKeyConstraint(["model_uuid"], ["models.uuid"], name="fk_storage_runs_model_uuid_models"),
    )
    op.create_index("ix_storage_runs_workspace_uuid", "storage_runs", ["workspace_uuid"])
    op.create_index("ix_storage_runs_model", "storage_runs", ["model_uuid", "uuid"])
    op.create_index("uq_storage_runs_live", "storage_runs", ["model_uuid"], unique=True, postgresql_where=sa.text("finished_at IS NULL"))


def _inserts() -> None:
    op.create_table(
        "model_inserts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("model_uuid", ID, nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_model_inserts"),
    )
    op.create_index("ix_model_inserts_workspace_uuid", "model_inserts", ["workspace_uuid"])
    op.create_index("ix_model_inserts_at", "model_inserts", ["at"])


def _log_trigger() -> None:
    """One function for the logs of all models: arguments are the log's schema and name, `touched` is the statement's transition table.

    A statement that touches more than 50,000 records is one entry that says so: to list them costs more than to look at everything.
    """
    op.execute("""
        create function public.cargo_log_touched() returns trigger language plpgsql set search_path = pg_catalog as $$
        declare
            op constant text := lower(left(tg_op, 1));
            many boolean;
        begin
            select count(*) > 50000 into many from (select 1 from touched limit 50001) as capped;
            if many then
                execute format('insert into %I.%I (_id, op) values (null, %L)', tg_argv[0], tg_argv[1], op);
            else
                execute format('insert into %I.%I (_id, op) select _id, %L from touched', tg_argv[0], tg_argv[1], op);
            end if;
            return null;
        end
        $$
    """)


def upgrade() -> None:
    """Make the tables and the function."""
    _models()
    _relationships()
    _runs()
    _inserts()
    _log_trigger()


def downgrade() -> None:
    """Not offered."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
