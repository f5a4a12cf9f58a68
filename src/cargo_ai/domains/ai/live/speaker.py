"""Publish the text of watched answers from a worker, about twenty times a second.

Pieces of all its answers go in one statement. Of an answer that nothing watches, nothing goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.live import notes
from cargo_ai.kernel import clock, ids, log
from cargo_ai.store.availability import DATABASE_UNAVAILABLE

PAUSE = 0.05
WATCHED_SECONDS = 30.0
"""So long an answer counts as watched; those who watch say so again before."""
MAX_WATCHED = 10_000

_log = log.get(__name__)


@dataclass(slots=True)
class Line:
    """The step that an answer writes now, and how much of it was said. attempt: "" before the first."""

    message: str
    step: int = 0
    attempt: str = ""
    written: dict[notes.Kind, list[str]] = field(default_factory=dict["notes.Kind", "list[str]"])
    said: dict[notes.Kind, int] = field(default_factory=dict["notes.Kind", int])
    behind: bool = False
    unannounced: bool = False
    """What was stored between the first look of a watcher and its note was not announced to it."""

    @property
    def text(self) -> str:
        """What was written of the step."""
        return "".join(self.written.get("text", ()))

    def begin(self, step: int) -> None:
        """A step begins, perhaps again."""
        self.step, self.attempt, self.behind = step, ids.new().hex, True
        self.written, self.said = {"text": [], "thoughts": []}, {"text": -1, "thoughts": 0}

    def unsaid(self) -> Iterator[str]:
        """Notes of what is still to be said; it counts as said then."""
        if self.unannounced:
            self.unannounced = False
            yield notes.changed_note(self.message)
        for kind, parts in self.written.items():
            text = "".join(parts)
            parts[:] = [text]
            if len(text) > self.said[kind]:
                yield from notes.pieces_of(self.message, self.step, self.attempt, kind, max(self.said[kind], 0), text)
                self.said[kind] = len(text)
        self.behind = False

    def go_back_to(self, watch: notes.Watch) -> None:
        """Say again what a watcher does not know."""
        self.behind = True
        known = {"text": watch.text, "thoughts": watch.thoughts} if watch.attempt == self.attempt else {"text": -1, "thoughts": 0}
        self.said = {kind: min(count, known[kind]) for kind, count in self.said.items()}


class Speaker:
    """One per process."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._lines: dict[str, Line] = {}
        self._watched: dict[str, float] = {}
        self._speak = asyncio.Event()

    def line(self, message: uuid.UUID) -> Line:
        """The line of an answer that this process writes; `close` ends it."""
        return self._lines.setdefault(str(message), Line(str(message)))

    def close(self, message: uuid.UUID) -> None:
        """The answer is not written here any more."""
        self._lines.pop(str(message), None)

    def is_watched(self, message: uuid.UUID) -> bool:
        """Whether anyone watches an answer."""
        return self._watched.get(str(message), 0.0) > clock.seconds()

    def hear(self, line: Line, kind: notes.Kind, text: str) -> None:
        """The language model has written on."""
        line.written[kind].append(text)
        line.behind = True
        self.wake(line)

    def wake(self, line: Line) -> None:
        """Say soon what is behind, if anyone listens."""
        if self._watched.get(line.message, 0.0) > clock.seconds():
            self._speak.set()

    async def run(self) -> None:
        """Speak, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._database.notifications.listen({notes.WATCHED: self._on_watch}, lambda: None))
            group.create_task(self._run())

    def _on_watch(self, note: str) -> None:
        watch = notes.read_watch(note)
        now = clock.seconds()
        known = self._watched.pop(watch.message, 0.0) > now
        # The last to be named is the last to be forgotten.
        self._watched[watch.message] = now + WATCHED_SECONDS
        while len(self._watched) > MAX_WATCHED or next(iter(self._watched.values()), now) < now:
            del self._watched[next(iter(self._watched))]
        line = self._lines.get(watch.message)
        if line is not None:
            line.go_back_to(watch)
            self.wake(line)
            line.unannounced = line.unannounced or not known

    async def _run(self) -> None:
        while True:
            await self._speak.wait()
            await asyncio.sleep(PAUSE)
            self._speak.clear()
            with contextlib.suppress(*DATABASE_UNAVAILABLE):
                await self._say()

    async def _say(self) -> None:
        now = clock.seconds()
        speaking = [line for line in self._lines.values() if line.behind and self._watched.get(line.message, 0.0) > now]
        said = [note for line in speaking for note in line.unsaid()]
        if said:
            await notes.notify(self._database, notes.SAID, said)
