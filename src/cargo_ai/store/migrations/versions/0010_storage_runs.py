"""Runs of storage, merges of records, what accounts and contacts are known by, recipes, and settings of systems of record."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)
JSON = postgresql.JSON(none_as_null=True)
JSONB = postgresql.JSONB(none_as_null=True)


def _stamps() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
    )


def _runs() -> None:
    op.add_column("storage_runs", sa.Column("is_force", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("storage_runs", sa.Column("tries", sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("is_force", "tries"):
        op.alter_column("storage_runs", name, server_default=None)
    op.add_column("storage_runs", sa.Column("fingerprint", sa.Text()))
    op.add_column("storage_runs", sa.Column("warnings", JSON))
    op.create_index("ix_storage_runs_workspace_latest", "storage_runs", ["workspace_uuid", "uuid"])


def _merges() -> None:
    op.create_table(
        "record_merges",
        sa.Column("model_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("rule", JSON, nullable=False),
        sa.Column("groups_count", sa.BigInteger(), nullable=False),
        sa.Column("removed_count", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_record_merges"),
        sa.ForeignKeyConstraint(["model_uuid"], ["models.uuid"], name="fk_record_merges_model_uuid_models"),
    )
    op.create_index("ix_record_merges_workspace_uuid", "record_merges", ["workspace_uuid", "uuid"])
    op.create_table(
        "merged_records",
        sa.Column("merge_uuid", ID, nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("survivor_id", sa.Text(), nullable=False),
        sa.Column("before", JSONB, nullable=False),
        sa.Column("after", JSONB),
        sa.PrimaryKeyConstraint("merge_uuid", "record_id", name="pk_merged_records"),
        sa.ForeignKeyConstraint(
            ["merge_uuid"], ["record_merges.uuid"], name="fk_merged_records_merge_uuid_record_merges", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_merged_records_workspace_uuid", "merged_records", ["workspace_uuid"])


def _unified() -> None:
    op.create_table(
        "unified_references",
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("model_uuid", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_uuid", "reference", "value", name="pk_unified_references"),
        sa.ForeignKeyConstraint(["model_uuid"], ["models.uuid"], name="fk_unified_references_model_uuid_models"),
    )
    op.create_index("ix_unified_references_workspace_uuid", "unified_references", ["workspace_uuid"])
    op.create_index("ix_unified_references_record", "unified_references", ["model_uuid", "record_id"])


def _recipes() -> None:
    op.create_table(
        "recipes",
        sa.Column("short_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("instruct_to", sa.Text(), nullable=False),
        sa.Column("archived_at", TIME),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_recipes"),
        sa.UniqueConstraint("short_id", name="uq_recipes_short_id"),
    )
    op.create_index("ix_recipes_workspace_uuid", "recipes", ["workspace_uuid"])
    op.create_table(
        "recipe_versions",
        sa.Column("recipe_uuid", ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("placeholders", JSON, nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("expression", sa.Text(), nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_recipe_versions"),
        sa.UniqueConstraint("recipe_uuid", "version", name="uq_recipe_versions_recipe_uuid"),
        sa.ForeignKeyConstraint(["recipe_uuid"], ["recipes.uuid"], name="fk_recipe_versions_recipe_uuid_recipes"),
    )
    op.create_index("ix_recipe_versions_workspace_uuid", "recipe_versions", ["workspace_uuid"])
    op.create_table(
        "favorite_recipes",
        sa.Column("recipe_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID, nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_favorite_recipes"),
        sa.UniqueConstraint("recipe_uuid", "user_uuid", "workspace_uuid", name="uq_favorite_recipes_recipe_uuid"),
        sa.ForeignKeyConstraint(["recipe_uuid"], ["recipes.uuid"], name="fk_favorite_recipes_recipe_uuid_recipes"),
    )
    op.create_index("ix_favorite_recipes_workspace_uuid", "favorite_recipes", ["workspace_uuid"])


def _systems_of_record() -> None:
    op.create_table(
        "systems_of_record",
        sa.Column("config", JSON, nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("uuid", name="pk_systems_of_record"),
    )
    op.create_index("ix_systems_of_record_workspace_uuid", "systems_of_record", ["workspace_uuid"])


def upgrade() -> None:
    """Make the tables and columns."""
    _runs()
    _merges()
    _unified()
    _recipes()
    _systems_of_record()


def downgrade() -> None:
    """Not offered."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
