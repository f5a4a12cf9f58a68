"""What a server needs of its database: that it answers, its version, extensions, schema, rights, hardening, clock and workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.doctor.checks import Check
from cargo_ai.store import migrate
from cargo_ai.store.embedded import roles

OLDEST = 16_00_00
MAX_APART_SECONDS = 5.0
_LOOK = """
select current_setting('server_version_num')::int as version, current_setting('server_version') as shown,
    current_user as login, current_database() as database,
    extract(epoch from clock_timestamp()) as now, has_database_privilege(current_database(), 'CREATE') as creates,
    (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as makes_roles,
    (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
    (select coalesce(array_agg(extname::text), '{}') from pg_extension) as extensions,
    not (has_function_privilege('public', 'pg_sleep(double precision)', 'EXECUTE') or has_table_privilege('public', 'pg_class', 'SELECT'))
        as hardened,
    current_setting('max_connections')::int as connections, current_setting('fsync') = 'on' as durable,
    to_regclass('workers') is not null as migrated
"""


def checks(settings: Settings, url: str) -> Iterator[Check]:
    """Look at the database; nothing is changed. Without one that answers there is one check."""
    try:
        with psycopg.Connection[dict[str, Any]].connect(url, autocommit=True, connect_timeout=5, row_factory=dict_row) as connection:
            before = clock.now().timestamp()
            found = connection.execute(_LOOK).fetchone()
            assert found is not None
            yield from _of(found, float(found["now"]) - (before + clock.now().timestamp()) / 2)
            if found["migrated"]:
                yield _schema(url)
                yield _workers(settings, connection)
    except psycopg.OperationalError as error:
        yield Check(
            "database", False, str(error).strip()[:300], "Start the PostgreSQL that CARGO_AI_DATABASE_URL names, or correct the URL."
        )


def _of(found: dict[str, Any], apart: float) -> Iterator[Check]:
    yield Check("database", found["version"] >= OLDEST, f"PostgreSQL {found['shown']}, as {found['login']}", "PostgreSQL 16 or newer.")
    missing = sorted(set(migrate.EXTENSIONS) - set(found["extensions"]))
    fix = "; ".join(f"CREATE EXTENSION {name}" for name in missing)
    yield Check("extensions", not missing, f"missing: {', '.join(missing)}" if missing else "all are there", f"As a superuser: {fix}")
    yield _rights(found)
    hardened = "harden.sql was run: logins of users' SQL reach nothing but their models" if found["hardened"] else "harden.sql was not run"
    file = Path(roles.__file__).with_name("harden.sql")
    run = f"As a superuser: psql -d {found['database']} -c \"SET cargo_ai.owner = '{found['login']}'\" -f {file}"
    yield Check("hardened", found["hardened"], hardened, run)
    yield Check("durable", found["durable"], "fsync is on" if found["durable"] else "fsync is off: a power cut loses data", "fsync = on")
    enough = found["connections"] >= 100
    yield Check("connections", enough, f"max_connections = {found['connections']}", "max_connections = 100 or more (docs/guide/sizing.md)")
    near = abs(apart) <= MAX_APART_SECONDS
    yield Check(
        "clock", near, f"this machine and the database are {abs(apart):.1f} s apart", "Keep the time of both by NTP (chrony, timesyncd)."
    )


def _rights(found: dict[str, Any]) -> Check:
    login = found["login"]
    if found["is_superuser"]:
        detail = f"{login} is a superuser, which the server must not be: whatever reached its connections would reach the whole PostgreSQL"
        return Check("rights", False, detail, "Give it a login and a database of its own: deploy/database.sh makes both.")
    if found["creates"] and found["makes_roles"]:
        return Check("rights", True, "the login may create schemas and roles, and is no superuser", "")
    detail = "the login may not create schemas and roles, which models and SQL of users need"
    fix = f"As a superuser: GRANT CREATE ON DATABASE {found['database']} TO {login}; ALTER ROLE {login} CREATEROLE"
    return Check("rights", False, detail, fix)


def _schema(url: str) -> Check:
    current, needed = migrate.current(url), migrate.head()
    return Check("schema", current == needed, f"{current}, needed {needed}", "cargo-ai server migrate")


def _workers(settings: Settings, connection: psycopg.Connection[dict[str, Any]]) -> Check:
    alive = clock.now_ms() - int(settings.stalled_after * 1000)
    row = connection.execute("select count(*) as number from workers where beat_ms > %s", [alive]).fetchone()
    number = int(row["number"]) if row else 0
    return Check("workers", number > 0, f"{number} at work", "cargo-ai server start, or with an external database: cargo-ai server worker")
