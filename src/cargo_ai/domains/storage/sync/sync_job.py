"""Sync job: read a model's source page by page; the cursor is saved in the transaction that writes the page."""

from __future__ import annotations

import asyncio
import uuid
from typing import Literal

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.connection.public import Source, SourceFault
from cargo_ai.domains.storage.identity.unification import UnificationFailed
from cargo_ai.domains.storage.sync import sync_steps
from cargo_ai.domains.storage.sync.sync_state import COMPARING, FINISHING, READING, Part, SyncState
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.store.availability import retry_until_available

PART_SECONDS = 10.0
"""How long a worker goes on with one sync before other work of its lane has its turn; as long may it take to shut down."""
LONGEST_BACKOFF = 300.0
BUSY_SECONDS = 5.0

_log = log.get(__name__)


class SyncJob:
    """The job: one part of a sync. After a crash another worker begins with the page after the last that was saved."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, workspace: str, run: str) -> None:
        """Go on with a sync for some seconds."""
        state = SyncState(self._services, uuid.UUID(workspace), uuid.UUID(run))
        part = await retry_until_available("claim a sync", state.claim)
        if part is None:
            return
        status, sentence = "error", "The sync failed on our side. Start it again; the server's log says more."
        try:
            await self._work(state, part)
            return
        except SourceFault as fault:
            if await self._wait(state, part, fault):
                return
            sentence = str(fault)
        except (UnificationFailed, sync_steps.SyncFailed) as fault:
            sentence = str(fault)
        except Refusal as refusal:
            sentence = refusal.message
        except Exception as error:
            _log.exception("a sync failed", run=run, cause=f"{type(error).__name__}: {error}"[:300])
        await retry_until_available("end a sync", lambda: state.end(part, status, sentence))

    async def _wait(self, state: SyncState, part: Part, fault: SourceFault) -> bool:
        """Whether the sync waits for what the source lacks, rather than ends."""
        match fault.reason:
            case "halted" | "wait":
                seconds, failed = fault.seconds or BUSY_SECONDS, False
            case "retry":
                seconds, failed = fault.seconds or min(LONGEST_BACKOFF, 2.0**part.failures), True
            case _:
                return False
        await retry_until_available("let a sync wait", lambda: state.wait(part, seconds, str(fault), failed=failed))
        return True

    async def _work(self, state: SyncState, part: Part) -> None:
        until = clock.seconds() + PART_SECONDS
        if part.step == READING and not await self._read(state, part, until):
            return
        while part.step == COMPARING:
            if not await retry_until_available("compare a model", lambda: sync_steps.remove_unread(self._services, state, part)):
                return
            if part.step == COMPARING and clock.seconds() >= until:
                await retry_until_available("leave a sync", lambda: state.leave(part))
                return
        if part.step == FINISHING:
            await retry_until_available("finish a sync", lambda: sync_steps.finish(self._services, state, part))

    async def _read(self, state: SyncState, part: Part, until: float) -> bool:
        """Read and write pages; whether the last one was written."""
        source = await connection.open_source(self._services, part.workspace, part.connector, part.extractor.slug, part.config)
        if not part.is_begun and not await self._begin(state, part, source):
            return False
        writer = sync_steps.PageSaver(self._services, state, part)
        pages = source.pages(part.columns, part.cursor)
        upcoming = asyncio.ensure_future(pages.next())
        try:
            while True:
                page = await upcoming
                is_last_here = not page.more or clock.seconds() >= until
                if not is_last_here:
                    # While this page is written, the service works on the next.
                    upcoming = asyncio.ensure_future(pages.next())
                saved: Literal["go on", "stop"] = await retry_until_available(
                    "write a page",
                    lambda: writer.save(page, defers=page.more and is_last_here),  # noqa: B023 - awaited here
                )
                if saved == "stop" or is_last_here:
                    return saved != "stop" and not page.more
        finally:
            await tasks.cancel(upcoming)
            await pages.close()

    async def _begin(self, state: SyncState, part: Part, source: Source) -> bool:
        """Learn which columns the source has now, and how many records it will give; False when the sync has to wait."""
        shape = await source.shape()
        total: int | None = None
        if part.cursor is None:
            try:
                total = await source.count()
            except SourceFault as fault:
                # It is for people to look at; the records are what counts.
                _log.info("a source could not be counted", run=str(part.run), cause=str(fault)[:200])
        try:
            return await retry_until_available("begin a sync", lambda: sync_steps.begin(state, part, shape, total))
        except Refusal as busy:
            sentence = busy.message
        await retry_until_available("let a sync wait", lambda: state.wait(part, BUSY_SECONDS, sentence))
        return False
