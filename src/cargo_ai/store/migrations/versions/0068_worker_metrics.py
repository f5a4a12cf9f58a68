"""What workers on other machines have counted."""

from __future__ import annotations

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

WORKER_METRICS = """
create table worker_metrics (
    worker_uuid uuid not null, process text not null, page text not null, written_ms bigint not null,
    constraint pk_worker_metrics primary key (worker_uuid)
);
"""


def upgrade() -> None:
    """Add the table."""
    op.get_bind().exec_driver_sql(WORKER_METRICS)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
