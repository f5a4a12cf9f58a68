"""The pulse of supervised processes: the API and workers say again and again that their event loop turns, the database is asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from cargo_ai.kernel import clock

BEAT_SECONDS = 2.0
ASK_SECONDS = 5.0
"""Each question is a process for the database, which it forks and that ends again."""
ANSWER_SECONDS = 15.0
LONGEST_TICK_SECONDS = 3.0
LEAST_ALLOWED_SECONDS = 5.0


class Waking:
    """Measures the time between two looks, and counts a jump as one tick: when the machine or this process was paused, so were all."""

    def __init__(self) -> None:
        self._last = clock.seconds()

    def passed(self) -> float:
        """Seconds since the last call, `LONGEST_TICK_SECONDS` at most."""
        now = clock.seconds()
        passed, self._last = min(now - self._last, LONGEST_TICK_SECONDS), now
        return passed


@dataclass(slots=True)
class Silence:
    """How long a process has not been heard. `first`: how long its start may take, until it is heard for the first time."""

    first: float
    seconds: float = 0.0
    heard: bool = False

    def end(self) -> None:
        """It was heard."""
        self.seconds, self.heard = 0.0, True

    def is_too_long(self, allowed: float) -> bool:
        """Whether the process counts as hung; never where 0 seconds are allowed."""
        return allowed > 0 and self.seconds > max(allowed, LEAST_ALLOWED_SECONDS if self.heard else self.first)


@dataclass(slots=True)
class Question:
    """Asks a process over its socket, again and again, without ever waiting: `step` does what can be done now.

    `is_answer` looks at the first bytes that came back.
    """

    family: socket.AddressFamily
    address: Callable[[], tuple[str, int] | str | None]
    text: bytes
    is_answer: Callable[[bytes], bool]
    _connection: socket.socket | None = None
    _asked: bool = False
    _due: float = 0.0
    _deadline: float = field(default=0.0)
    _answered: bool = False

    @property
    def rests(self) -> bool:
        """Whether it was answered and is not yet due again: who is not asked is not silent."""
        return self._answered and clock.seconds() < self._due

    def step(self) -> bool:
        """Connect, ask or read, whichever is next; True when an answer came."""
        now = clock.seconds()
        if self._connection is None:
            address = self.address()
            if now < self._due or address is None:
                return False
            self._begin(address, now)
        try:
            return self._go_on(now)
        except (BlockingIOError, InterruptedError):
            if now > self._deadline:
                self.forget()
        except OSError:
            self.forget()
            self._due = now + ASK_SECONDS
        return False

    def forget(self) -> None:
        """Drop a question under way."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(self, address: tuple[str, int] | str, now: float) -> None:
        self._connection = socket.socket(self.family, socket.SOCK_STREAM)
        self._connection.setblocking(False)
        self._asked, self._answered, self._deadline = False, False, now + ANSWER_SECONDS
        with contextlib.suppress(OSError):  # what is wrong shows when it is asked
            self._connection.connect(address)

    def _go_on(self, now: float) -> bool:
        connection = self._connection
        assert connection is not None
        if not self._asked:
            connection.send(self.text)
            self._asked = True
        answer = connection.recv(64)
        self.forget()
        self._due = now + ASK_SECONDS
        self._answered = self.is_answer(answer)
        return self._answered


def address_of(bound: socket.socket) -> tuple[str, int]:
    """Where processes of this machine reach what is bound, also to all addresses."""
    host, port = str(bound.getsockname()[0]), int(bound.getsockname()[1])
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # nosec B104  # noqa: S104 - compared, not bound


def end(descriptor: int = 1) -> None:
    """Say on the pipe that nothing more will be said: an API does when it accepts no more connections."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


async def beat(descriptor: int = 1) -> None:
    """Say on a pipe, forever, that this event loop turns. The pipe works without a database, and a full one is passed over."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BrokenPipeError):
        while True:
            with contextlib.suppress(BlockingIOError):
                os.write(descriptor, b"\n")
            await asyncio.sleep(BEAT_SECONDS)
