"""The login that runs a workspace's own SQL: its grants, its limits, and its derived password."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import errors

from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.records.catalog import Catalog, Relation
from cargo_ai.records.names import qualify, quote
from cargo_ai.user_sql.translate import shapes

Owner = psycopg.AsyncConnection[Any]

STATEMENT_SECONDS = 30
CONNECTIONS = 4
"""Of one workspace, over all processes. Each process runs fewer at a time; a connection that is closing still counts."""
SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "2s",
    "default_transaction_read_only": "on",
    "search_path": "''",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "iso_8601",
    "standard_conforming_strings": "on",
    "work_mem": "16MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
TEMPORARY_FILES = "1GB"
_LOCK = 0x6361_7267_6F07


def password(secrets: SecretKey, role: str) -> str:
    """The password of a role: derived from the installation's key, so that every process knows it."""
    return secrets.derive(b"sql login " + role.encode()).hex()


async def grant_access(owner: Owner, secrets: SecretKey, catalog: Catalog, relations: Iterable[Relation], *, renew: bool = False) -> None:
    """See to it that the workspace's role is there and may read these views, and nothing else.

    `renew`: set its password again. Runs and commits on the owner's connection. One round trip when nothing is to be done.
    """
    readable = list(relations)
    if not renew and await _has_access(owner, catalog.role, readable):
        return
    async with owner.transaction():
        # Two that grant at once would stumble over each other.
        await owner.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        await _create_role(owner, secrets, catalog.role, renew=renew)
        for schema in sorted({relation.schema for relation in readable}):
            await _run(owner, f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(catalog.role)}")
        for relation in readable:
            await _run(owner, f"GRANT SELECT ON {qualify(relation.schema, relation.view)} TO {quote(catalog.role)}")


async def _has_access(owner: Owner, role: str, relations: list[Relation]) -> bool:
    query = (
        "SELECT r.oid IS NOT NULL AND (SELECT coalesce(bool_and(coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE')"
        " AND has_table_privilege(r.oid, c.oid, 'SELECT'), false)), true) FROM unnest(%s::text[], %s::text[]) AS w(schema, view)"
        " LEFT JOIN pg_namespace n ON n.nspname = w.schema LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.view)"
        " FROM (SELECT 1) AS one LEFT JOIN pg_roles r ON r.rolname = %s"
    )
    cursor = await owner.execute(
        query.encode(), [[relation.schema for relation in relations], [relation.view for relation in relations], role]
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _create_role(owner: Owner, secrets: SecretKey, role: str, *, renew: bool) -> None:
    cursor = await owner.execute("SELECT current_database(), EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)", [role])
    row = await cursor.fetchone()
    assert row is not None
    database, there = str(row[0]), bool(row[1])
    name = quote(role)
    # What is sent, and could be logged, is the verifier, not the password.
    verifier = owner.pgconn.encrypt_password(password(secrets, role).encode(), role.encode(), b"scram-sha-256").decode()
    if not there or renew:
        verb = "ALTER" if there else "CREATE"
        await _run(owner, f"{verb} ROLE {name} LOGIN NOINHERIT CONNECTION LIMIT {CONNECTIONS} PASSWORD {shapes.quote_text(verifier)}")
    if not there:
        for setting, value in SETTINGS.items():
            await _run(owner, f"ALTER ROLE {name} SET {setting} = {value if value == chr(39) * 2 else shapes.quote_text(value)}")
        await _limit_files(owner, name)
    await _run(owner, f"GRANT CONNECT ON DATABASE {quote(database)} TO {name}")
    await _run(owner, f"GRANT USAGE ON SCHEMA bq TO {name}")


async def _limit_files(owner: Owner, name: str) -> None:
    """Only a superuser sets this, or who was allowed to (harden.sql does it for the embedded database)."""
    try:
        async with owner.transaction():
            await _run(owner, f"ALTER ROLE {name} SET temp_file_limit = '{TEMPORARY_FILES}'")
    except errors.InsufficientPrivilege:
        return


async def _run(owner: Owner, statement: str) -> None:
    await owner.execute(statement.encode())
