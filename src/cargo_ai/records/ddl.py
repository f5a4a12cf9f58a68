"""The statements that create, change and drop a model's schema, table, and log of touched records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import errors

from cargo_ai.records.catalog import Column, Relation
from cargo_ai.records.column_kinds import KINDS
from cargo_ai.records.hashing import hash_expression
from cargo_ai.records.names import literal, qualify, quote
from cargo_ai.store.driver import Connection, execute, fetch, value

LOCK_TIMEOUT_MS = 2_000
ATTEMPTS = 2
FILL_PERCENT = 95
"""How full pages are made: a record that changes stays on its page, and no index has to be written."""
REHASH_ROWS = 10_000
"""A table of at most this many rows is rehashed when a column is added: the rewrite takes milliseconds."""


class TableBusy(RuntimeError):
    """The table is being used and could not be changed in time. Nothing was changed."""


async def run_exclusively(connection: Connection, statements: Sequence[str]) -> None:
    """Run statements that need a table for themselves, in the connection's transaction; TableBusy when it is not free.

    Waiting is short, and repeated: a statement that waits for its lock holds up every statement after it.
    """
    for attempt in range(1, ATTEMPTS + 1):
        await execute(connection, "savepoint change")
        try:
            await execute(connection, f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
            for statement in statements:
                await execute(connection, statement)
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            await execute(connection, "rollback to savepoint change")
            if attempt == ATTEMPTS:
                raise TableBusy("The table is in use by longer work right now.") from error
            continue
        await execute(connection, "set local lock_timeout to default")
        await execute(connection, "release savepoint change")
        return


def table_name(relation: Relation) -> str:
    """The table's name as SQL."""
    return qualify(relation.schema, relation.table)


def log_table_name(relation: Relation) -> str:
    """The name of the log as SQL: `(xid, _id, op, at, before, change_set, run)`, op i, u or d. `before`: the former values of the columns
    that users write and that differ, or all of a record that was removed. `change_set` and `run`: who wrote, where the transaction had
    several writers. A packed entry has `(bucket, ids, slugs, types, former)` instead of `_id` and `before`: the records of one statement
    that are in the same of 64 buckets (`bucket_of`); `cargo_unpack` makes entries of one record of it. A null `_id` without `ids` says
    that any record may have been touched.

    Read what has `xid < pg_snapshot_xmin(pg_current_snapshot())`; the rest comes with the next look.
    """
    return qualify(relation.schema, relation.log)


def bucket_of(record: str) -> str:
    """The bucket of the packed entries of a record, as SQL. `record`: its id, as SQL."""
    return f"hashtext({record}) & 63"


def create(relation: Relation) -> list[str]:
    """The statements that make schema, table, log and triggers. The view is `views.create`."""
    return [f"create schema if not exists {quote(relation.schema)}", create_table(relation), *create_log(relation)]


def create_table(relation: Relation, *, key: bool = True) -> str:
    """The table with all stored columns. `key` False: without its primary key, which `add_key` adds after a load."""
    columns = relation.stored_columns
    lines = [
        "_id text not null",
        "_emitted_at timestamptz not null",
        "_created_at timestamptz not null",
        "_updated_at timestamptz not null",
        *(KINDS[column.kind].ddl(column) for column in columns),
        f"_hash bigint generated always as ({hash_expression(columns)}) stored",
    ]
    if key:
        lines.append("primary key (_id)")
    return f"create table {table_name(relation)} ({', '.join(lines)}) with (fillfactor = {FILL_PERCENT})"


def add_key(relation: Relation) -> str:
    """The primary key of a table that was filled without one."""
    return f"alter table {table_name(relation)} add primary key (_id)"


def create_log(relation: Relation) -> list[str]:
    """The log and the triggers that write it: one statement each, however many rows."""
    log = log_table_name(relation)
    return [
        f"create table {log} (xid xid8 not null default pg_current_xact_id(), "
        f'_id text, op "char" not null, at timestamptz not null default clock_timestamp(), before jsonb, change_set uuid, run uuid, '
        # To compress what is read once a month costs more than the rest of an entry.
        "bucket smallint, ids text[], slugs text[], types text[], former text[] storage external)",
        f"create index on {log} (xid)",
        f"create index on {log} (bucket) where bucket is not null",
        # Ids may be longer than an entry of a tree, and equality is all that is asked.
        f"create index on {log} using hash (_id)",
        track_changes(relation),
    ]


