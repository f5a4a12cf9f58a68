"""The tables of the engine: graphs, batches, shards, runs, executions, fan-outs, node metrics, workers and schedules.

Times are milliseconds since 1970 (bigint): cheap to COPY, exact to the wire's precision. The uuids of nodes are the user's: text.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from cargo_ai.store.rows import Json, Row

metadata = Row.metadata


def _json(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Json, nullable=nullable)


graphs = Table(
    "graphs",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    _json("nodes"),
    Column("stored_ms", BigInteger, nullable=False, server_default=text("(extract(epoch from now()) * 1000)::bigint")),
)
"""A graph by the hash of its content: however many runs walk it, it is stored once per workspace. `stored_ms`: when it was stored last,
to a day."""

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
    Column("urgent", Boolean, nullable=False, server_default=text("false")),
    Column("shard_size", Integer, nullable=False),
    Column("cursor", BigInteger, nullable=False, server_default=text("0")),
    Column("enumerated", Boolean, nullable=False, server_default=text("false")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("executed_count", BigInteger, nullable=False, server_default=text("0")),
    Column("failed_count", BigInteger, nullable=False, server_default=text("0")),
    Column("cancelled_count", BigInteger, nullable=False, server_default=text("0")),
    Column("skipped_count", BigInteger, nullable=False, server_default=text("0")),
    Column("credits", Double, nullable=False, server_default=text("0")),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("at_end", Text),
    _json("pace", nullable=True),
    Column("stage", Integer, nullable=False, server_default=text("0")),
    Column("stage_end", BigInteger),
    Column("stage_executed", BigInteger, nullable=False, server_default=text("0")),
    Column("stage_failed", BigInteger, nullable=False, server_default=text("0")),
    Column("stopped", Text),
    Index("batches_by_workflow", "workspace_uuid", "workflow_uuid", text("uuid desc")),
    Index("batches_of_workspace", "workspace_uuid", "uuid"),
    Index("batches_unfinished", "workspace_uuid", "uuid", postgresql_where=text("finished_ms is null")),
    Index("batches_by_cause", "workflow_uuid", "cause", unique=True, postgresql_where=text("cause is not null")),
)
"""`cursor`: rows enumerated so far, which is the number of runs. The counts are set when the batch ends; before, the shards have them.
`at_end`: the job that is deferred, with the batch's uuid, when it has ended. `enrolment`: the rule by which its records are admitted, and
`skipped_count` those that did not. `cause`: what made it start; the same cause starts no second one of a workflow. `urgent`: its first
runs take the interactive lane. `pace`: how it is enrolled in stages (see pace); `stage` counts them, `stage_end` is the cursor at which
the present one ends, the two counts beside it are what had ended before it began; `stopped`: why it enrolled no further."""

shards = Table(
    "shards",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("batch_uuid", Uuid),
    Column("no", BigInteger, nullable=False, server_default=text("0")),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("owner", Text),
    Column("suspect", Text),
    Column("signal", Integer, nullable=False, server_default=text("0")),
    Column("last_flush", Uuid),
    Column("first_run", Uuid, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("executed", BigInteger, nullable=False, server_default=text("0")),
    Column("failed", BigInteger, nullable=False, server_default=text("0")),
    Column("cancelled", BigInteger, nullable=False, server_default=text("0")),
    Column("credits", Double, nullable=False, server_default=text("0")),
    Column("touched_ms", BigInteger, nullable=False),
    Column("children", Boolean, nullable=False, server_default=text("false")),
    Column("width", Integer),
    Column("begun", JSONB),
    Index("shards_of_batch", "batch_uuid", postgresql_where=text("batch_uuid is not null")),
    Index("shards_unfinished", "workspace_uuid", postgresql_where=text("state <> 'done'")),
    Index("shards_waiting", "workspace_uuid", "no", "batch_uuid", postgresql_where=text("state = 'waiting'")),
    Index("shards_active", "workspace_uuid", "lane", "touched_ms", postgresql_where=text("state in ('queued', 'running')")),
)
"""What one worker drives at a time. `state`: waiting → queued → running → done. `epoch` fences a stale owner; `signal` tells the owner
to look for cancelled runs; `suspect` is the step a careful worker was about to take. `children`: its runs are below other runs, and may
outlive their batch. `width`: how many of its runs may wait for something at once, where the server limits them (see concurrency).
`begun`: the keys of effects that were begun, have no outcome here, and that nothing makes harmless to repeat."""

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
    Column("status", Text, nullable=False, server_default=text("'pending'")),
    Column("position", Text),
    Column("wake_ms", BigInteger),
    _json("pending", nullable=True),
    Column("error_message", Text),
    Column("credits", Double, nullable=False, server_default=text("0")),
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
    Column("inline", Boolean, nullable=False, server_default=text("false")),
    Column("waiting_for", Uuid),
    Column("replay_of", Uuid),
    Column("replay_root", Uuid),
    Column("taken", Integer, nullable=False, server_default=text("0")),
    Column("replay_path", Text),
    Column("rare_status", Text),
    Index("runs_of_shard", "shard_uuid"),
    Index("runs_of_workspace", "workspace_uuid", "uuid"),
    Index("runs_rare", "workspace_uuid", "rare_status", "uuid", postgresql_where=text("rare_status is not null")),
    Index("runs_rare_of_workflow", "workflow_uuid", "rare_status", "uuid", postgresql_where=text("rare_status is not null")),
    Index(
        "runs_by_text",
        literal_column("((record_title || ' '::text) || record_id)", Text()).label("record_text"),
        postgresql_using="gin",
        postgresql_ops={"record_text": "gin_trgm_ops"},
        postgresql_with={"gin_pending_list_limit": 512},
    ),
    Index("runs_by_update", "updated_ms", postgresql_using="brin", postgresql_with={"autosummarize": "on", "pages_per_range": 32}),
    Index(
        "runs_by_origin",
        "release_uuid",
        "user_uuid",
        postgresql_using="brin",
        postgresql_ops=dict.fromkeys(("release_uuid", "user_uuid"), "uuid_bloom_ops (n_distinct_per_range = 32)"),
        postgresql_with={"autosummarize": "on", "pages_per_range": 32},
    ),
    Index("runs_by_workflow", "workflow_uuid", "uuid"),
    Index("runs_of_record", "workflow_uuid", "record_id", "uuid"),
    Index("runs_of_batch", "batch_uuid", "uuid", postgresql_where=text("batch_uuid is not null")),
    Index("runs_below_batch", "parent_batch_uuid", "uuid", postgresql_where=text("parent_batch_uuid is not null")),
    Index("runs_of_parent", "parent_uuid", "uuid", postgresql_where=text("parent_uuid is not null")),
    Index("runs_of_trace", "trace_uuid", "uuid", postgresql_where=text("parent_uuid is not null")),
    Index("runs_replays", "replay_root", postgresql_where=text("replay_root is not null")),
    Index("runs_single", "workspace_uuid", "uuid", postgresql_where=text("batch_uuid is null and parent_uuid is null")),
    Index("runs_to_wake", "wake_ms", postgresql_where=text("wake_ms is not null")),
)
"""Partitioned by range of the run's UUIDv7. `status` says pending until the run parks or ends: that it is running is its shard's state.

