"""The engine's tables: graphs, batches, shards, runs, executions, node metrics, workers. SQLAlchemy Core, for the hot loop.

Times are milliseconds since 1970 (bigint): cheap to COPY, exact to the wire's precision. The uuids of nodes are the user's: text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, Table, Text, Uuid
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
    Column("shard_size", Integer, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("enumerated", Boolean, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("executed_count", BigInteger, nullable=False),
    Column("failed_count", BigInteger, nullable=False),
    Column("cancelled_count", BigInteger, nullable=False),
    Column("credits", Double, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
)
"""`cursor`: rows enumerated so far, which is the number of runs. The counts are set when the batch ends; before, the shards have them."""

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
)
"""What one worker drives at a time. `state`: waiting → queued → running → done. `epoch` fences a stale owner; `signal` tells the owner
to look for cancelled runs; `suspect` is the step a careful worker was about to take."""

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
)
"""Partitioned by range of the run's UUIDv7. `status` says pending until the run parks or ends: that it is running is its shard's state."""

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
