"""Long polling: hold a GET until its field is final, with short transactions and no connection in between."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pydantic.alias_generators import to_snake
from starlette.requests import ClientDisconnect, Request

from cargo_ai.kernel import clock
from cargo_ai.kernel.operation import Waits
from cargo_ai.kernel.wire import Wire
from cargo_ai.server.api.signals import Signals, Waiter

T = TypeVar("T")


def dig(reply: object, dotted: str) -> object:
    """The value at a dotted path of a reply, in the spelling of the wire; None where something is missing on the way."""
    for name in dotted.split("."):
        reply = getattr(reply, to_snake(name), None)
    return reply


@dataclass(frozen=True, slots=True)
class LongPoll:
    """One held request of a workspace: for at most `seconds` until the field is final. `guess` is the uuid to listen for before the first
    look."""

    waits: Waits
    signals: Signals
    workspace: uuid.UUID
    seconds: float
    guess: str

    async def until_final(self, request: Request, look: Callable[[], Awaitable[T]], reply_of: Callable[[T], Wire | None]) -> T:
        """Look until the reply is final, the time is over, the client is gone or the server stops; the last look is the answer.

        Raises what `look` raises, and ClientDisconnect when the client has disconnected.
        """
        deadline = clock.seconds() + self.seconds
        gone = asyncio.create_task(_disconnected(request))
        try:
            key = self.guess
            while True:
                # Listening begins before looking, so that no end is missed in between.
                with self.signals.wait_for(key) as waiter:
                    if self.signals.is_under_way(self.workspace, key):
                        await self._pause(waiter, min(self.seconds, self.signals.recheck_seconds), gone)
                    result, moved = await self._look_until_final(waiter, key, deadline, gone, look, reply_of)
                if moved is None:
                    return result
                key = moved
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _look_until_final(
        self,
        waiter: Waiter,
        key: str,
        deadline: float,
        gone: asyncio.Task[None],
        look: Callable[[], Awaitable[T]],
        reply_of: Callable[[T], Wire | None],
    ) -> tuple[T, str | None]:
        """The last look, and the uuid to listen for instead when the reply names another one."""
        while True:
            result = await look()
            reply = reply_of(result)
            left = deadline - clock.seconds()
            if dig(reply, self.waits.field) in self.waits.final or left <= 0 or self.signals.released:
                return result, None
            other = dig(reply, self.waits.key)
            if isinstance(other, str | uuid.UUID) and str(other) != key:
                return result, str(other)
            await self._pause(waiter, min(left, self.signals.recheck_seconds), gone)

    async def _pause(self, waiter: Waiter, seconds: float, gone: asyncio.Task[None]) -> None:
        change = asyncio.create_task(waiter.changed(seconds))
        try:
            await asyncio.wait({change, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ClientDisconnect
        finally:
            change.cancel()
            with suppress(asyncio.CancelledError):
                await change


async def unless_disconnected(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """What the work gives; when the client of the request leaves first, the work is cancelled and ClientDisconnect raised."""
    working, gone = asyncio.ensure_future(work()), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
