"""Migrations: bring a database to the schema of this version, and refuse newer schemas."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import errors
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from cargo_ai.store.session import driver_url, with_options

EXTENSIONS = ("vector", "pg_trgm", "unaccent", "btree_gin")
LOCK = 0x6361_7267_6F01
"""The advisory lock of migrations: two servers that start at once migrate one after the other."""

_EXTENSION_ERRORS = (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile)


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer version."""


class SchemaTooOld(RuntimeError):
    """The database still has to be migrated."""


def _config() -> Config:
    config = Config()
    # Alembic interpolates `%` in option values.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def scripts() -> ScriptDirectory:
    """The migrations of this version."""
    return ScriptDirectory.from_config(_config())


@contextmanager
def _connected(url: str) -> Generator[Connection]:
    engine = create_engine(driver_url(with_options(url, application_name="cargo-ai migrate")), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@cache
def head() -> str:
    """The revision that this version needs. Every migration is read to find it."""
    return scripts().get_current_head() or ""


def current(url: str) -> str | None:
    """The revision of a database; None when it was never migrated."""
    with _connected(url) as connection:
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


def upgrade(url: str, revision: str = "head") -> str:
    """Migrate the database to a revision, by default the newest, in one transaction per migration; return `head()`.

    SchemaTooNew when the database is newer.
    """
    with _connected(url) as connection:
        # A migration that cannot get a lock gives up instead of making every other statement wait behind it.
        connection.execute(text("SET lock_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        _refuse_newer(MigrationContext.configure(connection).get_current_revision())
        connection.rollback()
        _add_extensions(connection)
        config = _config()
        config.attributes["connection"] = connection
        # Closing the connection releases the lock, also when a migration fails.
        command.upgrade(config, revision)
    return head()
