"""The report of `cargo-ai server doctor`: all checks of this machine and its database."""

from __future__ import annotations

from collections.abc import Iterator

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.doctor import database, machine
from cargo_ai.server.doctor.checks import Check
from cargo_ai.store.embedded import postgres


def report(settings: Settings) -> dict[str, object]:
    """What was looked at, and whether all of it is well. Changes nothing of the server, and starts it not."""
    found = [*machine.checks(settings), *_database(settings)]
    return {"ok": all(check.ok for check in found), "checks": [check.document() for check in found]}


def _database(settings: Settings) -> Iterator[Check]:
    if settings.database_url:
        yield from database.checks(settings, settings.database_url)
        return
    cluster = postgres.status(settings.data_dir)
    if cluster is None:
        yield Check("database", False, "the embedded database does not run, so it was not looked at", "cargo-ai server start")
        return
    yield from database.checks(settings, cluster.owner_url)
