"""Runs that take over what earlier ones have done, and batches that enrol in stages."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# `replay_of`: the run that this one repeats; `replay_root`: the first of all that repeat each other; `taken`: so many executions were taken
# over; `replay_path`: the way on into what the node at which it goes on has started, as slugs with dots.
RUNS = """
alter table runs add column replay_of uuid, add column replay_root uuid, add column taken int not null default 0,
    add column replay_path text;
create index runs_replays on runs (replay_root) where replay_root is not null;
"""
# `pace`: how the batch is enrolled in stages. `stage` counts them, `stage_end` is where the present one ends, and the two counts are what
# had ended before it began. `stopped`: why a batch enrols no further, though it could.
BATCHES = """
alter table batches add column pace json, add column stage int not null default 0, add column stage_end bigint,
    add column stage_executed bigint not null default 0, add column stage_failed bigint not null default 0, add column stopped text;
"""


def upgrade() -> None:
    """Add the columns."""
    for script in (RUNS, BATCHES):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
