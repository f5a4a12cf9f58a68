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
STEPS = {"": 0, "hour": 3_600_000, "minute": 60_000, "second": 0}
_LONGEST_MS = 32_768
"""No packed execution begins that long after the first of its run."""
_ENDS = (
    f"started_ms >= {{low}} - {_LONGEST_MS} and started_ms < {{low}}",
    f"started_ms >= {{low}} and started_ms > {{high}} - {_LONGEST_MS} and started_ms <= {{high}}",
)
"""Runs of which some executions may be beyond the time, by when they begin."""
_AT_THE_ENDS = f"""
    select {_ALIKE}, 1 from journal.packed_runs p join journal.paths s using (path_uuid)
    where started_ms + p.times[2 * s.step + 1] between {{low}} and {{high}} and
"""  # noqa: S608 - put together from our own texts
_COUNTED = f"""
    select {_ALIKE}, runs as row_weight from (
        select path_uuid, count(*)::int as runs from journal.packed_runs
        where started_ms >= {{low}} and started_ms <= {{high}} - {_LONGEST_MS} group by path_uuid
    ) c join journal.paths using (path_uuid)
    union all {_AT_THE_ENDS} {_ENDS[0]}
    union all {_AT_THE_ENDS} {_ENDS[1]}
    union all
    select {_ALIKE}, count(*)::int from journal.single_spans where started_ms between {{low}} and {{high}} group by {_ALIKE}
"""  # noqa: S608 - put together from our own texts
"""Runs that went the same way are counted before their executions are looked at, but for those that begin at the ends of the time."""


def _timed(step: str, *, durations: bool) -> str:
    """The same with when executions begin and how long they take, in so far as these are asked for (see CountedRows).

    Runs of a path that took the same times are counted first: of nodes that only compute, nearly all do. With the hour or the minute, runs
    that go beyond its end are unpacked.
    """
    offset = "p.times[2 * s.step + 1]"
    lasted = f"p.times[2 * s.step + 2] - {offset}" if durations else "0"
    ends, within = list(_ENDS), ""
    of_run, place, single = "0", "p.began", "0"
    if unit := STEPS[step]:
        inside = f"(started_ms % {unit} < {unit - _LONGEST_MS} or {unit} - started_ms % {unit} > all (times))"
        within = f" and {inside}"
        ends.append(f"started_ms >= {{low}} and started_ms <= {{high}} - {_LONGEST_MS} and not {inside}")
        of_run = single = f"started_ms - started_ms % {unit}"
    elif step:
        of_run = single = "started_ms % 1000"
        place = f"(p.began + {offset}) % 1000"
    of_execution = single.replace("started_ms", f"(started_ms + {offset})")
    times = durations or step == "second"
    ways = f"""
        select path_uuid, s.step, {place} as began, {lasted} as lasted, p.runs from (
            select path_uuid, {of_run} as began, {"times" if times else "null::smallint[] as times"}, count(*)::int as runs
            from journal.packed_runs where started_ms >= {{low}} and started_ms <= {{high}} - {_LONGEST_MS}{within}
            group by path_uuid{", began" if step else ""}{", times" if times else ""}
        ) p join journal.paths s using (path_uuid)
    """  # noqa: S608 - put together from our own texts
    for end in ends:
        ways += f"""
            union all select path_uuid, s.step, {of_execution}, {lasted}, 1
            from journal.packed_runs p join journal.paths s using (path_uuid)
            where started_ms + {offset} between {{low}} and {{high}} and {end}
        """  # noqa: S608 - put together from our own texts
    moments = "m.at as execution_started_at, m.at + w.lasted * interval '1 millisecond' as execution_finished_at"
    return f"""
        select {_ALIKE}, {moments}, runs as row_weight from (
            select {_ALIKE}, w.began, w.lasted, w.runs from (
                select path_uuid, step, began, lasted, sum(runs)::int as runs from ({ways}) w group by path_uuid, step, began, lasted
            ) w join journal.paths using (path_uuid, step)
            union all
            select {_ALIKE}, {single} as began, {"finished_ms - started_ms" if durations else "0"} as lasted, count(*)::int
            from journal.single_spans where started_ms between {{low}} and {{high}} group by {_ALIKE}, began, lasted
        ) w cross join lateral (select to_timestamp(w.began / 1000.0::double precision) as at) m
    """  # noqa: S608 - put together from our own texts


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
    sources = {(step, durations): _timed(step, durations=durations) for step in STEPS for durations in (False, True)}
    return CountedRows(
        sources={**sources, ("", False): _COUNTED},
        columns=tuple(_ALIKE.split(", ")),
        sums=("execution_credits_used_count",),
        began="execution_started_at",
        ended="execution_finished_at",
        weight="row_weight",
        reads=reads,
    )


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
