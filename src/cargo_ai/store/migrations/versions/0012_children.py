"""Runs below runs: what a group or tool node has started, and what its run waits for."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# One row for each time that a node started runs. `seq`: how many executions of its run come before it, which are the items' parentNodes.
# `left_count` goes down as the runs end. `below` of the first on a way down counts everything that was started further below.
FANOUTS = """
create table fanouts (
    uuid uuid primary key, workspace_uuid uuid not null, run_uuid uuid not null, node_uuid text not null, visit int not null,
    attempt int not null, seq int not null, kind text not null, lane text not null, depth int not null, root_uuid uuid not null,
    top_uuid uuid not null, size int not null, left_count int not null, failed_count int not null default 0,
    below bigint not null default 0,
    fail_fast boolean not null, digest bytea not null, first_run uuid not null, last_run uuid not null, created_ms bigint not null
);
create unique index fanouts_of_node on fanouts (run_uuid, node_uuid, visit, attempt);
"""
# `inline`: driven by its parent, in the parent's shard. `waiting_for`: the fan-out whose runs must end before this one goes on.
RUNS = """
alter table runs add column fanout_uuid uuid, add column item int, add column inline boolean not null default false,
    add column waiting_for uuid;
create index runs_of_parent on runs (parent_uuid, uuid) where parent_uuid is not null;
create index runs_below_batch on runs (parent_batch_uuid, uuid) where parent_batch_uuid is not null;
alter table shards add column children boolean not null default false;
"""


def upgrade() -> None:
    """Create the fan-outs, and say of runs and shards what they are to them."""
    for script in (FANOUTS, RUNS):
        op.get_bind().exec_driver_sql(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
