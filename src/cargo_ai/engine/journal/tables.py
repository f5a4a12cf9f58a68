"""The engine's tables: graphs, batches, shards, runs, executions, node metrics, workers. SQLAlchemy Core, for the hot loop.

Times are milliseconds since 1970 (bigint): cheap to COPY, exact to the wire's precision. The uuids of nodes are the user's: text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSON

metadata = MetaData()


def _json(name: str) -> Column[object]:
    return Column(name, JSON(none_as_null=True))


graphs = Table(
    "graphs",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    _json("nodes"),
)
"""A graph by the hash of its content: however many runs walk it, it is stored once per workspace."""

batches = Table(
    "batches",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("workflow_uuid", Uuid, nullable=False),
    Column("user_uuid", Uuid),
    Column("release_uuid", Uuid),
    Column("graph_uuid", Uuid, nullable=False),
    Column("trace_uuid", Uuid, nullable=False),
    _json("data"),
    Column("status", Text, nullable=False),
    Column("error_message", Text),
    Column("cause", Text),
    Column("enrolment", Text),
    Column("urgent", Boolean, nullable=False),
    Column("shard_size", Integer, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("enumerated", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("executed_count", BigInteger, nullable=False),
    Column("failed_count", BigInteger, nullable=False),
    Column("cancelled_count", BigInteger, nullable=False),
    Column("skipped_count", BigInteger, nullable=False),
    Column("credits", Double, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("at_end", Text),
    _json("pace"),
    Column("stage", Integer, nullable=False),
    Column("stage_end", BigInteger),
    Column("stage_executed", BigInteger, nullable=False),
    Column("stage_failed", BigInteger, nullable=False),
    Column("stopped", Text),
)
"""`cursor`: rows enumerated so far, which is the number of runs. The counts are set when the batch ends; before, the shards have them.
`at_end`: the job that is called for, with the batch's uuid, when it has ended. `enrolment`: the rule by which a play's records enter, and
`skipped_count` those that did not. `cause`: what made the play start it; the same cause starts no second one. `urgent`: its first runs take
the interactive lane. `pace`: how it is enrolled in stages (see pace); `stage` counts them, `stage_end` is the cursor at which the present
one ends, the two counts beside it are what had ended before it began; `stopped`: why it enrolled no further."""

shards = Table(
    "shards",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("batch_uuid", Uuid),
    Column("no", BigInteger, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("owner", Text),
    Column("suspect", Text),
    Column("signal", Integer, nullable=False),
    Column("last_flush", Uuid),
    Column("first_run", Uuid, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("executed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("cancelled", BigInteger, nullable=False),
    Column("credits", Double, nullable=False),
    Column("touched_ms", BigInteger, nullable=False),
    Column("children", Boolean, nullable=False),
    Column("width", Integer),
)
"""What one worker drives at a time. `state`: waiting → queued → running → done. `epoch` fences a stale owner; `signal` tells the owner
to look for cancelled runs; `suspect` is the step a careful worker was about to take. `children`: its runs are below other runs, and may
outlive their batch. `width`: so many of its runs may go at once, where the server limits them (see ceiling)."""

runs = Table(
    "runs",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("workflow_uuid", Uuid, nullable=False),
    Column("batch_uuid", Uuid),
    Column("shard_uuid", Uuid, nullable=False),
    Column("graph_uuid", Uuid, nullable=False),
    Column("release_uuid", Uuid),
    Column("user_uuid", Uuid),
    Column("trace_uuid", Uuid, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("record_title", Text, nullable=False),
    _json("record"),
    Column("status", Text, nullable=False),
    Column("position", Text),
    Column("wake_ms", BigInteger),
    _json("pending"),
    Column("error_message", Text),
    Column("credits", Double, nullable=False),
    Column("parent_uuid", Uuid),
    Column("parent_node_uuid", Text),
    Column("parent_batch_uuid", Uuid),
    Column("parent_agent_uuid", Uuid),
    Column("parent_chat_uuid", Uuid),
    Column("parent_message_uuid", Uuid),
    Column("is_group_parent", Boolean),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("fanout_uuid", Uuid),
    Column("item", Integer),
    Column("inline", Boolean, nullable=False),
    Column("waiting_for", Uuid),
    Column("replay_of", Uuid),
    Column("replay_root", Uuid),
    Column("taken", Integer, nullable=False),
    Column("replay_path", Text),
)
"""Partitioned by range of the run's UUIDv7. `status` says pending until the run parks or ends: that it is running is its shard's state.

A run below another one has `parent_uuid` (that run) and `parent_node_uuid` (its group or tool node), the same trace, no batch, and in
`parent_batch_uuid` the batch of the run at the top. `is_group_parent`: what started it is a group, whose item number `item` it is.
`fanout_uuid`: with which others it was started. `inline`: its parent drives it, in the parent's shard. `waiting_for`: the fan-out whose
runs must end before this run goes on.

A run that repeats another one names it in `replay_of`, and in `replay_root` the first of all that repeat each other. Its first `taken`
executions were taken over; `replay_path` leads on into what the node behind those has started (see takeover)."""

fanouts = Table(
    "fanouts",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("run_uuid", Uuid, nullable=False),
    Column("node_uuid", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("root_uuid", Uuid, nullable=False),
    Column("top_uuid", Uuid, nullable=False),
    Column("size", Integer, nullable=False),
    Column("left_count", Integer, nullable=False),
    Column("failed_count", Integer, nullable=False),
    Column("below", BigInteger, nullable=False),
    Column("fail_fast", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("first_run", Uuid, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""One row for each time that a node of a run started runs below it. `kind`: group, tool, or alone (a tool nobody waits for). `seq`: so many
executions of its run come before it: they are the items' `parentNodes`. `left_count` goes down as its runs end. `depth`: 1 directly below
`root_uuid`, the run at the top; `top_uuid` is the fan-out of depth 1 on the way, whose `below` counts all runs further down."""

executions = Table(
    "executions",
    metadata,
    Column("run_uuid", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("node_uuid", Text, nullable=False),
    Column("node_slug", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("child_index", Integer),
    Column("next_node_uuid", Text),
    Column("title", Text, nullable=False),
    Column("error_message", Text),
    Column("warnings", ARRAY(Text)),
    _json("output"),
    Column("output_file", Text),
    _json("config"),
    Column("credits", Double, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=False),
)
"""Append-only: a run's context is the fold of its executions. Partitioned like `runs`, by the run's uuid."""

node_metrics = Table(
    "node_metrics",
    metadata,
    Column("workflow_uuid", Uuid, primary_key=True),
    Column("release_uuid", Uuid, primary_key=True),
    Column("batch_uuid", Uuid, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("node_uuid", Text, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("success", BigInteger, nullable=False),
    Column("error", BigInteger, nullable=False),
    Column("idle", BigInteger, nullable=False),
    Column("cancelled", BigInteger, nullable=False),
    Column("credits", Double, nullable=False),
)
"""Counts per node, kept in each flush: live metrics never scan executions. `slot` spreads the rows over writers; absent release
or batch is the nil uuid."""

workers = Table(
    "workers",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("queue_ids", ARRAY(BigInteger), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("beat_ms", BigInteger, nullable=False),
)
"""Who works, and when it was last heard of."""
