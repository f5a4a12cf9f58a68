"""Everything that a database holds, as text: what a backup, or someone who reads the tables, gets to see."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from sqlalchemy import text

from cargo_ai.store.session import ALL_WORKSPACES, Database


async def dump(database: Database) -> str:
    """All rows of all tables."""
    tables = text(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    )
    pieces: list[str] = []
    async with database.session(ALL_WORKSPACES) as db:
        for table in list((await db.execute(tables)).scalars()):
            pieces += [str(row) for row in (await db.execute(text(f"select t::text from {table} t"))).scalars()]
    return "\n".join(pieces)


def leaks(where: str, secrets: Iterable[str]) -> list[str]:
    """Those of the secrets that stand in a text: as they are, as base64, or as the hex of a binary column."""
    return [secret for secret in secrets if any(form in where for form in _forms(secret))]


def _forms(secret: str) -> list[str]:
    return [secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]]
