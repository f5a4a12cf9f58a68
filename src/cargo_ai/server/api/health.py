"""Health checks: whether this process runs (`/healthz`) and whether it can do its work (`/readyz`)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cargo_ai import __version__
from cargo_ai.email import smtp
from cargo_ai.expression.sandbox.host import level
from cargo_ai.server.api import state as states
from cargo_ai.server.api.http.responses import json_response
from cargo_ai.server.api.state import State
from cargo_ai.store import disk
from cargo_ai.store.embedded import roles
from cargo_ai.store.session import ALL_WORKSPACES

DATABASE_SECONDS = 2.0

RESTART = "cargo-ai server stop && cargo-ai server start"
WORKER = "cargo-ai server worker"

_EXISTING = text(
    "SELECT to_regclass('alembic_version') IS NOT NULL, to_regclass('workers') IS NOT NULL, current_setting('server_version'),"
    " (SELECT coalesce(array_agg(extname::text ORDER BY extname), '{}') FROM pg_extension),"
    # Two of the rights that store/embedded/harden.sql revokes from PUBLIC.
    " NOT (has_function_privilege('public', 'pg_sleep(double precision)', 'EXECUTE')"
    " OR has_table_privilege('public', 'pg_class', 'SELECT'))"
)
_REVISION = text("SELECT version_num FROM alembic_version")
_WORKERS = text("SELECT count(*) FROM workers WHERE beat_ms > (extract(epoch FROM now()) - :seconds) * 1000")


async def _healthz(_request: Request) -> Response:
    return _json({"status": "ok", "version": __version__}, 200)


async def _readyz(request: Request) -> Response:
    state = states.state_of(request)
    report: dict[str, Any] = {
        "status": "ready",
        "version": __version__,
        "sandbox": level(),
        "email": smtp.configuration_status(state.settings),
    }
    try:
        # Not waited for when it is late: a connection that hangs cannot be given back either.
        asking = asyncio.create_task(_database(state))
        await asyncio.wait({asking}, timeout=DATABASE_SECONDS)
        if not asking.done():
            asking.cancel()
            raise TimeoutError
        report |= asking.result()
    except (TimeoutError, PoolTimeout, DBAPIError, psycopg.Error, OSError):
        report |= {"database": "unavailable", "postgres": None, "migrations": None, "workers": None}
    problem = await _problem(state, report)
    if problem is not None:
        report |= {"status": "notReady", "errorMessage": problem[0], "fix": problem[1]}
    return _json(report, 200 if report["status"] == "ready" else 503)


async def _problem(state: State, report: dict[str, Any]) -> tuple[str, str] | None:
    """What keeps the server from its work, in a sentence, and how to mend it."""
    full = await asyncio.to_thread(disk.full_disk, state.settings, state.database.url)
    if full is not None:
        return full, disk.FIX
    if report["database"] != "ok":
        if roles.OWNER in state.database.url:  # the embedded one
            return "The database does not answer. The server starts it again by itself; this may take half a minute.", RESTART
        return "The database does not answer.", "Start the PostgreSQL that CARGO_AI_DATABASE_URL names; the server then goes on by itself."
    current = report["migrations"]["current"]
    if current != state.revision:
        return f"The database has the schema {current}, this version needs {state.revision}.", "cargo-ai server migrate"
    if report["workers"] == 0:
        # A server that was started without any has others started beside it, perhaps on other machines.
        return "No worker is alive: new work stays pending.", RESTART if state.settings.workers else WORKER
    return None


async def _database(state: State) -> dict[str, Any]:
    async with state.database.session(ALL_WORKSPACES) as db:
        versioned, has_workers, version, extensions, hardened = (await db.execute(_EXISTING)).one()
        current = (await db.execute(_REVISION)).scalar_one_or_none() if versioned else None
        workers = (await db.execute(_WORKERS, {"seconds": state.settings.stalled_after})).scalar_one() if has_workers else None
    return {
        "database": "ok",
        "postgres": {"version": version, "extensions": extensions, "hardened": hardened},
        "migrations": {"current": current, "needed": state.revision},
        "workers": workers,
    }


def _json(document: dict[str, Any], status: int) -> Response:
    return json_response(json.dumps(document).encode(), status)


routes: list[BaseRoute] = [Route("/healthz", _healthz, methods=["GET"]), Route("/readyz", _readyz, methods=["GET"])]
