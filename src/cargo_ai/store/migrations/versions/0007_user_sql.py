"""User SQL: the log of queries, and the schema `bq` of functions that BigQuery's spelling is translated to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.Uuid(as_uuid=True)
TIME = sa.DateTime(timezone=True)

# `vector` lives in whatever schema its extension was put into; without it, no column can hold one.
VECTOR_SCHEMA = (
    "SELECT quote_ident(n.nspname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typname = 'vector' LIMIT 1"
)
VECTOR_FUNCTIONS = (
    "CREATE FUNCTION bq.to_vector(v text) RETURNS {0}.vector LANGUAGE sql IMMUTABLE RETURN v::{0}.vector",
    "CREATE FUNCTION bq.to_vector(v {0}.vector) RETURNS {0}.vector LANGUAGE sql IMMUTABLE RETURN v",
    "CREATE FUNCTION bq.to_vector(v double precision[]) RETURNS {0}.vector LANGUAGE sql IMMUTABLE RETURN v::{0}.vector",
    "CREATE FUNCTION bq.cosine_distance(a {0}.vector, b {0}.vector) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN {0}.cosine_distance(a, b)",
    "CREATE FUNCTION bq.euclidean_distance(a {0}.vector, b {0}.vector) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN {0}.l2_distance(a, b)",
    "CREATE FUNCTION bq.inner_product(a {0}.vector, b {0}.vector) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN {0}.inner_product(a, b)",
    "CREATE FUNCTION bq.vector_dims(v {0}.vector) RETURNS integer LANGUAGE sql IMMUTABLE RETURN {0}.vector_dims(v)",
)


def _logs() -> None:
    op.create_table(
        "sql_logs",
        sa.Column("uuid", ID, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("workspace_uuid", ID, nullable=False),
        sa.Column("user_uuid", ID),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text()),
        sa.Column("processed_bytes_count", sa.BigInteger(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_sql_logs"),
    )
    op.create_index("ix_sql_logs_workspace_uuid", "sql_logs", ["workspace_uuid", "created_at"])


def _functions() -> None:
    # Nobody is let into the schema here: each workspace's login is, when it is made.
    op.execute("CREATE SCHEMA bq")
    connection = op.get_bind()
    # To the driver itself: SQLAlchemy would take each % for a parameter.
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # pyright: ignore[reportAssignmentType]
    driver.execute(Path(__file__).with_suffix(".sql").read_bytes())
    schema = connection.exec_driver_sql(VECTOR_SCHEMA).scalar()
    if schema is not None:
        for statement in VECTOR_FUNCTIONS:
            connection.exec_driver_sql(statement.format(schema))


def _close_public() -> None:
    """The tables of the application are in `public`: a workspace's login shall not even be able to name them."""
    op.execute("GRANT USAGE, CREATE ON SCHEMA public TO CURRENT_USER")
    op.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def upgrade() -> None:
    """Make the table and the functions."""
    _logs()
    _functions()
    _close_public()


def downgrade() -> None:
    """Not offered."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
