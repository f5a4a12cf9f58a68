"""The database's schema: what migrations make is what the rows say, and old programs keep off newer schemas."""

from __future__ import annotations

import importlib
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import cargo_ai
from cargo_ai.kernel import ids
from cargo_ai.store import migrate
from cargo_ai.store.embedded import postgres
from cargo_ai.store.rows import Row
from cargo_ai.store.session import driver_url

QUEUE = ("procrastinate_", "alembic_version")
"""Tables of the queue and of Alembic."""


@pytest.fixture
def empty(cluster: postgres.Cluster) -> Generator[str]:
    """A database that was never migrated."""
    name = f"t_{ids.new().hex}"
    yield postgres.create_database(cluster, name)
    postgres.drop_database(cluster, name)


def load_every_table() -> None:
    """Import every module that declares tables."""
    source = Path(cargo_ai.__file__).parent
    for path in source.rglob("*.py"):
        if re.search(r"__tablename__ = |= Table\($", path.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(".".join(("cargo_ai", *path.relative_to(source).with_suffix("").parts)))


# Some columns have types that SQLAlchemy cannot reflect: they are compared by name only.
@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_a_migrated_database_has_exactly_the_tables_that_are_declared(database_url: str) -> None:
    load_every_table()
    engine = create_engine(driver_url(database_url), poolclass=NullPool)

    with engine.connect() as connection:
        partitions = set(connection.scalars(text("select relname from pg_class where relispartition")))

        def is_ours(name: str | None, kind: str, _parents: object) -> bool:
            if kind == "schema":
                return name in {None, "journal"}
            return kind != "table" or not (name in partitions or str(name).startswith(QUEUE))

        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "include_schemas": True, "include_name": is_ours},
        )
        found = compare_metadata(context, Row.metadata)
        for one in found:
            print(one)
        assert found == []


def test_a_database_that_was_never_migrated_has_no_revision_and_is_too_old(empty: str) -> None:
    assert migrate.current(empty) is None
    with pytest.raises(migrate.SchemaTooOld, match=r"The database is empty .* run `cargo-ai server migrate`"):
        migrate.check(empty)


@pytest.mark.slow
def test_migrating_reaches_the_head_and_gives_its_lock_back_and_doing_it_again_changes_nothing(empty: str) -> None:
    assert migrate.upgrade(empty) == migrate.head()
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT pg_try_advisory_lock(%s)", [migrate.LOCK]).fetchone() == (True,)
    assert migrate.upgrade(empty) == migrate.head() == migrate.current(empty)
    migrate.check(empty)


def test_a_database_that_has_everything_is_left_alone_while_another_server_migrates(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK])
        assert migrate.upgrade(database_url) == migrate.head()


@pytest.mark.slow
def test_servers_that_start_together_migrate_one_after_the_other(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate.upgrade, [empty] * 4)) == [migrate.head()] * 4


def test_a_schema_made_by_a_newer_program_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for refused in (migrate.check, migrate.upgrade):
        with pytest.raises(migrate.SchemaTooNew, match="schema 9999, which a newer cargo-ai made"):
            refused(database_url)


def test_a_database_without_our_extensions_gets_those_that_the_login_may_create(cluster: postgres.Cluster) -> None:
    name = f"t_{ids.new().hex}"
    url = postgres.create_database(cluster, name)
    try:
        with psycopg.connect(_admin_of(cluster, name), autocommit=True) as admin:
            admin.execute("DROP EXTENSION pg_trgm, vector")
        migrate.upgrade(url)
        with psycopg.connect(url) as connection:
            present = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
        # pg_trgm is trusted, vector takes a superuser: the migration goes on without it and `doctor` names it.
        assert "pg_trgm" in present
        assert "vector" not in present
    finally:
        postgres.drop_database(cluster, name)


def _admin_of(cluster: postgres.Cluster, name: str) -> str:
    return make_conninfo(cluster.admin_url, dbname=name)


def test_migrations_form_one_chain() -> None:
    revisions = [script.revision for script in migrate.scripts().walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert len(migrate.scripts().get_heads()) == 1


@pytest.mark.slow
def test_the_table_of_events_goes_with_its_rows_and_triggers(empty: str) -> None:
    migrate.upgrade(empty, "0019")
    workspace, model, segment = ids.new(), ids.new(), ids.new()
    with psycopg.connect(empty) as connection:
        watch = "insert into segment_watches (model_uuid, segment_uuid, workspace_uuid) values (%s, %s, %s)"
        connection.execute(watch, [model, segment, workspace])
        event = "insert into events (workspace_uuid, kind, payload, at) values (%s, 'RecordsChanged', %s::jsonb, now())"
        connection.execute(event, [workspace, f'{{"modelUuid": "{model}", "ids": ["a"], "count": 1}}'])
    migrate.upgrade(empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select segment_uuid from segment_work").fetchall() == [(segment,)]
        left = connection.execute("select to_regclass('events'), to_regclass('event_cursors')").fetchone()
        functions = connection.execute("select proname from pg_proc where proname in ('cargo_segments_touched', 'cargo_plays_changed')")
        assert (left, functions.fetchall()) == ((None, None), [])
