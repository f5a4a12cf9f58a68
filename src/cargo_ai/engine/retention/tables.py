"""The tables of retention: rules of workspaces, how far bodies are dropped, what the archive has, and what it must not have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Integer, LargeBinary, Table, Text, Uuid, text

from cargo_ai.engine.journal.tables import metadata

retention_rules = Table(
    "retention_rules",
    metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("bodies_days", Integer),
    Column("runs_days", Integer),
    Column("is_archiving", Boolean),
    Column("archive_days", Integer),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""How long a workspace keeps what, where it says so itself; null: as the server's settings say. 0 days: forever."""

bodies_dropped = Table(
    "bodies_dropped",
    metadata,
    Column("month", Text, primary_key=True),
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("last_run", Uuid, nullable=False),
    Column("looked_ms", BigInteger, nullable=False),
    Column("writing", Text),
)
"""How far the bodies of a month of a workspace are dropped (see bodies): no row: not begun. `writing`: the archive file that was
begun and is not noted yet."""

bodies_kept = Table(
    "bodies_kept",
    metadata,
    Column("month", Text, primary_key=True),
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("run_uuid", Uuid, primary_key=True),
    Index("bodies_kept_of_run", "run_uuid"),
)
"""The runs whose bodies had to stay when the others of their month went."""

archived_files = Table(
    "archived_files",
    metadata,
    Column("key", Text, primary_key=True),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("month", Text, nullable=False),
    Column("executions", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("archived_ms", BigInteger, nullable=False),
    Column("are_runs_removed", Boolean, nullable=False, server_default=text("false")),
    Column("read_ms", BigInteger),
    Column("removed_ms", BigInteger),
    Index("archived_files_of_month", "workspace_uuid", "month"),
    Index("archived_files_removed", "key", postgresql_where=text("removed_ms is not null")),
)
"""The files of the archive. A file that is not here does not belong to it. `read_ms`: when its spans were read for SQL. `removed_ms`: since
when it does not belong to the archive any longer, though the file may still be there."""

archived_outputs = Table(
    "archived_outputs",
    metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("output_file", Text, primary_key=True),
    Index("archived_outputs_of_file", "output_file"),
)
"""Files of large outputs that archived executions name: they stay as long as the archive has the month."""

forgotten_records = Table(
    "forgotten_records",
    metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("forgotten_ms", BigInteger, nullable=False),
    Column("cleared_ms", BigInteger),
)
"""The records whose former runs must not be in the archive, by the SHA-256 of their ids. `cleared_ms`: when its files had none any more."""

forgotten_runs = Table(
    "forgotten_runs",
    metadata,
    Column("workspace_uuid", Uuid, primary_key=True),
    Column("run_uuid", Uuid, primary_key=True),
)
"""The archived runs that are being cleared: when their record is no longer in the file, nothing else says which ones they are."""

archived_spans = Table(
    "archived_spans",
    metadata,
    Column("key", Text, nullable=False),
    Column("workspace_uuid", Uuid, nullable=False),
    Column("workflow_uuid", Uuid),
    Column("user_uuid", Uuid),
    Column("release_uuid", Uuid),
    Column("batch_uuid", Uuid),
    Column("trace_uuid", Uuid),
    Column("record_id", Text),
    Column("record_title", Text),
    Column("run_uuid", Uuid, nullable=False),
    Column("parent_run_uuid", Uuid),
    Column("parent_node_uuid", Text),
    Column("parent_batch_uuid", Uuid),
    Column("parent_agent_uuid", Uuid),
    Column("parent_chat_uuid", Uuid),
    Column("parent_message_uuid", Uuid),
    Column("is_group_parent", Boolean),
    Column("node_uuid", Text),
    Column("node_slug", Text),
    Column("node_kind", Text),
    Column("node_action_slug", Text),
    Column("node_integration_slug", Text),
    Column("node_connector_uuid", Text),
    Column("node_tool_uuid", Text),
    Column("node_agent_uuid", Text),
    Column("node_child_index", Integer),
    Column("node_next_uuid", Text),
    Column("execution_index", Integer),
    Column("execution_status", Text),
    Column("execution_error_message", Text),
    Column("execution_title", Text),
    Column("execution_credits_used_count", Double),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Index("archived_spans_of_workspace", "workspace_uuid", "started_ms"),
    Index("archived_spans_of_file", "key"),
)
"""Spans of archived files whose runs are gone, while SQL reads them."""
