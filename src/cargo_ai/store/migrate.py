"""Migrations: bring a database to the schema of this version, and refuse newer schemas.

Alembic and SQLAlchemy are loaded only where they are needed: most starts find the schema that they need.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection

EXTENSIONS = ("vector", "pg_trgm", "unaccent", "btree_gin")
LOCK = 0x6361_7267_6F01
"""The advisory lock of migrations: two servers that start at once migrate one after the other."""

_EXTENSION_ERRORS = (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile)


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer version."""


class SchemaTooOld(RuntimeError):
    """The database still has to be migrated."""


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic interpolates `%` in option values.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def scripts() -> ScriptDirectory:
    """The migrations of this version."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


@contextmanager
def _connected(url: str) -> Generator[Connection]:
    from sqlalchemy import NullPool, create_engine

    from cargo_ai.store.session import driver_url, with_options

    engine = create_engine(driver_url(with_options(url, application_name="cargo-ai migrate")), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@cache
def head() -> str:
    """The revision that this version needs: migrations are in a row, each in a file whose name begins with its number."""
    return max(file.name.partition("_")[0] for file in (Path(__file__).with_name("migrations") / "versions").glob("[0-9]*_*.py"))


def current(url: str) -> str | None:
    """The revision of a database; None when it was never migrated."""
    with _connected(url) as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaTooNew(
            f"The database has schema {revision}, which a newer cargo-ai made; this one knows {head()} at most. "
            "Install the newer version, or restore a backup from before the upgrade."
        )


def check(url: str) -> None:
    """Raise SchemaTooNew or SchemaTooOld, whose message says what to do, unless the schema is that of this version."""
    revision = current(url)
    _refuse_newer(revision)
    if revision != head():
        has = f"has schema {revision}" if revision else "is empty"
        raise SchemaTooOld(f"The database {has} and this cargo-ai needs {head()}: run `cargo-ai server migrate`.")


def _add_extensions(connection: Connection) -> None:
    """Create missing extensions where this login may; `doctor` names those that are still missing."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    present = set(connection.scalars(text("SELECT extname FROM pg_extension")))
    for name in EXTENSIONS:
        if name in present:
            continue
        try:
            with connection.begin_nested():
                connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))
        except DBAPIError as failure:
            if not isinstance(failure.orig, _EXTENSION_ERRORS):
                raise
    connection.commit()


def _is_complete(url: str) -> bool:
    """Whether the database has the schema of this version and all extensions, so that there is nothing to do."""
    with psycopg.connect(url, autocommit=True, application_name="cargo-ai migrate") as connection:
        found = connection.execute(
            "SELECT to_regclass('alembic_version') IS NOT NULL AND (SELECT count(*) FROM pg_extension WHERE extname = ANY(%s)) = %s",
            [list(EXTENSIONS), len(EXTENSIONS)],
        ).fetchone()
        if found is None or not found[0]:
            return False
        return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(head(),)]


def upgrade(url: str, revision: str = "head") -> str:
    """Migrate the database to a revision, by default the newest, in one transaction per migration; return `head()`.

    SchemaTooNew when the database is newer.
    """
    if revision == "head" and _is_complete(url):
        return head()
    from alembic import command
    from sqlalchemy import text

    with _connected(url) as connection:
        # A migration that cannot get a lock gives up instead of making every other statement wait behind it.
        connection.execute(text("SET lock_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        present = _revision_of(connection)
        _refuse_newer(present)
        connection.rollback()
        _add_extensions(connection)
        if present is None:
            # A new database: one wait for the disk at the end is enough, for nothing has to outlive a crash before that.
            connection.execute(text("SET synchronous_commit = off"))
            connection.commit()
        config = _config()
        config.attributes["connection"] = connection
        # Closing the connection releases the lock, also when a migration fails.
        command.upgrade(config, revision)
        if present is None:
            connection.execute(text("SET synchronous_commit = on"))
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
            connection.commit()
    return head()
