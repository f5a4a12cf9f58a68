"""Rows of every table go through every later migration: none is lost, and no value of theirs is changed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from decimal import Decimal
from typing import Any, LiteralString, cast

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from sqlalchemy import NullPool, create_engine

from cargo_ai.kernel import ids
from cargo_ai.store import migrate
from cargo_ai.store.embedded import postgres, roles
from cargo_ai.store.session import driver_url

pytestmark = pytest.mark.slow
FIRST = "0043"
"""What was there up to here is in the fixture of the other test."""
ROWS = 3
COLUMNS = """
select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, a.attnum as number,
    c.relkind = 'p' as partitioned
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
    and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and a.attidentity = '' and c.relname !~ '^(procrastinate_|alembic_version)'
order by c.relname, a.attnum
"""
VALUES = {
    "uuid": "md5({seed} || '{column}')::uuid",
    "uuid[]": "array[md5({seed} || '{column}')::uuid]",
    "text": "'{column} ' || {seed}",
    "bigint": "{number}",
    "integer": "{number}",
    "smallint": "{number}",
    "boolean": "{number} % 2 = 0",
    "json": "json_build_object('{column}', {seed})",
    "jsonb": "jsonb_build_object('{column}', {seed})",
    "bytea": "convert_to('{column} ' || {seed}, 'UTF8')",
    "date": "date '2026-01-01' + {number}",
    "timestamp with time zone": "timestamptz '2026-01-01' + interval '1 minute' * {number}",
    "tsvector": "to_tsvector('simple', '{column} word' || {seed})",
    "double precision": "{number} + 0.5",
    "numeric(20,6)": "{number} + 0.25",
    "text[]": "array['{column}', {seed}]",
}
"""A value of a type that is another one in each row and column."""
OF_THIS_MONTH = "(lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || substr(md5({seed} || '{column}'), 13))::uuid"
"""An id as partitioned tables have it: it begins with the time."""
ALLOWED = {("ledger_accounts", "kind"): "'usage'", ("ledger_budgets", "overage"): "'allow'"}
"""Values of columns that take only some."""
SUMMED = {"ledger_charges": "amount"}
"""Tables whose rows a migration has put together: the sum of this column stays."""
ADDED_TO = {"quota_changes"}
"""Tables to which a migration adds rows: what it counts from then on."""
RENAMED = {"executions": "execution_rows"}
CHANGED: set[tuple[str, str]] = set()
"""Columns that a migration changes or drops on purpose."""
EXPECTED = {
    "votes",
    "agent_memories",
    "content_files",
    "content_chunks",
    "mcp_servers",
    "device_logins",
    "agent_usage",
    "audit_log",
    "runs",
    "executions",
    "packed_bodies",
    "ledger_accounts",
    "ledger_budgets",
    "ledger_charges",
}

Table = dict[str, list[dict[str, Any]]]


@pytest.fixture
def empty(cluster: postgres.Cluster) -> Generator[str]:
    name = f"t_{ids.new().hex}"
    yield postgres.create_database(cluster, name)
    postgres.drop_database(cluster, name)


def statement(text: str) -> LiteralString:
    return cast("LiteralString", text)


def columns_of(connection: psycopg.Connection[dict[str, Any]]) -> Table:
    tables: Table = {}
    for row in connection.execute(statement(COLUMNS)).fetchall():
        tables.setdefault(row["table"], []).append(row)
    return tables


def fill(connection: psycopg.Connection[dict[str, Any]], table: str, columns: list[dict[str, Any]]) -> None:
    """Rows with a value in each column whose type has one. A table that takes no such rows stays as it is."""
    known = [column for column in columns if column["type"] in VALUES]
    names = sql.SQL(", ").join(sql.Identifier(column["column"]) for column in known)
    for number in range(1, ROWS + 1):
        seed = f"'{table}{number}'"
        values = ", ".join(value_of(table, column).format(column=column["column"], seed=seed, number=number) for column in known)
        with suppress(psycopg.errors.IntegrityError, psycopg.errors.DataError), connection.transaction():
            connection.execute(sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), names, sql.SQL(statement(values))))


def value_of(table: str, column: dict[str, Any]) -> str:
    """The value for a column, as a template."""
    if column["partitioned"] and column["type"] == "uuid":
        return OF_THIS_MONTH
    return ALLOWED.get((table, column["column"]), VALUES[column["type"]])


def content(connection: psycopg.Connection[dict[str, Any]], table: str, columns: list[str]) -> list[tuple[str, ...]]:
    """The rows as texts, in an order of their own."""
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    found = connection.execute(sql.SQL("select {} from {}").format(texts, sql.Identifier(table))).fetchall()
    return sorted(tuple(map(str, row.values())) for row in found)


def test_rows_of_every_table_stay_as_they_are_through_every_later_migration(empty: str, cluster: postgres.Cluster) -> None:
    """After each migration the tables that it has made get rows; after all, each row that was ever written is there as it was."""
    name = conninfo_to_dict(empty)["dbname"]
    script = migrate.scripts()
    revisions = [revision.revision for revision in reversed(list(script.walk_revisions()))]
    config = Config()
    config.set_main_option("script_location", script.dir.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(driver_url(empty), poolclass=NullPool)
    written: dict[str, tuple[list[str], list[tuple[str, ...]]]] = {}
    admin_url = roles.with_database(cluster.admin_url, str(name))
    for revision in revisions[revisions.index(FIRST) :]:
        with engine.connect() as migrating:
            config.attributes["connection"] = migrating
            command.upgrade(config, revision)
        with psycopg.Connection[dict[str, Any]].connect(admin_url, row_factory=dict_row) as connection:
            # Foreign keys and triggers stay silent: what is tried is what migrations do to rows.
            connection.execute("set session_replication_role = replica")
            for table, columns in columns_of(connection).items():
                if table not in written and table not in RENAMED.values():
                    fill(connection, table, columns)
                    names = [column["column"] for column in columns]
                    written[table] = names, content(connection, table, names)
    engine.dispose()
    filled = {table for table, (_, rows) in written.items() if len(rows) >= ROWS}
    assert filled >= EXPECTED
    with psycopg.Connection[dict[str, Any]].connect(admin_url, row_factory=dict_row) as connection:
        now = columns_of(connection)
        for table in sorted(filled):
            names, rows = written[table]
            if table in SUMMED:
                at = names.index(SUMMED[table])
                (amounts,) = zip(*content(connection, table, [SUMMED[table]]), strict=True)
                assert sum(map(Decimal, amounts)) == sum(Decimal(row[at]) for row in rows), table
                continue
            held = RENAMED.get(table, table)
            left = {column["column"] for column in now.get(held, [])}
            kept = [at for at, column in enumerate(names) if column in left and (table, column) not in CHANGED]
            lost = {column for column in names if column not in left and (table, column) not in CHANGED}
            assert not lost, f"{table} has lost {lost}"
            before = sorted(tuple(row[at] for at in kept) for row in rows)
            after = content(connection, held, [names[at] for at in kept])
            assert [row for row in after if row in before] == before if table in ADDED_TO else after == before, table
