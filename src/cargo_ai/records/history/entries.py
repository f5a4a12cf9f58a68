"""Entries: read the log of a model as the history of its records, with what each value was before and after."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.kernel import clock
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.records.ddl import bucket_of, log_table_name, table_name
from cargo_ai.records.names import statement
from cargo_ai.records.values import to_wire
from cargo_ai.store.driver import Connection, execute, fetch

Row = Mapping[str, Any]

# A change set's transactions; where others wrote in the same one, the entry names the change set. Numbers of transactions start over in a
# database that was restored from a dump, hence the time.
IS_MINE = """(
    l.xid in (select x.xid from change_set_writes as x where x.change_set_uuid = %(uid)s) and l.at >= %(since)s
    and (l.change_set is null or l.change_set = %(uid)s)
)"""
MINE = """
select l._id, l.op, l.at, l.before from $log as l where $is_mine and l._id is not null and (l.op <> 'u' or l.before is not null)
union all
select e._id, l.op, l.at, e.before from $log as l cross join lateral public.cargo_unpack(l.ids, l.slugs, l.types, l.former, null) as e
where $is_mine and l.ids is not null and (l.op <> 'u' or e.before is not null)
"""
# The same of some records.
MINE_AMONG = """
select l._id, l.op, l.at, l.before from $log as l where l._id = any(%(among)s) and $is_mine and (l.op <> 'u' or l.before is not null)
union all
select e._id, l.op, l.at, e.before from $log as l cross join lateral public.cargo_unpack(l.ids, l.slugs, l.types, l.former, %(among)s) as e
where $is_mine and l.bucket in (select $bucket_of_id from unnest(%(among)s::text[]) as i (id)) and (l.op <> 'u' or e.before is not null)
"""
_PAGE = """
select m._id from ($mine) as m
union
select t._id from $table as t where t._created_at = %(records_at)s and exists (
    select from $log as l where $is_mine and l._id is null and l.ids is null and l.op = 'i'
)
order by _id limit %(limit)s offset %(offset)s
"""
# The last `limit` entries of each record, the newest first, with the change set of each.
_ENTRIES = """
select l._id, l.op, l.at, l.before, coalesce(l.change_set, s.uuid), l.run from (
    select _id, op, at, before, change_set, run, xid from $log where _id = any(%(ids)s)
    union all
    select e._id, p.op, p.at, e.before, null, null, p.xid
    from $log as p cross join lateral public.cargo_unpack(p.ids, p.slugs, p.types, p.former, %(ids)s) as e
    where p.bucket is not null and p.bucket in (select $bucket from unnest(%(ids)s::text[]) as i (id))
) as l left join (
    change_set_writes as w join change_sets as s on s.uuid = w.change_set_uuid and s.model_uuid = %(model)s
) on w.xid = l.xid and l.change_set is null and l.at >= s.created_at - interval '1 hour'
where l.op <> 'u' or l.before is not null order by l._id, l.at desc limit %(limit)s
"""
_PRESENT = "select _id, to_jsonb(t) - '_hash' from $table as t where _id = any(%s)"
# Of a record that came with many others, which the log does not list.
_BULK = "select records_at, uuid from change_sets where model_uuid = %s and records_at = any(%s)"
MAX_ENTRIES = 100_000


def mine_params(uid: uuid.UUID, records_at: datetime) -> dict[str, Any]:
    """The values for `IS_MINE` and what is built on it."""
    return {"uid": uid, "records_at": records_at, "since": records_at - timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One write of a record. `before` and `after`: the values of the columns that it changed, by slug; all of them where the record was
    added (nothing before) or removed (nothing after); None where they are not kept, empty where they were forgotten."""

    record: str
    change: str
    at: datetime
    before: Row | None
    after: Row | None
    change_set: uuid.UUID | None
    run: uuid.UUID | None


async def changed_ids(
    connection: Connection, relation: Relation, uid: uuid.UUID, records_at: datetime, *, limit: int, offset: int
) -> list[str]:
    """The ids of the records that a change set wrote, in order."""
    parts = {"table": table_name(relation), "log": log_table_name(relation), "is_mine": IS_MINE}
    query = statement(_PAGE, mine=statement(MINE, **parts), **parts)
    rows = await fetch(connection, query, mine_params(uid, records_at) | {"limit": limit, "offset": offset})
    return [record for (record,) in rows]


async def changes_of(connection: Connection, relation: Relation, uids: Sequence[str]) -> list[RecordChange]:
    """All changes of these records that are kept, the newest first within each record."""
    await execute(connection, "set local timezone = 'UTC'")
    query = statement(_ENTRIES, log=log_table_name(relation), bucket=bucket_of("i.id"))
    rows = await fetch(connection, query, {"ids": list(uids), "model": relation.model, "limit": MAX_ENTRIES})
    present: dict[str, Row] = dict(await fetch(connection, statement(_PRESENT, table=table_name(relation)), [list(uids)]))
    types: dict[str, ColumnType] = {column.slug: column.type for column in (*relation.columns, *SYSTEM_COLUMNS.values())}
    entries: dict[str, list[tuple[Any, ...]]] = {uid: [] for uid in uids}
    for row in rows:
        entries[row[0]].append(row)
    changes: dict[str, list[RecordChange]] = {}
    began: dict[str, tuple[datetime, Row]] = {}
    for uid in entries:
        changes[uid], first = _read_backwards(uid, entries[uid], present.get(uid), types)
        if first is not None and "_created_at" in first:
            began[uid] = _timestamp(first["_created_at"]), first
    bulk = dict(await fetch(connection, _BULK, [relation.model, list({at for at, _ in began.values()})])) if began else {}
    for uid, (at, state) in began.items():
        if at in bulk:
            changes[uid].append(RecordChange(uid, "added", at, None, _shown(state, types), bulk[at], None))
    return [change for uid in uids for change in changes[uid]]


def _read_backwards(
    uid: str, entries: Sequence[tuple[Any, ...]], present: Row | None, types: Mapping[str, ColumnType]
) -> tuple[list[RecordChange], Row | None]:
    """The changes of a record, from the newest entry back; and what the record was before all of them, None where it was not there."""
    state, changes = present, list[RecordChange]()
    for _, op, at, before, change_set, run in entries:
        if op == "i":
            changes.append(RecordChange(uid, "added", at, None, None if state is None else _shown(state, types), change_set, run))
            state = None
        elif op == "d":
            changes.append(RecordChange(uid, "removed", at, None if before is None else _shown(before, types), None, change_set, run))
            state = before
        elif op == "f":
            changes.append(RecordChange(uid, "forgotten", at, None, None, change_set, run))
        else:
            after = None if state is None else _shown({slug: state.get(slug) for slug in before}, types)
            changes.append(RecordChange(uid, "updated", at, _shown(before, types), after, change_set, run))
            state = {**state, **before} if state is not None else None
    return changes, state


def _shown(row: Row, types: Mapping[str, ColumnType]) -> Row:
    """The values of the columns that the model has, as JSON on the wire."""
    return {slug: _to_wire(value, types[slug]) for slug, value in row.items() if slug in types}


def _to_wire(value: Any, kind: ColumnType) -> Any:
    if kind == "date" and isinstance(value, str):
        return clock.to_iso(_timestamp(value))
    return to_wire(value, kind)


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
