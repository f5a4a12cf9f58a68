"""Single flushes: write single runs that have ended, with all that goes with it and the end of their shards, in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg

from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.flush import METRICS, attempts_of, charged, counted, metric_values
from cargo_ai.engine.journal.shard_flush import NIL, RunUpdate, ShardFlush
from cargo_ai.engine.journal.tables import execution_rows
from cargo_ai.ledger import charges, labels
from cargo_ai.ledger.amounts import ZERO
from cargo_ai.store.driver import LongStatement

Row = tuple[uuid.UUID, str, Execution]
"""An execution with its workspace and run."""
MAX_EXECUTIONS = 200
"""Of one statement; where there are more, copying them costs less."""

COLUMNS = {
    "run_uuid": "uuid",
    "seq": "int",
    "workspace_uuid": "uuid",
    "node_uuid": "text",
    "node_slug": "text",
    "visit": "int",
    "status": "text",
    "child_index": "int",
    "next_node_uuid": "text",
    "title": "text",
    "error_message": "text",
    "reason": "text",
    "operation": "text",
    "external_id": "text",
    "attempts": "json",
    "log": "text",
    "output": "json",
    "config": "json",
    "credits": "float8",
    "started_ms": "bigint",
    "finished_ms": "bigint",
}
_NAMES = ", ".join(execution_rows.c[name].name for name in COLUMNS)
_ARRAYS = ", ".join(f"%({name})s::{kind}[]" for name, kind in COLUMNS.items())
_IF_ALL = "\nwhere exists (select from held)"


def _named(statement: str, prefix: str) -> str:
    """A statement whose values have a place, with a name for each: prefix and number."""
    first, *rest = statement.strip().split("%s")
    return first + "".join(f"%({prefix}{number})s{part}" for number, part in enumerate(rest))


def _only_if_all(statement: str) -> str:
    """An insert from arrays that inserts nothing unless all shards are still held."""
    head, conflict, tail = statement.rpartition("on conflict")
    return f"{head.rstrip()}{_IF_ALL}\n{conflict}{tail}"


# Executions and the ends of runs, with all that counts them: parts of a statement that knows in `held` whether all shards are its own.
JOURNAL = f"""journal as (
    insert into execution_rows ({_NAMES}, warnings)
    select {", ".join(f"v.{name}" for name in COLUMNS)}, v.warnings::text[]
    from unnest({_ARRAYS}, %(warnings)s::text[]) as v({_NAMES}, warnings) where exists (select from held)
), ended as (
    update runs r set status = v.status, rare_status = nullif(v.status, 'success'), error_message = v.error, credits = v.credits,
        position = null, pending = null, wake_ms = null, waiting_for = null, updated_ms = v.now, finished_ms = v.now
    from unnest(%(runs)s::uuid[], %(statuses)s::text[], %(errors)s::text[], %(sums)s::float8[], %(ends)s::bigint[])
        as v(uuid, status, error, credits, now)
    where r.uuid = v.uuid and r.uuid between %(first)s and %(last)s and exists (select from held)
    returning r.uuid, r.workflow_uuid, r.workspace_uuid
), noted as (
    insert into failed_runs (workflow_uuid, run_uuid, workspace_uuid)
    select workflow_uuid, uuid, workspace_uuid from ended where uuid = any(%(failed)s::uuid[]) order by 1, 2 on conflict do nothing
), metrics as (
    {_named(_only_if_all(METRICS), "m")}
), labels as (
    {_named(_only_if_all(labels.STORE), "l")}
), used as (
    {_named(_only_if_all(labels.USE), "u")}"""  # noqa: S608 - put together from our own texts
# All or nothing: where another worker has taken one of the shards, nothing is written, and the common way sorts it out.
# The array of warnings is one text for each execution, since arrays of arrays have all the same length.
WRITE = LongStatement(f"""
with locked as (
    select s.uuid from shards s join unnest(%(shards)s::uuid[], %(epochs)s::int[]) as v(uuid, epoch) on v.uuid = s.uuid
    where s.epoch = v.epoch and s.state = 'running' order by s.uuid for update of s
), held as (
    select count(*) from locked having count(*) = %(count)s
), gone as (
    delete from shards s using locked where s.uuid = locked.uuid and exists (select from held)
), {JOURNAL}
), reserved as (
    select trace_uuid from ledger_reservations where trace_uuid = any(%(runs)s::uuid[]) and exists (select from held)
    order by trace_uuid for update
), released as (
    delete from ledger_reservations r using reserved where r.trace_uuid = reserved.trace_uuid
)
select pg_notify('cargo_done', uuid::text) from ended
""")  # noqa: S608 - put together from our own texts


def is_single(part: ShardFlush) -> bool:
    """Whether a shard is a single run that has ended with this flush, and had nothing but its own nodes to journal."""
    shard, updates = part.shard, part.updates
    if not (shard.single and len(updates) == 1 and updates[0].ended and updates[0].fanout is None):
        return False
    if part.fanouts or part.is_charged or part.begun or len(part.executions) > MAX_EXECUTIONS:
        return False
    return all(file is None for _, _, file in part.executions)


async def write(connection: psycopg.AsyncConnection[Any], parts: Sequence[ShardFlush], slot: int) -> bool:
    """Write the flush of single runs, in one transaction, and end their shards; False where some shard is no longer held, and nothing was
    written."""
    return bool(await WRITE.run(connection, _values(parts, slot)))


def _values(parts: Sequence[ShardFlush], slot: int) -> dict[str, Any]:
    ordered = sorted(parts, key=lambda part: part.updates[0].run)
    rows = [(part.shard.workspace, run, entry) for part in ordered for run, entry, _ in part.executions]
    return {
        "shards": [part.shard.uuid for part in ordered],
        "epochs": [part.shard.epoch for part in ordered],
        "count": len(ordered),
        **journal_values(ordered, [part.updates[0] for part in ordered], rows, slot),
    }


def journal_values(parts: Sequence[ShardFlush], updates: Sequence[RunUpdate], rows: Sequence[Row], slot: int) -> dict[str, Any]:
    """The values of JOURNAL. `updates`: the ends of runs, in order of these; `rows`: executions that are not packed."""
    names, used = charges.usage_of([*charged(parts), *counted(parts, ZERO)])
    return {
        "runs": [update.run for update in updates],
        "statuses": [update.status for update in updates],
        "errors": [update.error and update.error.replace("\x00", "") for update in updates],
        "sums": [update.credits for update in updates],
        "ends": [update.now for update in updates],
        "failed": [run for part in parts if part.has_failed for run in part.failed_runs()],
        "first": updates[0].run if updates else NIL,
        "last": updates[-1].run if updates else NIL,
        **_executions(rows),
        **_numbered("m", metric_values(parts, slot)),
        **_numbered("l", labels.label_values(names)),
        **_numbered("u", labels.usage_values(used, slot)),
    }


def _executions(rows: Sequence[Row]) -> dict[str, list[Any]]:
    entries = [entry for _, _, entry in rows]
    return {
        "run_uuid": [run for _, run, _ in rows],
        "seq": [entry.seq for entry in entries],
        "workspace_uuid": [workspace for workspace, _, _ in rows],
        "node_uuid": [_text(entry.node) for entry in entries],
        "node_slug": [_text(entry.slug) for entry in entries],
        "visit": [entry.visit for entry in entries],
        "status": [entry.status for entry in entries],
        "child_index": [entry.child for entry in entries],
        "next_node_uuid": [entry.next or None for entry in entries],
        "title": [_text(entry.title) for entry in entries],
        "error_message": [_text_or_none(entry.error) for entry in entries],
        "reason": [entry.reason or None for entry in entries],
        "operation": [entry.result[0] for entry in entries],
        "external_id": [_text_or_none(entry.result[1]) for entry in entries],
        "attempts": [attempts_of(entry) for entry in entries],
        "log": [_text(entry.log) or None for entry in entries],
        "output": [entry.output.decode() for entry in entries],
        "config": [entry.config.decode() for entry in entries],
        "credits": [entry.credits for entry in entries],
        "started_ms": [entry.started for entry in entries],
        "finished_ms": [entry.finished for entry in entries],
        "warnings": [_array(entry.warnings) for entry in entries],
    }


def _text(text: str) -> str:
    return text.replace("\x00", "")


def _text_or_none(text: str | None) -> str | None:
    return None if text is None else _text(text)


def _array(warnings: tuple[str, ...]) -> str | None:
    if not warnings:
        return None
    quoted = ('"' + _text(warning).replace("\\", "\\\\").replace('"', '\\"') + '"' for warning in warnings[:50])
    return "{" + ",".join(quoted) + "}"


def _numbered(prefix: str, values: Sequence[Any]) -> dict[str, Any]:
    return {f"{prefix}{number}": value for number, value in enumerate(values)}
