"""Load many records into a model's table with COPY: an empty one directly, any other through a staging table."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors

from cargo_ai.records import ddl
from cargo_ai.records.bulk.row_encoder import RowEncoder
from cargo_ai.records.catalog import SQL_TYPES, Relation
from cargo_ai.records.names import quote
from cargo_ai.store.driver import Connection, execute, fetch

MAX_TOUCHED = 1_000
PART_RECORDS = 100_000
"""Of a load that says how far it is one statement merges about this many."""
Progress = Callable[[int, int], Awaitable[None]]
"""Hears how many rows are merged, of how many."""
MERGE_FROM = 170_000
"""The version of the database from which MERGE says what it did."""
COPY_LINES = "(format csv, delimiter e'\\x02', quote e'\\x01')"
"""How COPY writes JSON documents one per line as they are: neither character stands in JSON, so nothing is quoted."""

_TIMESTAMPS = ("_emitted_at", "_created_at", "_updated_at")
_TRIGGERS = ("log_insert", "log_update", "log_delete")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did. `duplicates`: rows whose id came again later in the same load; `touched`: the ids, None where they are more than a
    thousand."""

    added: int
    updated: int
    unchanged: int
    duplicates: int
    touched: list[str] | None


class AmbiguousId(ValueError):
    """Rows that are not known by their ids bring the same id for different records; nothing was written. The message names one."""