`rare_status`: its status where that is neither pending nor success, else null. Nearly all runs end well: the index pays for the others
only, and the update that ends a run changes no indexed column.

A run below another one has `parent_uuid` (that run) and `parent_node_uuid` (its group or tool node), the same trace, no batch, and in
`parent_batch_uuid` the batch of the run at the top. `is_group_parent`: what started it is a group, whose item number `item` it is.
`fanout_uuid`: with which others it was started. `inline`: its parent drives it, in the parent's shard. `waiting_for`: the fan-out whose
runs must end before this run goes on.

A run that repeats another one names it in `replay_of`, and in `replay_root` the first of all that repeat each other. Its first `taken`
executions were reused; `replay_path` leads on into what the node after those has started (see replay)."""

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
    Column("failed_count", Integer, nullable=False, server_default=text("0")),
    Column("below", BigInteger, nullable=False, server_default=text("0")),
    Column("fail_fast", Boolean, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("first_run", Uuid, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("fanouts_of_node", "run_uuid", "node_uuid", "visit", "attempt", unique=True),
)
"""One row for each time that a node started child runs. `kind`: group, tool, or alone (a tool that is not waited for). `seq`: how many
executions of its run come before it: they are the items' `parentNodes`. `left_count` goes down as its runs end. `depth`: 1 directly below
`root_uuid`, the run at the top; `top_uuid` is the fan-out of depth 1 on the way, whose `below` counts all runs further down."""

execution_rows = Table(
    "execution_rows",
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
    Column("reason", Text),
    Column("operation", Text),
    Column("external_id", Text),
    Column("warnings", ARRAY(Text)),
    _json("attempts", nullable=True),
    Column("log", Text),
    _json("output", nullable=True),
    Column("output_file", Text),
    _json("config", nullable=True),
    Column("credits", Double, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=False),
    Column("is_dropped", Boolean, nullable=False, server_default=text("false")),
    Index("executions_failed", "workspace_uuid", "node_slug", "run_uuid", postgresql_where=text("status <> 'success'")),
    Index("executions_by_start", "started_ms", postgresql_using="brin", postgresql_with={"autosummarize": "on", "pages_per_range": 32}),
)
"""The executions that are not packed. Append-only: a run's context is the fold of its executions. Partitioned like `runs`, by the run's
uuid. `reason`: of a failure, for programs. `operation`, `external_id`: what a write-back did to which record of its service. `attempts`:
how many there were, if several, and the failed ones; `log`: what the code of the node printed. `is_dropped`: retention has taken what it
gave, its config and its log."""

path_steps = Table(
    "path_steps",
    metadata,
    Column("path_uuid", Uuid, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("node_uuid", Text, nullable=False),
    Column("node_slug", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("child_index", Integer),
    Column("next_node_uuid", Text),
    Column("stored_ms", BigInteger, nullable=False),
    Column("credits", Double, nullable=False, server_default=text("0")),
)
"""The ways that runs take through graphs: what executions have in common with those of other runs. A path is named by the hash of its
content. `stored_ms`: when it was stored last, to a day."""

packed_executions = Table(
    "packed_executions",
    metadata,
    Column("run_uuid", Uuid, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("item", SmallInteger, nullable=False),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("path_uuid", Uuid, nullable=False),
    Column("body_uuid", Uuid, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("times", ARRAY(SmallInteger), nullable=False),
    Index(
        "packed_executions_by_start", "started_ms", postgresql_using="brin", postgresql_with={"autosummarize": "on", "pages_per_range": 32}
    ),
)
"""Successive executions of one run that went well, as one row (see packing). `seq`: of the first of them. `item`: where
in the body it is, from 1. `times`: start and end of each, in milliseconds from `started_ms` on. Partitioned like `runs`."""

packed_bodies = Table(
    "packed_bodies",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("titles", ARRAY(Text), nullable=False),
    Column("outputs", ARRAY(Text), nullable=False),
    Column("configs", ARRAY(Text), nullable=False),
)
"""What packed executions of some runs of one shard and month gave, as JSON: together they compress well. The uuid begins with the time
of the first of those runs, by which it is in their partition."""

executions = Table(
    "executions",
    MetaData(),
    *(Column(column.name, column.type, primary_key=column.primary_key, nullable=column.nullable) for column in execution_rows.columns),
)
"""A view of all executions, rows and packed ones. It has no index of its own: join it by a lateral subquery with `offset 0`, so that
it is asked for one run at a time."""


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
    Index("node_metrics_of_batch", "batch_uuid"),
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
"""The worker processes, and their last heartbeats."""

schedules = Table(
    "schedules",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("owner_uuid", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("anchor", DateTime(timezone=True), nullable=False),
    Column("next_fire_at", DateTime(timezone=True)),
    Column("last_fire_at", DateTime(timezone=True)),
    Column("started_uuid", Uuid),
    Column("problem", Text),
    Index("schedules_due", "next_fire_at", postgresql_where=text("next_fire_at is not null")),
    Index("schedules_of_owner", "owner_uuid"),
    Index("schedules_once", "kind", "owner_uuid", "name", unique=True, postgresql_where=text("cron = ''")),
)
"""What happens at which time. An empty `cron`: it happens once, and the row goes; without `next_fire_at` it is held."""
