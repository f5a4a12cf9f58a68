"""Audit log: note each write in its transaction, and each refused write shortly afterwards, many in one statement."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import psycopg
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from cargo_ai.context.context import Caller
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.transaction import run_last
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

FLUSH_SECONDS = 1.0
MAX_WAITING = 1_000
"""Refused writes of one workspace that wait for being written; more are counted in the log of the server and dropped."""
MAX_FIELDS = 50
MAX_CHARACTERS = 200
MAX_RULES_CHARACTERS = 4_000
NOT_NOTED = frozenset({"invalidInput", "tooManyRequests", "bodyTooLarge", "unauthorized"})
"""Reasons of refusals that say nothing about what someone tried to do with the workspace."""

_SECRET = re.compile(r"secret|token|passw|passphrase|credential|authorization|cookie|api_?key|private|code$", re.IGNORECASE)
_SHOWN = re.compile(
    r"(^|_|[a-z])(name|slugs?|title|label|emails?|kinds?|role|effect|action|status|schedule|cron|version|at|mode|uuids?)$", re.IGNORECASE
)
_INSERT = (
    "insert into audit_log"
    " (workspace_uuid, user_uuid, token_uuid, operation, target_uuid, request_id, at, address, status, reason, changes)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::json)"
)
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what, from where. `changes`: the fields that were given, each with its value where that may be shown, in a list of one."""

    who: Caller
    operation: str
    target: uuid.UUID | None
    request_id: str
    address: str
    status: int = 200
    reason: str | None = None
    changes: Mapping[str, Sequence[object]] = field(default_factory=dict[str, Sequence[object]])

    def row(self) -> tuple[object, ...]:
        """The values of the insert."""
        changes = json.dumps(self.changes, ensure_ascii=False, separators=(",", ":")) if self.changes else None
        who = self.who
        return (
            *(who.workspace_uuid, who.user_uuid, who.token_uuid, self.operation, self.target, self.request_id),
            *(clock.now(), self.address, self.status, self.reason, changes),
        )


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from; behind a proxy, what that says (see CARGO_AI_BEHIND_PROXY)."""
    return request.client.host[:100] if request.client else ""


async def write(db: AsyncSession, entry: Entry) -> None:
    """Note a write in its own transaction: one statement, by the driver, which costs a fifth of what the mapper would."""
    await (await driver_connection(db)).execute(_INSERT, entry.row())


def write_last(db: AsyncSession, entry: Entry) -> None:
    """Note a write together with its commit (see `transact`)."""
    run_last(db, _INSERT, entry.row())


def changes_of(operation: AnyOperation, payload: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """What a request changes: each field of the operation that it has, by name. Values are shown only where they are known to be no
    secret: names, kinds, uuids, numbers, rules; of texts, objects and lists of users there is the name alone."""
    known = _spellings(operation.request)
    given = [name for name in payload if name in known and name != "uuid"][:MAX_FIELDS]
    return {name: _shown(operation, name, payload[name]) for name in given}


@lru_cache(maxsize=1024)
def _spellings(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(spelling for name, field in model.model_fields.items() for spelling in (name, field.alias or name))


def _shown(operation: AnyOperation, name: str, value: object) -> Sequence[object]:
    if _SECRET.search(name) or name in operation.cli.secrets:
        return ()
    if name == "permissions" and operation.name.startswith("workspaceManagement."):
        return (value,) if len(json.dumps(value)) <= MAX_RULES_CHARACTERS else ()
    if isinstance(value, list):
        items = cast("list[object]", value)
        return (items,) if len(items) <= MAX_FIELDS and all(_is_plain(name, item) for item in items) else ()
    return (value,) if _is_plain(name, value) else ()


def _is_plain(name: str, value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_CHARACTERS and (_SHOWN.search(name) is not None or ids.parse(value) is not None)
    return value is None or isinstance(value, (bool, int, float))


class RefusedWrites:
    """Refused writes of this process, which are written together once a second: a refusal costs its caller no statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Entry] = []
        self._counts: Counter[uuid.UUID] = Counter()
        self._flushing: asyncio.Task[None] | None = None
        database.before_close(self.flush)

    def note(self, entry: Entry, refusal: Refusal) -> None:
        """Have a refused write noted, unless it says nothing about what was tried."""
        workspace = entry.who.workspace_uuid
        if refusal.status >= 500 or refusal.reason in NOT_NOTED:
            return
        self._counts[workspace] += 1
        if self._counts[workspace] > MAX_WAITING:
            return
        self._waiting.append(entry)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await self.flush()

    async def flush(self) -> None:
        """Write what waits now."""
        waiting, counts = self._waiting, self._counts
        self._waiting, self._counts = [], Counter[uuid.UUID]()
        if not waiting:
            return
        dropped = sum(max(0, count - MAX_WAITING) for count in counts.values())
        try:
            async with self._database.session(ALL_WORKSPACES) as db:
                cursor = (await driver_connection(db)).cursor()
                await cursor.executemany(_INSERT, [entry.row() for entry in waiting])
                await db.commit()
        except (DBAPIError, psycopg.Error, OSError) as error:
            _log.error("refused writes could not be noted in the audit log", count=len(waiting), exc_info=error)
        if dropped:
            _log.warning("too many refused writes for the audit log", dropped=dropped)


def refused(operation: AnyOperation, payload: Mapping[str, Any], who: Caller, request: HTTPConnection, refusal: Refusal) -> Entry:
    """The entry of a refused write: what it named, not what it would have changed."""
    identity: str = request.scope["state"]["request_id"]
    target = ids.parse(str(payload.get("uuid", "")))
    return Entry(who, operation.name, target, identity, address_of(request), refusal.status, refusal.reason)
