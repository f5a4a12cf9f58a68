"""Tables of SQL queries over runs: their columns, and the logins that may read them."""

from __future__ import annotations

import uuid

from sqlalchemy import text

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.domains.storage import public as storage
from cargo_ai.records.catalog import Catalog, Column, CountedRows, Relation
from cargo_ai.store.session import ALL_WORKSPACES, Database

SCHEMA = "journal"
_NAMES = "workspace_uuid workflow_uuid user_uuid release_uuid batch_uuid trace_uuid"
_PARENTS = "parent_run_uuid parent_node_uuid parent_batch_uuid parent_agent_uuid parent_chat_uuid parent_message_uuid"
_STATE = f"status error_message credits_used_count {_PARENTS} is_group_parent created_at updated_at finished_at"
_NODE = "node_uuid node_slug node_kind node_action_slug node_integration_slug node_connector_uuid node_tool_uuid node_agent_uuid"
_DONE = "execution_index execution_status execution_error_message execution_title execution_credits_used_count"
_TIMES = "execution_started_at execution_updated_at execution_finished_at"
COLUMNS = {
    "runs": f"uuid {_NAMES} record_id record_title {_STATE}",
    "records": f"id title run_uuid {_NAMES} {_STATE}",
    "batches": "uuid workspace_uuid workflow_uuid user_uuid release_uuid trace_uuid data_kind status error_message runs_count"
    " executed_runs_count failed_runs_count credits_used_count created_at updated_at finished_at",
    "spans": f"{_NAMES} record_id record_title run_uuid {_PARENTS} is_group_parent {_NODE} node_child_index node_next_uuid"
    f" {_DONE} {_TIMES}",
    "row_results": "workspace_uuid workflow_uuid release_uuid batch_uuid run_uuid record_id record_title node_uuid node_slug"
    " node_integration_slug node_action_slug node_connector_uuid operation status reason message external_id written_at",
}
"""The columns of each, as the views of the migration have them."""

STORED = {"spans": {"execution_started_at": "execution_started_ms"}}
"""Times that the views have as numbers, too, which have an index."""

_ALIKE = "node_uuid, node_slug, node_child_index, node_next_uuid, execution_status, execution_credits_used_count"
_LONGEST_MS = 32_768
"""No packed execution begins that long after the first of its run."""
_AT_THE_ENDS = f"""
    select {_ALIKE}, 1 from journal.packed_runs p join journal.paths s using (path_uuid)
    where started_ms + p.times[2 * s.step + 1] between {{low}} and {{high}} and
"""  # noqa: S608 - put together from our own texts
_COUNTED = f"""
    select {_ALIKE}, runs as row_weight from (
        select path_uuid, count(*)::int as runs from journal.packed_runs
        where started_ms >= {{low}} and started_ms <= {{high}} - {_LONGEST_MS} group by path_uuid
    ) c join journal.paths using (path_uuid)
    union all {_AT_THE_ENDS} started_ms >= {{low}} - {_LONGEST_MS} and started_ms < {{low}}
    union all {_AT_THE_ENDS} started_ms >= {{low}} and started_ms > {{high}} - {_LONGEST_MS} and started_ms <= {{high}}
    union all
    select {_ALIKE}, count(*)::int from journal.single_spans where started_ms between {{low}} and {{high}} group by {_ALIKE}
"""  # noqa: S608 - put together from our own texts
"""Runs that went the same way are counted before their executions are looked at, but for those that begin at the ends of the time."""


def _type(column: str) -> ColumnType:
    if column.endswith("_at"):
        return "date"
    if column == "is_group_parent":
        return "boolean"
    return "number" if column.endswith(("_count", "_index")) else "string"


def _relation(name: str, columns: str) -> Relation:
    stored = STORED.get(name, {})
    relation_columns = tuple(Column(slug, _type(slug), "original", milliseconds=stored.get(slug, "")) for slug in columns.split())
    counted = _counted() if name == "spans" else None
    return Relation(uuid.UUID(int=0), name, "", SCHEMA, name, name, relation_columns, system=False, counted=counted)


def _counted() -> CountedRows:
    reads = tuple(_relation(name, "") for name in ("packed_runs", "paths", "single_spans"))
    sums = ("execution_credits_used_count",)
    return CountedRows(_COUNTED, tuple(_ALIKE.split(", ")), sums, "execution_started_at", "row_weight", reads)


RELATIONS = tuple(_relation(name, columns) for name, columns in COLUMNS.items())

_LOGIN_EXISTS = text("select workspace_uuid from journal.logins where role = :role")
_ADD_LOGIN = text("insert into journal.logins (role, workspace_uuid) values (:role, :workspace) on conflict (role) do nothing")


class LoginTaken(RuntimeError):
    """The login belongs to another workspace: nothing is shown to either."""


async def catalog(database: Database, workspace: uuid.UUID) -> Catalog:
    """The tables as the workspace's login sees them; the login is put on the list of those who see anything. In a session of its
    own, so that none is held while a query runs. Raises Taken."""
    async with database.session(workspace) as db:
        role = (await storage.catalog(db, workspace)).role
    async with database.session(ALL_WORKSPACES) as db:
        known = await db.scalar(_LOGIN_EXISTS, {"role": role})
        if known is None:
            await db.execute(_ADD_LOGIN, {"role": role, "workspace": workspace})
            known = await db.scalar(_LOGIN_EXISTS, {"role": role})
            await db.commit()
    if known != workspace:
        raise LoginTaken(f"the login {role} belongs to another workspace")
    return Catalog(workspace, role, RELATIONS)
