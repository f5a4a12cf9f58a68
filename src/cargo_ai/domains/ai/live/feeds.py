"""Feeds of an API process: the stored and the streamed part of each watched answer, shared by all who watch it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import select

from cargo_ai.domains.ai.live import notes
from cargo_ai.domains.ai.live.events import Partial, Snapshot
from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel import clock, log, tasks
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.session import Database

RENEWAL_SECONDS = 10.0
LONGEST_RENEWAL_PAUSE = 2.0

_log = log.get(__name__)


class UnknownAnswer(Exception):
    """There is no such answer in the workspace."""


class Feed:
    """One answer. It holds no connection; `snapshot` grows, and `changed` says when it has."""

    def __init__(self, workspace: uuid.UUID, message: uuid.UUID) -> None:
        self.workspace, self.message = workspace, message
        self.snapshot = Snapshot()
        self.watchers = 0
        self.stale = True
        self.uncertain = True
        """Whether notes may have been missed: the worker is asked to say again what is not known here."""
        self._version = 0
        self._waiting: set[asyncio.Event] = set()

    @property
    def version(self) -> int:
        """Increases with each change."""
        return self._version

    def bump(self) -> None:
        """It has changed."""
        self._version += 1
        for event in self._waiting:
            event.set()

    async def changed(self, version: int, seconds: float) -> bool:
        """Whether it is another version than that one, within these seconds."""
        if self._version != version:
            return True
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(event)
        return True

    def take(self, piece: notes.Piece) -> None:
        """Add a piece; one that does not join what is known shows that some was missed."""
        partial = self.snapshot.partial
        if piece.attempt < partial.attempt:
            return
        if piece.attempt != partial.attempt:
            partial = Partial(piece.step, piece.attempt)
        known = partial.text if piece.kind == "text" else partial.thoughts
        if piece.position > len(known):
            self.uncertain = True
            return
        known += piece.text[len(known) - piece.position :]
        partial = Partial(
            partial.step,
            partial.attempt,
            known if piece.kind == "text" else partial.text,
            known if piece.kind == "thoughts" else partial.thoughts,
        )
        if partial != self.snapshot.partial:
            self.snapshot = Snapshot(self.snapshot.steps, partial, self.snapshot.closing)
            self.bump()

    def watch(self) -> notes.Watch:
        """What is known here of the step that is being written."""
        partial = self.snapshot.partial
        return notes.Watch(str(self.message), partial.attempt, len(partial.text), len(partial.thoughts))


class Feeds:
    """One per process. A task of its own reads what has changed, and says which answers are watched, while there are any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feeds: dict[str, Feed] = {}
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def on_note(self, note: str) -> None:
        """A worker has said something."""
        said = notes.read_said(note)
        feed = self._feeds.get(said if isinstance(said, str) else said.message)
        if feed is None:
            return
        if isinstance(said, str):
            feed.stale = True
        else:
            feed.take(said)
        if feed.stale or feed.uncertain:
            self._work.set()

    def on_change(self) -> None:
        """Notes may have been missed, or the process stops: everyone looks."""
        for feed in self._feeds.values():
            feed.stale = feed.uncertain = True
            feed.bump()
        self._work.set()

    @asynccontextmanager
    async def watching(self, workspace: uuid.UUID, message: uuid.UUID) -> AsyncGenerator[Feed]:
        """The feed of an answer of this workspace, read at least once. UnknownAnswer where there is no such answer."""
        key = str(message)
        feed = self._feeds.get(key)
        if feed is None or feed.workspace != workspace:
            feed = Feed(workspace, message)
            if not await self._load(feed):
                raise UnknownAnswer
            feed = self._feeds.setdefault(key, feed)
            # It may have changed between the look and now, when notes about it are taken.
            feed.stale = True
        feed.watchers += 1
        self._work.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="feeds of answers")
        try:
            yield feed
        finally:
            feed.watchers -= 1
            if not feed.watchers:
                self._feeds.pop(key, None)

    async def close(self) -> None:
        """End its task."""
        if self._task is not None:
            await tasks.cancel(self._task)

    async def _run(self) -> None:
        renewal = 0.0
        while self._feeds:
            try:
                renewal = await self._look(renewal)
            except DATABASE_UNAVAILABLE as error:
                _log.warning("watched answers could not be read", cause=str(error).strip()[:200])
                await asyncio.sleep(LONGEST_RENEWAL_PAUSE)
            try:
                async with asyncio.timeout(LONGEST_RENEWAL_PAUSE):
                    await self._work.wait()
            except TimeoutError:
                continue

    async def _look(self, renewal: float) -> float:
        """Read what is stale, say what is watched; when everything is to be said again."""
        self._work.clear()
        now = clock.seconds()
        feeds = [feed for feed in self._feeds.values() if feed.snapshot.closing is None]
        if now >= renewal:
            renewal = now + RENEWAL_SECONDS
            for feed in feeds:
                feed.stale = feed.uncertain = True
        uncertain = [feed for feed in feeds if feed.uncertain]
        for feed in uncertain:
            feed.uncertain = False
        if uncertain:
            await notes.notify(self._database, notes.WATCHED, [notes.watch_note(feed.watch()) for feed in uncertain])
        for feed in feeds:
            if feed.stale:
                await self._load(feed)
        return renewal

    async def _load(self, feed: Feed) -> bool:
        """Read what is stored; False where there is nothing."""
        feed.stale = False
        async with self._database.session(feed.workspace) as db:
            row = await db.scalar(
                select(Message).where(Message.uuid == feed.message, Message.type == "assistant", Message.deleted_at.is_(None))
            )
        if row is None:
            feed.snapshot = Snapshot(feed.snapshot.steps, feed.snapshot.partial, [_finish("cancelled", None)])
            feed.bump()
            return False
        closing = None if row.finished_at is None else _closing(row)
        if row.steps != feed.snapshot.steps or closing is not None:
            feed.snapshot = Snapshot(row.steps, feed.snapshot.partial, closing)
            feed.bump()
        return True


def _closing(row: Message) -> list[JsonObject]:
    events: list[JsonObject] = [dict(part) for part in row.parts if part["type"] == "data-output"]
    if row.status == "error":
        events.append({"type": "error", "errorText": row.error_message or "The answer failed."})
    if row.status == "cancelled":
        events.append({"type": "abort"})
    return [*events, _finish(row.status, row.usage)]


def _finish(status: str, usage: JsonObject | None) -> JsonObject:
    return {"type": "finish", "messageMetadata": {"status": status, "usage": usage}}
