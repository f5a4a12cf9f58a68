"""Prepare: a database that runs and is migrated, with a first workspace, before any process of the server starts."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from cargo_ai.domains.workspace import door
from cargo_ai.domains.workspace.installation import verify_key
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.compose import load_domains, secret_key
from cargo_ai.store import embedded, migrate
from cargo_ai.store.session import EVERYWHERE, Database


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where the database is, which workspace is the first, and its token: only the one time when it was made."""

    url: str
    workspace: uuid.UUID
    token: str | None


def database_url(settings: Settings) -> str:
    """The named database, or the embedded one, started when it does not run."""
    if settings.database_url:
        return settings.database_url
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return embedded.start(settings.data_dir, fsync=not settings.flag("NO_FSYNC")).owner_url


def prepare(settings: Settings) -> Prepared:
    """Start, migrate, check the key, and make the first workspace in an empty database. Safe to do twice, or by two at once."""
    key = secret_key(settings)
    url = database_url(settings)
    migrate.upgrade(url)
    load_domains()

    async def first() -> Prepared:
        database = Database(url, name="cargo-ai prepare", pool_size=1)
        try:
            async with database.session(EVERYWHERE) as session:
                await verify_key(session, key)
                made = await door.bootstrap(session)
                workspace = made.workspace_uuid if made else await door.first_workspace(session)
                await session.commit()
        finally:
            await database.close()
        return Prepared(url, workspace, made.token if made else None)

    return asyncio.run(first())