class Load:
    """One load into one model in the connection's transaction: `begin`, `write` the lines, `end`; with `report_rows` also `row_results`.
    `now`: when its records were added or changed. `progress` hears of each part of a large one, unless rows are reported."""

    def __init__(
        self,
        connection: Connection,
        relation: Relation,
        encoder: RowEncoder,
        now: datetime,
        *,
        report_rows: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._connection, self._relation, self._encoder, self._reports_rows = connection, relation, encoder, report_rows
        self._now, self._progress = now, progress
        self._is_empty = False
        self._id = self._by = "_id"
        self._indexes: list[tuple[str, str, str | None]] = []
        self._cursor: psycopg.AsyncCursor[Any] | None = None
        self._copying: Any = None
        self._copy: psycopg.AsyncCopy | None = None

    async def begin(self) -> None:
        """Prepare the load. An empty table is filled without key and indexes, which are built afterwards: half the time."""
        own, encoder = ddl.table_name(self._relation), self._encoder
        look = f"select exists (select from {own}), set_config('timezone', 'UTC', true)"  # noqa: S608 - names, quoted
        ((has_records, _),) = await fetch(self._connection, look)
        self._is_empty = not has_records and encoder.match is None and not self._reports_rows
        # What is known by another column is given ids while it is staged, and so loses the order in which it lies.
        encoder.staged = self._reports_rows or encoder.match is not None
        encoder.ascending = not self._is_empty and encoder.match is None
        if encoder.id_text is not None and not self._is_empty and not encoder.staged:
            encoder.repeats_ids, self._id = False, quote(encoder.id_text)
        ids = ("_id",) if encoder.repeats_ids else ()
        columns = ", ".join(quote(slug) for slug in (*ids, *encoder.slugs))
        if self._is_empty:
            await ddl.run_exclusively(self._connection, [f"lock table {own} in access exclusive mode"])
            self._indexes = await ddl.index_statements(self._connection, self._relation)
            await ddl.run_exclusively(self._connection, self._empty_table_statements())
            target = f"{own} ({columns})"
        else:
            typed = ", ".join([f"{name} text" for name in ids] + [f"{quote(one.slug)} {SQL_TYPES[one.type]}" for one in encoder.columns])
            stage = f"_n bigint not null, {typed}, _faults text" if encoder.staged else typed
            await execute(self._connection, f"create temp table load_stage ({stage}) on commit drop")
            target = f"load_stage (_n, {columns}, _faults)" if encoder.staged else f"load_stage ({columns})"
        self._cursor = self._connection.cursor()
        statement = f"copy {target} from stdin (null ''{', freeze' if self._is_empty else ''})"
        self._copying = self._cursor.copy(statement.encode())
        self._copy = await self._copying.__aenter__()

    def _empty_table_statements(self) -> list[str]:
        own, moment = ddl.table_name(self._relation), self._now.isoformat()
        defaults = ", ".join(f"alter column {name} set default '{moment}'" for name in _TIMESTAMPS)
        constraint = f"alter table {own} drop constraint {quote(self._relation.table + '_pkey')}"
        triggers = [f"alter table {own} disable trigger {name}" for name in _TRIGGERS]
        # What is truncated in the same transaction may be filled with FREEZE: no vacuum has to visit its rows later.
        return [f"truncate {own}", constraint, *(gone for gone, _, _ in self._indexes), f"alter table {own} {defaults}", *triggers]

    async def write(self, lines: bytes) -> None:
        """Send lines that the encoder made."""
        if lines and self._copy is not None:
            await self._copy.write(lines)

    async def abandon(self, error: BaseException) -> None:
        """Give up: nothing of this load stays. The transaction is of no more use than to be rolled back."""
        if self._copying is not None:
            await self._copying.__aexit__(type(error), error, error.__traceback__)

    async def end(self) -> LoadResult:
        """Finish the load. Raises AmbiguousId."""
        assert self._cursor is not None
        await self._copying.__aexit__(None, None, None)
        count = max(self._cursor.rowcount, 0)
        loaded = await self._finish_direct(count) if self._is_empty else await self._merge_stage(count)
        if loaded.added + loaded.updated > ddl.REHASH_ROWS:
            await execute(self._connection, f"analyze {ddl.table_name(self._relation)}")
        return loaded

    async def _finish_direct(self, count: int) -> LoadResult:
        own = ddl.table_name(self._relation)
        gone = 0
        try:
            async with self._connection.transaction():
                await execute(self._connection, ddl.add_key(self._relation))
        except errors.UniqueViolation:
            if self._encoder.by_content:
                await self._number_ids(own)
            else:
                # Rows lie in the order of the file here: the last of an id has the highest ctid.
                numbered = f"(select ctid, row_number() over (partition by _id order by ctid desc) as n from {own})"  # noqa: S608
                gone = await execute(
                    self._connection,
                    f"delete from {own} as t using {numbered} as d where t.ctid = d.ctid and d.n > 1",  # noqa: S608 - names, quoted
                )
            await execute(self._connection, ddl.add_key(self._relation))
        for _, again, comment in self._indexes:
            await execute(self._connection, again)
            if comment is not None:
                await execute(self._connection, comment)
        defaults = ", ".join(f"alter column {name} drop default" for name in _TIMESTAMPS)
        await execute(self._connection, f"alter table {own} {defaults}")
        for name in _TRIGGERS:
            await execute(self._connection, f"alter table {own} enable trigger {name}")
        if count:
            await execute(self._connection, f"insert into {ddl.log_table_name(self._relation)} (_id, op) values (null, 'i')")  # noqa: S608
            counting = "select public.cargo_count_records(%s, %s, %s::bigint)"
            await execute(self._connection, counting, [self._relation.schema, self._relation.log, count - gone])
        return LoadResult(count - gone, 0, 0, gone, None)

    async def _number_ids(self, table: str) -> None:
        """Tell rows apart that are all alike: the second of them has the id of the first and `-2`, and so on."""
        numbered = f"(select ctid, row_number() over (partition by _id order by ctid) as n from {table})"  # noqa: S608 - names, quoted
        await execute(
            self._connection,
            f"update {table} as t set _id = t._id || '-' || d.n from {numbered} as d where t.ctid = d.ctid and d.n > 1",  # noqa: S608
        )

    async def _merge_stage(self, count: int) -> LoadResult:
        if self._encoder.by_content:
            await self._number_ids("load_stage")
        by = await self._match_stage()
        distinct_on, order = f"distinct on ({by}) ", f" order by {by}, {'_n' if self._encoder.staged else 'ctid'} desc"
        if self._encoder.ascending:
            # No id comes twice, and all loads of such files take the records' locks in the same order.
            distinct_on = order = ""
        names = ", ".join([f"{self._id} as _id", *map(quote, self._encoder.slugs)])
        staged = f"select {distinct_on}{names} from load_stage where {self._id} is not null{order}"  # noqa: S608 - names, quoted
        added = updated = 0
        touched = list[str]()
        async with aclosing(self._parts(staged, count)) as parts:
            async for part in parts:
                more = await self._write_staged(part)
                added, updated, touched = added + more[0], updated + more[1], touched + more[2]
        valid = count - self._encoder.rejected_count
        distinct = valid
        if added + updated < valid and not self._encoder.ascending:
            rows = f"select count(*) from (select distinct {by} from load_stage where {self._id} is not null) as d"  # noqa: S608
            distinct = int((await fetch(self._connection, rows))[0][0])
        self._by = by
        if not self._reports_rows:
            await execute(self._connection, "drop table load_stage")
        few = added + updated <= MAX_TOUCHED
        return LoadResult(added, updated, distinct - added - updated, valid - distinct, sorted(touched) if few else None)

    async def _parts(self, staged: str, count: int) -> AsyncGenerator[str]:
        """The select in parts, in the same order; `progress` hears when one is merged."""
        if self._progress is None or self._reports_rows or count <= PART_RECORDS:
            yield staged
            return
        table, rows = "load_stage", f"{staged} and"
        if not self._encoder.ascending:
            table, rows = "load_sorted", "select * from load_sorted where"
            await execute(self._connection, f"create temp table load_sorted on commit drop as {staged}")
        size = "select pg_relation_size(%s::regclass) / current_setting('block_size')::bigint"
        pages = int((await fetch(self._connection, size, [table]))[0][0])
        step = max(1, pages * PART_RECORDS // count)
        for first in range(0, pages, step):
            yield f"{rows} ctid >= '({first},0)'::tid and ctid < '({first + step},0)'::tid"
            await self._progress(min(count, count * (first + step) // pages), count)
        if table == "load_sorted":
            await execute(self._connection, "drop table load_sorted")

    async def _write_staged(self, staged: str) -> tuple[int, int, list[str]]:
        """Add or change the records of a select: how many were added, how many changed, and the first of them."""
        own, slugs = ddl.table_name(self._relation), self._encoder.slugs
        if self._connection.info.server_version >= MERGE_FROM:
            try:
                async with self._connection.transaction():
                    return await self._run_merge(_merge(own, slugs, staged))
            except errors.UniqueViolation:
                # Another writer has just added one of these records: INSERT knows what to do then.
                pass
        return await self._run_merge(_insert(own, slugs, staged))

    async def _run_merge(self, merge: str) -> tuple[int, int, list[str]]:
        """Carry out a statement that returns `_id` and whether it was added: how many were, how many not, and the first of them. Where
        each row is reported, `load_touched` has them."""
        counts = (
            "select count(*) filter (where added), count(*) filter (where not added), "  # noqa: S608 - a number
            f"(select coalesce(array_agg(_id), '{{}}') from (select _id from done limit {MAX_TOUCHED}) as first) from done"
        )
        if self._reports_rows:
            await execute(self._connection, "create temp table load_touched (_id text not null, added boolean not null) on commit drop")
            noted = f"with done as ({merge}) insert into load_touched select _id, added from done"  # noqa: S608 - names, quoted
            await execute(self._connection, noted, {"now": self._now})
            merge = "select _id, added from load_touched"
        added, updated, touched = (await fetch(self._connection, f"with done as ({merge}) {counts}", {"now": self._now}))[0]
        return added, updated, touched

    async def row_results(self) -> AsyncGenerator[bytes]:
        """What became of each row, in order, as JSON lines of `row, verdict, id, column, value, problem, content`; after
        `end`, once. `content`: what the file has in a rejected row, by header.

        added, updated, unchanged; rejected, with its first fault; replaced: a later row has the same id.
        """
        verdict = (
            "case when s._faults is not null then 'rejected' when s.last <> s._n then 'replaced' when t._id is null then 'unchanged' "
            "when t.added then 'added' else 'updated' end"
        )
        more = (
            "select string_agg(case f.at when 1 then '' else (f.fault ->> 'column') || ' ' end || (f.fault ->> 'message'), '; ' "
            "order by f.at) "
            "from jsonb_array_elements(s.faults) with ordinality as f (fault, at)"
        )
        query = (
            f"select row_to_json(r) from (select s._n as row, {verdict} as verdict, s._id as id, s.faults -> 0 ->> 'column' as column, "  # noqa: S608
            f"s.faults -> 0 ->> 'value' as value, case when s._faults is not null then ({more}) "
            "when s.last <> s._n then 'row ' || s.last || ' has the same id' end as problem, "
            "s.faults -> 0 -> 'content' as content "
            f"from (select *, _faults::jsonb as faults, max(_n) over (partition by {self._by}) as last from load_stage) as s "
            "left join load_touched as t on t._id = s._id order by s._n) as r"
        )
        async with self._connection.cursor() as cursor, cursor.copy(f"copy ({query}) to stdout {COPY_LINES}".encode()) as copy:
            async for part in copy:
                yield bytes(part)
        await execute(self._connection, "drop table load_stage, load_touched")

    async def _match_stage(self) -> str:
        """The column that tells staged rows apart; rows that are known by another one than the id get the ids of those they stand for."""
        match = self._encoder.match
        if match is None:
            return self._id
        await execute(self._connection, "analyze load_stage")
        own, name = ddl.table_name(self._relation), quote(match.slug)
        staged = f"select {name} from load_stage where _id is not null"  # noqa: S608 - names, quoted
        known = f"select distinct on (o.{name}) o.{name} as known, o._id from {own} as o where o.{name} in ({staged})"  # noqa: S608
        await execute(
            self._connection,
            f"update load_stage as s set _id = t._id from ({known} order by o.{name}, o._created_at, o._id) as t "  # noqa: S608
            f"where t.known = s.{name} and s._id is not null",
        )
        if self._encoder.brings_ids:
            same = f"select _id from load_stage where _id is not null group by _id having count(distinct {name}) > 1 limit 1"  # noqa: S608
            rows = await fetch(self._connection, same)
            if rows:
                raise AmbiguousId(f"The id {rows[0][0]} stands for rows of different {match.slug}")
        return name


def _merge(table: str, slugs: Sequence[str], staged: str) -> str:
    """The statement that adds or changes records: a sixth cheaper than `_insert`, which locks each record that is there and computes its
    hash before it looks whether it differs. A UniqueViolation where another writer adds one of them at the same time."""
    sets = "".join(f"{quote(slug)} = s.{quote(slug)}, " for slug in slugs)
    names, values = (", ".join(f"{prefix}{quote(slug)}" for slug in ("_id", *slugs)) for prefix in ("", "s."))
    # Each record is looked up by its id, in the order of the rows: an equation could be a join that reads all of the table.
    return (
        f"merge into {table} as t using ({staged}) as s on t._id = any (array[s._id]) "  # noqa: S608 - names, quoted
        f"when matched and ({_differs(slugs, 's')}) then update set {sets}_updated_at = %(now)s "
        f"when not matched then insert ({names}, _emitted_at, _created_at, _updated_at) values ({values}, %(now)s, %(now)s, %(now)s) "
        "returning t._id, merge_action() = 'INSERT' as added"
    )


def _insert(table: str, slugs: Sequence[str], staged: str) -> str:
    """The statement that adds or changes records, also where others do."""
    sets = "".join(f"{quote(slug)} = excluded.{quote(slug)}, " for slug in slugs)
    names = ", ".join(map(quote, ("_id", *slugs)))
    return (
        f"insert into {table} as t ({names}, _emitted_at, _created_at, _updated_at) "  # noqa: S608 - names, quoted
        f"select {names}, %(now)s, %(now)s, %(now)s from ({staged}) as s on conflict (_id) "
        f"do update set {sets}_updated_at = excluded._updated_at where {_differs(slugs, 'excluded')} "
        "returning t._id, t.xmax = 0 as added"
    )


def _differs(slugs: Sequence[str], source: str) -> str:
    """The condition that a record has another value in some column."""
    return " or ".join(f"t.{quote(slug)} is distinct from {source}.{quote(slug)}" for slug in slugs) or "false"
