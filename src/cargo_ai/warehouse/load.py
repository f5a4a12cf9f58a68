"""Load: many records at once, streamed into the table of a model: straight into an empty one, by way of a staging table into another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import errors

from cargo_ai.kernel import clock
from cargo_ai.warehouse import ddl
from cargo_ai.warehouse.catalog import SQL_TYPES, Column, Relation
from cargo_ai.warehouse.driver import Connection, execute, fetch, value
from cargo_ai.warehouse.infer import DATE
from cargo_ai.warehouse.names import quoted
from cargo_ai.warehouse.values import Unfit, shown, to_database

MOST_ID = 2_000
MOST_MEMORISED = 20_000
MOST_TOUCHED = 1_000
MOST_REJECTED = 100
"""So many of the rows that do not fit are told one by one."""

# What the database reads as it stands: no spaces, no more digits than fit.
_PLAIN_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,2})?")


NULL = "\\N"
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot come in: its number as a spreadsheet counts, the column, and why."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did. `doubled`: rows whose id came again later in the same load; `touched`: the ids, None where they are more than a
    thousand."""

    added: int
    updated: int
    unchanged: int
    doubled: int
    touched: list[str] | None


class Prepared:
    """Turns rows of texts into what COPY reads, column by column; what does not fit is gathered in `rejected`.

    `columns`: the model's column for each value of a row, None for values that are left out; `_id` may be among them. `new_id` gives ids
    to rows without one where the model has no id column. `match`: a column that rows are known by instead; it must have a value.
    """

    def __init__(
        self, relation: Relation, columns: Sequence[Column | None], *, new_id: Callable[[], str], match: Column | None = None
    ) -> None:
        kept = [(position, column) for position, column in enumerate(columns) if column is not None and column.writable]
        self.columns = [column for _, column in kept]
        self.match = match
        self.rejected: list[Rejected] = []
        self.rejected_count = 0
        self._relation = relation
        self._positions = [position for position, _ in kept]
        self._new_id = new_id
        self._known: list[dict[str, str]] = [{} for _ in self.columns]
        self._own = self._place(relation.id_column)
        self._given = next((position for position, column in enumerate(columns) if column is not None and column.slug == "_id"), None)
        self._matched = None if match is None else self._place(match.slug)

    def _place(self, slug: str) -> int | None:
        return next((number for number, column in enumerate(self.columns) if column.slug == slug), None)

    @property
    def slugs(self) -> list[str]:
        """The columns that a load sets, in the order of the lines."""
        return [column.slug for column in self.columns]

    def lines(self, first: int, rows: Sequence[Sequence[str]]) -> bytes:
        """The rows as COPY's text format has them: `_id`, then the columns. `first`: the number of the first row."""
        if not rows:
            return b""
        whole = list(zip(*rows, strict=True))
        bad: set[int] = set()
        done = [self._column(number, whole[position], first, bad) for number, position in enumerate(self._positions)]
        ids = self._ids(done, None if self._given is None else whole[self._given], len(rows), first, bad)
        if self._matched is not None and self.match is not None:
            self._require(done[self._matched], self.match.slug, "is missing: it is what the rows are known by", first, bad)
        self.rejected_count += len(bad)
        lines = map("\t".join, zip(ids, *done, strict=True))
        text = "\n".join(lines if not bad else (line for at, line in enumerate(lines) if at not in bad))
        return f"{text}\n".encode() if text else b""

    def _reject(self, row: int, column: str, message: str) -> None:
        if len(self.rejected) < MOST_REJECTED:
            self.rejected.append(Rejected(row, column, message))

    def _require(self, values: Sequence[str], slug: str, message: str, first: int, bad: set[int]) -> None:
        for at, one in enumerate(values):
            if one == NULL:
                bad.add(at)
                self._reject(first + at, slug, message)

    def _column(self, number: int, values: Sequence[str], first: int, bad: set[int]) -> Sequence[str]:
        column = self.columns[number]
        if column.type == "string":
            return [one or NULL for one in _escaped(values)]
        filled = [one for one in values if one]
        if column.type == "number" and all(map(_PLAIN_NUMBER.fullmatch, filled)):
            return [one or NULL for one in values]
        if column.type == "date" and all(map(DATE.fullmatch, filled)) and _real_dates(filled):
            return [one or NULL for one in values]
        return self._slowly(number, values, first, bad)

    def _slowly(self, number: int, values: Sequence[str], first: int, bad: set[int]) -> Sequence[str]:
        """Value by value; the same text is looked at once."""
        column, known, done = self.columns[number], self._known[number], list[str]()
        if len(known) > MOST_MEMORISED:
            known.clear()
        for at, one in enumerate(values):
            text = known.get(one)
            if text is None:
                try:
                    text = (to_database(one, column.type) if one else None) or NULL
                    text = known[one] = text if text is NULL else _escape(text)
                except Unfit as fault:
                    text = NULL
                    bad.add(at)
                    self._reject(first + at, column.slug, f"{shown(one)} {fault}")
            done.append(text)
        return done

    def _ids(self, done: Sequence[Sequence[str]], given: Sequence[str] | None, count: int, first: int, bad: set[int]) -> Sequence[str]:
        own = self._relation.id_column
        if own == "_id":
            return [one or self._new_id() for one in _escaped(given)] if given is not None else [self._new_id() for _ in range(count)]
        if self._own is None:
            bad.update(range(count))
            self._reject(first, own, "is not in the file, and it is the id of the records")
            return [""] * count
        ids = list(done[self._own])
        self._require(ids, own, "is missing: it is the id of the record", first, bad)
        if any(len(uid) > MOST_ID for uid in ids):
            for at, uid in enumerate(ids):
                if len(uid) > MOST_ID:
                    bad.add(at)
                    self._reject(first + at, own, f"is longer than the {MOST_ID:,} characters that an id may have")
        if self.columns[self._own].type == "number":
            return [uid if uid == NULL else (to_database(uid, "number") or "").removesuffix(".0") for uid in ids]
        return ids


