"""Create the roles, databases and extensions of a new embedded PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from cargo_ai.store.embedded.data_home import PORT
from cargo_ai.store.embedded.os_user import EmbeddedPostgresError

ADMIN, OWNER, DATABASE = "cargo_admin", "cargo_owner", "cargo_ai"
EXTENSIONS = ("vector", "pg_trgm", "unaccent", "btree_gin")
CONNECT_SECONDS = 5

Connection = psycopg.Connection[tuple[Any, ...]]


def url(role: str, password: str, database: str, sockets: str) -> str:
    """A libpq URL over the socket; role and password are URL-safe by construction."""
    return f"postgresql://{role}:{password}@/{quote(database, safe='')}?host={quote(sockets)}&port={PORT}"


def with_database(address: str, name: str) -> str:
    """The same URL for another database."""
    return urlsplit(address)._replace(path=f"/{quote(name, safe='')}").geturl()


def connect(address: str) -> Connection:
    """A connection in autocommit mode."""
    return psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_SECONDS)


def bootstrap(admin_url: str, owner_password: str) -> None:
    """Make the owner and its database. Can be repeated, so the next start finishes one that was killed halfway."""
    with connect(admin_url) as admin:
        # What is sent, and could be logged, is the verifier: the password itself never leaves this process.
        verifier = admin.pgconn.encrypt_password(owner_password.encode(), OWNER.encode(), b"scram-sha-256").decode()
        known = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
        admin.execute(
            sql.SQL("{verb} ROLE {owner} LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD {verifier}").format(
                verb=sql.SQL("ALTER" if known else "CREATE"), owner=sql.Identifier(OWNER), verifier=sql.Literal(verifier)
            )
        )
        for database in ("postgres", "template1"):
            _revoke_public_access(admin, database)
        _give_database(admin)
        _revoke_public_access(admin, DATABASE)
    install_extensions(with_database(admin_url, DATABASE))


def _give_database(admin: Connection) -> None:
    """Make the database the owner's: a new data folder has it, and where that failed, it is created now."""
    owner = admin.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
    if owner != (OWNER,):
        statement = "ALTER DATABASE {} OWNER TO {}" if owner else "CREATE DATABASE {} OWNER {}"
        admin.execute(sql.SQL(statement).format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def install_extensions(admin_url: str) -> None:
    """Put our extensions into the database of the URL, and revoke the schema `public` from everyone but the owner."""
    with connect(admin_url) as admin:
        known = {name for (name,) in admin.execute("SELECT name FROM pg_available_extensions")}
        missing = [extension for extension in EXTENSIONS if extension not in known]
        if missing:
            raise EmbeddedPostgresError(
                f"This PostgreSQL comes without {', '.join(missing)}: set CARGO_AI_POSTGRES_BIN to one that has them."
            )
        for extension in EXTENSIONS:
            admin.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        harden(admin)


def harden(admin: Connection) -> None:
    """Revoke from PUBLIC what a workspace's login must not reach in this database: harden.sql lists it. It can be repeated."""
    admin.execute("SELECT set_config('cargo_ai.owner', %s, false)", [OWNER])
    admin.execute(Path(__file__).with_name("harden.sql").read_bytes())


def harden_database(admin_url: str) -> None:
    """Harden the application's database."""
    with connect(with_database(admin_url, DATABASE)) as admin:
        harden(admin)


def create(admin_url: str, name: str, template: str | None) -> None:
    """A database of the owner: a copy of the template, or an empty one with our extensions."""
    with connect(admin_url) as admin:
        create_on(admin, name, template)
    if not template:
        install_extensions(with_database(admin_url, name))


def create_on(admin: Connection, name: str, template: str | None) -> None:
    """The same on an open connection: the first database takes it 0.3 s, for locales, the next 10 ms. No extensions."""
    # A copy of files: the default strategy writes all of it through the log.
    source = sql.SQL("TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template)) if template else sql.SQL("TEMPLATE template0")
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} {}").format(sql.Identifier(name), sql.Identifier(OWNER), source))
    _revoke_public_access(admin, name)


def drop(admin_url: str, name: str) -> None:
    """Drop a database and end its connections; no error when it does not exist."""
    with connect(admin_url) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _revoke_public_access(admin: Connection, database: str) -> None:
    # A role of one workspace must reach no database that it was not let into, nor write temporary tables there.
    admin.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