def track_changes(relation: Relation) -> str:
    """Have the triggers log changes of the columns that the model has now; to be repeated whenever a stored column comes or goes."""
    stored = relation.stored_columns
    columns = [column.slug for column in stored if column.writable]
    ignored = [column.slug for column in stored if not column.writable]
    texts = [column.slug for column in stored if column.type == "vector"]
    names = ", ".join(literal(name) for name in (relation.schema, relation.table, relation.log))
    arrays = ", ".join(f"array[{', '.join(map(literal, slugs))}]::text[]" for slugs in (columns, ignored, texts))
    return f"select public.cargo_track_changes({names}, {arrays})"


def drop(relation: Relation) -> list[str]:
    """The statements that take everything of a model away."""
    return [
        f"drop view if exists {qualify(relation.schema, relation.view)}",
        f"drop table if exists {table_name(relation)}",
        f"drop table if exists {log_table_name(relation)}",
        f"drop function if exists {qualify(relation.schema, 'f' + relation.log[1:])}()",
    ]


def add_columns(relation: Relation, columns: Iterable[Column]) -> list[str]:
    """Empty columns: no row is touched."""
    added = [f"add column {KINDS[column.kind].ddl(column)}" for column in columns]
    return [f"alter table {table_name(relation)} {', '.join(added)}"] if added else []


def drop_column(relation: Relation, slug: str) -> list[str]:
    """Take a stored column away; `relation` still has it. Where `_hash` covers it, the table is rewritten."""
    gone = f"alter table {table_name(relation)} drop column {quote(slug)}"
    if slug not in relation.hashed:
        return [gone]
    left = [column for column in relation.stored_columns if column.slug in relation.hashed and column.slug != slug]
    return [f"alter table {table_name(relation)} drop column _hash", gone, _add_hash(relation, left)]


def rehash(relation: Relation) -> list[str]:
    """Let `_hash` cover all stored columns. The hashes stay the same; the table is rewritten (2.5 s for a million rows)."""
    return [f"alter table {table_name(relation)} drop column _hash", _add_hash(relation, relation.stored_columns)]


def _add_hash(relation: Relation, columns: Iterable[Column]) -> str:
    return f"alter table {table_name(relation)} add column _hash bigint generated always as ({hash_expression(columns)}) stored"


async def is_small(connection: Connection, relation: Relation) -> bool:
    """Whether the table has at most `REHASH_ROWS` rows."""
    return not await has_more_rows(connection, relation, REHASH_ROWS)


async def has_more_rows(connection: Connection, relation: Relation, count: int) -> bool:
    """Whether the table has more rows than this; no more are looked at."""
    few = f"select count(*) from (select 1 from {table_name(relation)} limit {count + 1}) as capped"  # noqa: S608 - names of ours, quoted
    return int(await value(connection, few)) > count


def add_index(relation: Relation, slug: str) -> list[str]:
    """An index on a stored column that records are looked up by (relationships, unique columns). Columns of JSON get none."""
    column = relation.column(slug)
    if column is None or not column.stored or column.type not in {"string", "number", "date", "boolean"}:
        return []
    # Long texts do not fit into an index entry: a hash index takes any length and answers equality, which is all that is asked.
    how = "using hash " if column.type == "string" else ""
    name = quote(f"ix_{relation.table[2:]}_{slug}"[:63])
    return [f"create index if not exists {name} on {table_name(relation)} {how}({quote(column.slug)})"]


async def index_statements(connection: Connection, relation: Relation) -> list[tuple[str, str, str | None]]:
    """The statements that take each index but the key away, make it again, and note again what was noted beside it."""
    query = (
        "select format('drop index %%I.%%I', n.nspname, c.relname), pg_get_indexdef(c.oid), "
        "format('comment on index %%I.%%I is %%L', n.nspname, c.relname, obj_description(c.oid, 'pg_class')), "
        "obj_description(c.oid, 'pg_class') is not null from pg_index as i join pg_class as c on c.oid = i.indexrelid "
        "join pg_namespace as n on n.oid = c.relnamespace where i.indrelid = %s::text::regclass and not i.indisprimary order by c.oid"
    )
    rows = await fetch(connection, query, [table_name(relation)])
    return [(str(gone), str(again), str(comment) if noted else None) for gone, again, comment, noted in rows]


def logical_create_table(relation: Relation) -> str:
    """The CREATE TABLE under the name that SQL uses, with every column of every kind."""
    lines = ["  `_id` text PRIMARY KEY", "  `_title` text", *(f"  `{name}` timestamptz" for name in _TIMESTAMPS)]
    lines += [f"  `{column.slug}` {column.sql_type}" for column in relation.columns]
    return f"CREATE TABLE `datasets_{relation.dataset}.models_{relation.slug}` (\n" + ",\n".join(lines) + "\n);"


_TIMESTAMPS = ("_time", "_emitted_at", "_created_at", "_updated_at")
