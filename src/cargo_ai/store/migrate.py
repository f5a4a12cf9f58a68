"""Migrate: brings a database to this program's schema, and keeps old programs off newer schemas."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
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

_MAY_BE_REFUSED = (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile)


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer program."""


class SchemaTooOld(RuntimeError):
    """The database still has to be migrated."""


def _config() -> Config:
    config = Config()
    # Alembic interpolates `%` in option values.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def scripts() -> ScriptDirectory:
    """The chain of migrations that this program carries."""
    return ScriptDirectory.from_config(_config())


@contextmanager
def _connected(url: str) -> Generator[Connection]:
    engine = create_engine(driver_url(with_options(url, application_name="cargo-ai migrate")), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def head() -> str:
    """The revision that this program needs."""
    return scripts().get_current_head() or ""


def current(url: str) -> str | None:
    """The database's revision; None when it was never migrated."""
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in scripts().walk_revisions()}
    if found is not None and found not in known:
        raise SchemaTooNew(
            f"The database has schema {found}, which a newer cargo-ai made; this one knows {head()} at most. "
            "Install the newer version, or restore a backup from before the upgrade."
        )


def check(url: str) -> None:
    """Fine when the schema is this program's; otherwise SchemaTooNew or SchemaTooOld, whose message says what to do."""
    found = current(url)
    _refuse_newer(found)
    if found != head():
        has = f"has schema {found}" if found else "is empty"
        raise SchemaTooOld(f"The database {has} and this cargo-ai needs {head()}: run `cargo-ai server migrate`.")


def _add_extensions(connection: Connection) -> None:
    """Create what is missing where this login may; `doctor` names what is still missing afterwards."""
    present = set(connection.scalars(text("SELECT extname FROM pg_extension")))
    for name in EXTENSIONS:
        if name in present:
            continue
        try:
            with connection.begin_nested():
                connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))
        except DBAPIError as failure:
            if not isinstance(failure.orig, _MAY_BE_REFUSED):
                raise
    connection.commit()


def upgrade(url: str, revision: str = "head") -> str:
    """Bring the database to a revision, by default the newest, one transaction per migration; returns `head()`. SchemaTooNew when it is
    already beyond."""
    with _connected(url) as connection:
        # A migration that cannot get a lock gives up instead of queueing everybody behind itself.
        connection.execute(text("SET lock_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        _refuse_newer(MigrationContext.configure(connection).get_current_revision())
        connection.rollback()
        _add_extensions(connection)
        config = _config()
        config.attributes["connection"] = connection
        # Closing the connection gives the lock back, also when a migration fails.
        command.upgrade(config, revision)
    return head()
