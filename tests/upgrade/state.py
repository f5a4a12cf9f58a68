"""Load the state of a killed server of schema 0019 from the fixture into an empty data folder."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import NullPool, create_engine

from cargo_ai.kernel import clock
from cargo_ai.store import migrate
from cargo_ai.store.embedded import postgres, roles
from cargo_ai.store.session import driver_url

Json = dict[str, Any]
FIXTURE = Path(__file__).with_name("fixture")
HOUR_MS = 3_600_000
# The time columns of our tables and of the queue, by table and type. Model tables hold the users' own dates and stay as they are.
TIME_COLUMNS = """
select c.oid::regclass::text as table_name, array_agg(a.attname::text) as columns,
    bool_and(a.atttypid = 'timestamptz'::regtype) as is_timestamp
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and (
    a.atttypid = 'timestamptz'::regtype or a.atttypid = 'bigint'::regtype and (a.attname ~ '_ms$' or a.attname = 'at')
) group by c.oid, a.atttypid
"""
# Stored transaction ids (segment snapshots, change logs) are only comparable with later ones, as they are in the upgraded cluster.
ADVANCE_TRANSACTION_ID = """
do $$
begin
    while pg_current_xact_id()::text::bigint < {transaction_id} loop
        commit;
    end loop;
end
$$
"""


@cache
def known() -> Json:
    """The uuids, tokens and the secret key in the fixture, and `calls`: what the loopback service received, as [path, key, status]."""
    content: Json = json.loads((FIXTURE / "known.json").read_text("utf-8"))
    return content


@cache
def answers() -> list[Json]:
    """Responses of the previous server: `operation`, `fields`, `token` (its name in `known`), `status` and `response`."""
    content: list[Json] = json.loads(gzip.decompress((FIXTURE / "answers.json.gz").read_bytes()))
    return content


@cache
def run_uuids() -> list[str]:
    """The runs in the fixture, to tell those of the current server from them: uuids do not, where the clock is behind the fixture's."""
    return next(
        [line.split(b"\t")[0].decode() for line in rows.splitlines()] for table, rows in _tables() if table.startswith('"public"."runs"')
    )


def load(data_dir: Path) -> None:
    """Replace the database of a data folder by the fixture's, and add its files and key. The database is stopped before and after."""
    cluster = postgres.start(data_dir)
    postgres.drop_database(cluster, roles.DATABASE)
    url = postgres.create_database(cluster, roles.DATABASE)
    _migrate(url, str(known()["revision"]))
    _fill(url, roles.with_database(cluster.admin_url, roles.DATABASE))
    postgres.stop(data_dir)
    with zipfile.ZipFile(FIXTURE / "files.zip") as files:
        files.extractall(data_dir / "files")
    key_file = data_dir / "secret.key"
    key_file.write_text(str(known()["secretKey"]))
    key_file.chmod(0o600)


def _migrate(url: str, revision: str) -> None:
    config = Config()
    # Alembic interpolates `%` in option values.
    config.set_main_option("script_location", migrate.scripts().dir.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _fill(url: str, admin_url: str) -> None:
    with roles.connect(url) as owner, roles.connect(admin_url) as admin:
        # Triggers stay silent: the fixture already has the rows that they would write.
        admin.execute("set session_replication_role = replica; set synchronous_commit = off")
        admin.execute(_statement(ADVANCE_TRANSACTION_ID.format(transaction_id=int(known()["nextXid"]))))
        owner.execute(_statement((FIXTURE / "before.sql").read_text("utf-8")))
        for table, rows in _tables():
            with admin.cursor() as cursor, cursor.copy(_statement(f"copy {table} from stdin")) as copy:
                copy.write(rows)
        owner.execute(_statement((FIXTURE / "after.sql").read_text("utf-8")))
        _shift_times(admin, clock.now_ms() - int(known()["stoppedMs"]))
        admin.execute("analyze")


def _tables() -> Iterator[tuple[str, bytes]]:
    """Yield each table with its columns (`"public"."runs" ("uuid", …)`) and its rows in COPY's text format."""
    table, rows = "", list[bytes]()
    for line in gzip.decompress((FIXTURE / "rows.txt.gz").read_bytes()).splitlines(keepends=True):
        if not table:
            table = line.decode().strip()
        elif line == b"\\.\n":
            yield table, b"".join(rows)
            table, rows = "", []
        else:
            rows.append(line)


def _shift_times(admin: psycopg.Connection[Any], age_ms: int) -> None:
    """Shift all times by whole hours, so that the server stopped less than an hour ago and nothing expires because the fixture is old."""
    delta = age_ms // HOUR_MS * HOUR_MS
    for table, columns, is_timestamp in admin.execute(_statement(TIME_COLUMNS)).fetchall():
        step = sql.SQL("interval {}").format(sql.Literal(f"{delta} milliseconds")) if is_timestamp else sql.Literal(delta)
        changes = [sql.SQL("{0} = {0} + {1}").format(sql.Identifier(column), step) for column in columns]
        # regclass has quoted the table's name where necessary.
        admin.execute(sql.SQL("update {} set {}").format(sql.SQL(_statement(table)), sql.SQL(", ").join(changes)))
    admin.execute("update node_metrics set hour = hour + %s", (delta // HOUR_MS,))


def _statement(text: str) -> LiteralString:
    return cast("LiteralString", text)
