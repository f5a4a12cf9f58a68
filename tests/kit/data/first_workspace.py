"""Workspaces of a test's database: made once in a process of tests as a server makes them, then copied with ids and tokens of their own.

What a server does in twenty statements takes as long as the requests of a short test.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import hash_token, new_token
from cargo_ai.server.compose import hooks

TABLES = """
select oid::regclass::text from pg_class
where relkind = 'r' and not relispartition and relnamespace in ('public'::regnamespace, 'journal'::regnamespace)
"""
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00")

Rows = dict[str, list[str]]
"""By table, each row as PostgreSQL writes it."""


@dataclass(frozen=True)
class _Made:
    first: public.Bootstrap
    rows: Rows

    async def copy(self, db: AsyncSession) -> public.Bootstrap:
        """The same rows with other ids, of now, and another token."""
        value, former = new_token(), self.first.token
        found = sorted({old for rows in self.rows.values() for row in rows for old in UUID.findall(row)})
        # Later ids sort later, as those of the rows that are copied.
        fresh = {old: str(ids.new() if uuid.UUID(old).version == 7 else ids.opaque()) for old in found}
        now = clock.now().strftime("%Y-%m-%d %H:%M:%S.%f+00")
        changed = {
            table: [
                MOMENT.sub(now, UUID.sub(lambda old: fresh[old[0]], row))
                .replace(hash_token(former), hash_token(value))
                .replace(f",{former[-4:]},", f",{value[-4:]},")
                for row in rows
            ]
            for table, rows in self.rows.items()
        }
        # Their references are checked at the end of the statement.
        parts = [f"made_{at} as (insert into {table} select (unnest(:p{at} ::{table}[])).*)" for at, table in enumerate(changed)]
        values = {f"p{at}": rows for at, rows in enumerate(changed.values())}
        await db.execute(text(f"with {', '.join(parts)} select 1"), values)
        return public.Bootstrap(uuid.UUID(fresh[str(self.first.workspace_uuid)]), uuid.UUID(fresh[str(self.first.user_uuid)]), value)


_made: dict[str, _Made] = {}


async def add_first_workspace(db: AsyncSession) -> public.Bootstrap:
    """The first workspace of an empty database, its admin and a token."""

    async def make() -> public.Bootstrap:
        first = await public.bootstrap(db, hooks())
        assert first is not None
        return first

    return await _add(db, "the first workspace", make)


async def add_workspace(db: AsyncSession, name: str, email: str) -> public.Bootstrap:
    """Another workspace, its admin and a token."""
    return await _add(db, f"{name} of {email}", lambda: public.add_workspace(db, hooks(), name=name, email=email))


async def _add(db: AsyncSession, name: str, make: Callable[[], Awaitable[public.Bootstrap]]) -> public.Bootstrap:
    if name in _made:
        return await _made[name].copy(db)
    before = await _rows(db)
    first = await make()
    rows = {table: [row for row in rows if row not in before.get(table, ())] for table, rows in (await _rows(db)).items()}
    _made[name] = _Made(first, {table: added for table, added in rows.items() if added})
    return first


async def _rows(db: AsyncSession) -> Rows:
    tables = list(await db.scalars(text(TABLES)))
    return {table: list(await db.scalars(text(f"select one::text from {table} one"))) for table in tables}