def _escaped(values: Sequence[str]) -> Sequence[str]:
    """The texts with what means something in COPY's text format escaped; most files have none of it."""
    return [_escape(one) for one in values] if _SPECIAL.search("\x1f".join(values)) else values


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _real_dates(values: Sequence[str]) -> bool:
    try:
        for one in values:
            datetime.fromisoformat(one)
    except ValueError:
        return False
    return True


class Load:
    """One load into one model, in the connection's transaction: `begin`, `write` the lines, `end`."""

    def __init__(self, connection: Connection, relation: Relation, prepared: Prepared) -> None:
        self._connection, self._relation, self._prepared = connection, relation, prepared
        self._now = clock.now()
        self._fresh = False
        self._cursor: psycopg.AsyncCursor[Any] | None = None
        self._copying: Any = None
        self._copy: psycopg.AsyncCopy | None = None

    async def begin(self) -> None:
        """Make ready. An empty table is filled without its key, which is built afterwards: half the time."""
        await execute(self._connection, "set local timezone = 'UTC'")
        own = ddl.table(self._relation)
        empty = not await fetch(self._connection, f"select 1 from {own} limit 1")  # noqa: S608 - names, quoted
        self._fresh = empty and self._prepared.match is None
        columns = ", ".join(quoted(slug) for slug in ("_id", *self._prepared.slugs))
        if self._fresh:
            await ddl.change(self._connection, self._emptied())
            target = f"{own} ({columns})"
        else:
            typed = ", ".join(f"{quoted(column.slug)} {SQL_TYPES[column.type]}" for column in self._prepared.columns)
            stage = f"_id text not null{typed and ', '}{typed}"
            if self._prepared.match is not None:
                stage = f"_n bigint generated always as identity, {stage}"
            await execute(self._connection, f"create temp table load_stage ({stage}) on commit drop")
            target = f"load_stage ({columns})"
        self._cursor = self._connection.cursor()
        statement = f"copy {target} from stdin"
        self._copying = self._cursor.copy(statement.encode())
        self._copy = await self._copying.__aenter__()

    def _emptied(self) -> list[str]:
        own, moment = ddl.table(self._relation), self._now.isoformat()
        defaults = ", ".join(f"alter column {name} set default '{moment}'" for name in _TIMES)
        constraint = f"alter table {own} drop constraint {quoted(self._relation.table + '_pkey')}"
        triggers = [f"alter table {own} disable trigger {name}" for name in ("log_insert", "log_delete")]
        return [f"lock table {own} in access exclusive mode", constraint, f"alter table {own} {defaults}", *triggers]

    async def write(self, lines: bytes) -> None:
        """Send lines of `Prepared`."""
        if lines and self._copy is not None:
            await self._copy.write(lines)

    async def abandon(self, error: BaseException) -> None:
        """Give up: nothing of this load stays. The transaction is of no more use than to be rolled back."""
        if self._copying is not None:
            await self._copying.__aexit__(type(error), error, error.__traceback__)

    async def end(self) -> Loaded:
        """Finish, and say what was done."""
        assert self._cursor is not None
        await self._copying.__aexit__(None, None, None)
        count = max(self._cursor.rowcount, 0)
        loaded = await self._filled(count) if self._fresh else await self._merged(count)
        if loaded.added + loaded.updated > ddl.REHASH_ROWS:
            await execute(self._connection, f"analyze {ddl.table(self._relation)}")
        return loaded

    async def _filled(self, count: int) -> Loaded:
        own = ddl.table(self._relation)
        gone = 0
        try:
            async with self._connection.transaction():
                await execute(self._connection, ddl.add_key(self._relation))
        except errors.UniqueViolation:
            # Rows lie in the order of the file here: the last of an id has the highest ctid.
            gone = await execute(
                self._connection,
                f"delete from {own} as t using (select ctid, row_number() over (partition by _id order by ctid desc) as n from {own}) as d "  # noqa: S608
                "where t.ctid = d.ctid and d.n > 1",
            )
            await execute(self._connection, ddl.add_key(self._relation))
        defaults = ", ".join(f"alter column {name} drop default" for name in _TIMES)
        await execute(self._connection, f"alter table {own} {defaults}")
        for name in ("log_insert", "log_delete"):
            await execute(self._connection, f"alter table {own} enable trigger {name}")
        if count:
            await execute(self._connection, f"insert into {ddl.log_table(self._relation)} (_id, op) values (null, 'i')")  # noqa: S608
        return Loaded(count - gone, 0, 0, gone, None)

    async def _merged(self, count: int) -> Loaded:
        own, slugs = ddl.table(self._relation), self._prepared.slugs
        names = "".join(f", {quoted(slug)}" for slug in slugs)
        by = await self._known_by()
        # Rows of a table that was only copied into lie in the order of the file; ids that were put in moved them.
        last = "ctid" if self._prepared.match is None else "_n"
        sets = "".join(f"{quoted(slug)} = excluded.{quoted(slug)}, " for slug in slugs)
        differs = " or ".join(f"t.{quoted(slug)} is distinct from excluded.{quoted(slug)}" for slug in slugs) or "false"
        statement = (
            f"with done as (insert into {own} as t (_id, _emitted_at, _created_at, _updated_at{names}) "  # noqa: S608 - names, quoted
            f"select distinct on ({by}) _id, %(now)s, %(now)s, %(now)s{names} from load_stage order by {by}, {last} desc "
            f"on conflict (_id) do update set {sets}_updated_at = excluded._updated_at where {differs} "
            "returning t._id, t.xmax = 0 as added) insert into load_touched select _id, added from done"
        )
        await execute(self._connection, "create temp table load_touched (_id text not null, added boolean not null) on commit drop")
        await execute(self._connection, statement, {"now": self._now})
        row = (await fetch(self._connection, "select count(*) filter (where added), count(*) filter (where not added) from load_touched"))[
            0
        ]
        distinct = int(await value(self._connection, f"select count(distinct {by}) from load_stage")) if count else 0  # noqa: S608
        few = row[0] + row[1] <= MOST_TOUCHED
        touched = [uid for (uid,) in await fetch(self._connection, "select _id from load_touched order by _id")] if few else None
        await execute(self._connection, "drop table load_stage, load_touched")
        return Loaded(row[0], row[1], distinct - row[0] - row[1], count - distinct, touched)

    async def _known_by(self) -> str:
        """The column that tells staged rows apart; rows that are known by another one than the id get the ids of those they stand for."""
        match = self._prepared.match
        if match is None:
            return "_id"
        own, name = ddl.table(self._relation), quoted(match.slug)
        await execute(
            self._connection,
            f"update load_stage as s set _id = t._id from (select distinct on (o.{name}) o.{name} as known, o._id from {own} as o "  # noqa: S608
            f"where o.{name} in (select {name} from load_stage) order by o.{name}, o._created_at, o._id) as t where t.known = s.{name}",
        )
        return name


_TIMES = ("_emitted_at", "_created_at", "_updated_at")
