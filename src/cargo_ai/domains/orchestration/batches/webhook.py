"""Webhooks: send a finished batch to the user's URL, signed, and retry until it is accepted."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import from_json, to_json
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.domains.orchestration.batches import batch
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.tables import Webhook
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import addresses
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

TASK = "deliverWebhook"
MAX_ATTEMPTS = 20
LONGEST_WAIT = 3_600
SECONDS = 20.0
HELD_SECONDS = 90
"""How long an attempt keeps other jobs away: longer than it takes."""

_log = log.get(__name__)


def check(settings: Settings, url: str) -> None:
    """Raise Refusal (400) for a URL that can never be sent to: not HTTP, or a private address that is not allowed."""
    try:
        parsed = parse_url(url)
    except ValueError:
        raise _invalid_url("must be an address such as https://example.com/done.") from None
    literal = addresses.parse_ip(parsed.host)
    if literal is not None and not addresses.AllowList.of(settings).permits(parsed.host, literal, parsed.port):
        raise _invalid_url(f"is a private address; allow it with {addresses.VARIABLE}={parsed.host}:{parsed.port} on the server.")


def _invalid_url(message: str) -> Refusal:
    return invalid_input([{"path": "webhookUrl", "message": message}])


async def register(ctx: Context, batch_uuid: str, url: str, secret: str | None) -> None:
    """Have the end of a batch of this transaction sent to a URL."""
    uid = ids.parse(batch_uuid)
    assert uid is not None
    sealed = ctx.secrets.seal(to_json({"url": url, "secret": secret}))
    ctx.db.add(Webhook(workspace_uuid=ctx.workspace, batch_uuid=uid, sealed=sealed, due_at=clock.now()))
    await ctx.db.flush()
    await ctx.db.execute(update(batches).where(batches.c.uuid == uid).values(at_end=TASK))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt at a webhook."""

    uuid: uuid.UUID
    workspace: uuid.UUID
    batch: uuid.UUID
    number: int
    sealed: bytes


class WebhookSender:
    """The queue's job: one attempt each time, and a later job for the next one."""

    def __init__(self, database: Database, secrets: SecretKey, client: HttpClient) -> None:
        self._database, self._secrets, self._client = database, secrets, client

    async def deliver(self, batch: str) -> None:
        """Try to send a finished batch. What was accepted is never sent again, however often this job is repeated."""
        attempt = await self._begin(uuid.UUID(batch))
        if attempt is None:
            return
        problem, final = await self._send(attempt)
        async with self._database.session(ALL_WORKSPACES) as db:
            await self._finish(db, attempt, problem, final)
            await db.commit()

    async def _begin(self, batch: uuid.UUID) -> _Attempt | None:
        """Reserve the webhook for this job; None when there is nothing to do, or nothing yet: then a later job looks again."""
        async with self._database.session(ALL_WORKSPACES) as db:
            row = await db.scalar(select(Webhook).where(Webhook.batch_uuid == batch).with_for_update())
            if row is None or row.sealed is None:
                return None
            now = clock.now()
            if row.due_at > now:
                # Another job has it: one whose worker died, or one that is due later.
                await self._retry_later(db, batch, int((row.due_at - now).total_seconds()) + 1)
                await db.commit()
                return None
            row.attempts, row.due_at = row.attempts + 1, now + timedelta(seconds=HELD_SECONDS)
            attempt = _Attempt(row.uuid, row.workspace_uuid, batch, row.attempts, row.sealed)
            await db.commit()
        return attempt

    async def _send(self, attempt: _Attempt) -> tuple[str | None, bool]:
        """What went wrong, None for nothing; and whether trying again is useless."""
        try:
            webhook = from_json(self._secrets.open(attempt.sealed))
        except WrongKey as error:
            return str(error), True
        body = await self._body(attempt)
        if body is None:
            return "The batch no longer exists.", True
        headers = [
            ("content-type", b"application/json"),
            ("user-agent", b"cargo-ai webhook"),
            ("x-cargo-event", b"batch.finished"),
            ("x-cargo-delivery", str(attempt.uuid).encode()),
            ("x-cargo-attempt", str(attempt.number).encode()),
        ]
        if webhook["secret"] is not None:
            headers.append(("x-cargo-signature", hmac.new(webhook["secret"].encode(), body, hashlib.sha256).hexdigest().encode()))
        url = parse_url(webhook["url"])
        try:
            received = await send(self._client, OutboundRequest("POST", url, tuple(headers), body, SECONDS))
        except (ExchangeFailed, OutboundRefused) as error:
            return str(error), False
        if received.url != url:
            return f"{url.host} redirects: give the final address.", False
        if 200 <= received.status < 300:
            return None, True
        return f"{url.host} answered {received.status}.", received.status == 410

    async def _body(self, attempt: _Attempt) -> bytes | None:
        async with self._database.session(attempt.workspace) as db:
            rows = await db.execute(batch.query(attempt.workspace).where(batches.c.uuid == attempt.batch))
            row = rows.mappings().one_or_none()
            if row is None:
                return None
            inline = {} if row["release_uuid"] else await run_response.graphs_of(db, attempt.workspace, {row["graph_uuid"]})
            return to_json({"event": "batch.finished", "batch": batch.to_response(row, inline.get(row["graph_uuid"])).to_wire()})

    async def _finish(self, db: AsyncSession, attempt: _Attempt, problem: str | None, final: bool) -> None:
        values: dict[str, object] = {"error_message": problem}
        now = clock.now()
        if problem is None:
            values |= {"delivered_at": now, "sealed": None}
        elif final or attempt.number >= MAX_ATTEMPTS:
            values |= {"given_up_at": now, "sealed": None}
            _log.warning("a webhook is given up", batch=str(attempt.batch), attempts=attempt.number, cause=problem)
        else:
            wait = min(2 ** (attempt.number - 1), LONGEST_WAIT)
            values["due_at"] = now + timedelta(seconds=wait)
            await self._retry_later(db, attempt.batch, wait + 1)
        await db.execute(update(Webhook).where(Webhook.uuid == attempt.uuid).values(**values))

    async def _retry_later(self, db: AsyncSession, batch: uuid.UUID, seconds: int) -> None:
        await producer().defer_later(await driver_connection(db), TASK, "interactive", seconds, batch=str(batch))
