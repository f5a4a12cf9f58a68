"""Long polling: hold a GET until its field is final, with short transactions and no connection in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from starlette.requests import ClientDisconnect, Request

from cargo_ai.kernel import clock
from cargo_ai.kernel.operation import Waits
from cargo_ai.kernel.wire import Wire
from cargo_ai.server.api.signals import Signals, Waiter

T = TypeVar("T")


def dig(document: object, dotted: str) -> object:
    """The value at a dotted path of a JSON object; None where a key is missing."""
    for key in dotted.split("."):
        document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
    return document


@dataclass(frozen=True, slots=True)
class LongPoll:
    """One held request: for at most `seconds` until the field is final. `guess` is the uuid to listen for before the first look."""

    waits: Waits
    signals: Signals
    seconds: float
    guess: str

    async def until_final(self, request: Request, look: Callable[[], Awaitable[T]], reply_of: Callable[[T], Wire | None]) -> T:
        """Look until the reply is final, the time is over, the client is gone or the server stops; the last look is the answer.

        Raises what `look` raises, and ClientDisconnect when the client has disconnected.
        """
        deadline = clock.seconds() + self.seconds
        gone = asyncio.create_task(_disconnected(request))
        try:
            uuid = self.guess
            while True:
                # Listening begins before looking, so that no end is missed in between.
                with self.signals.wait_for(uuid) as waiter:
                    result, moved = await self._look_until_final(waiter, uuid, deadline, gone, look, reply_of)
                if moved is None:
                    return result
                uuid = moved
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _look_until_final(
        self,
        waiter: Waiter,
        uuid: str,
        deadline: float,
        gone: asyncio.Task[None],
        look: Callable[[], Awaitable[T]],
        reply_of: Callable[[T], Wire | None],
    ) -> tuple[T, str | None]:
        """The last look, and the uuid to listen for instead when the reply names another one."""
        while True:
            result = await look()
            reply = reply_of(result)
            document = reply.to_wire() if reply is not None else {}
            left = deadline - clock.seconds()
            if dig(document, self.waits.field) in self.waits.final or left <= 0 or self.signals.released:
                return result, None
            other = dig(document, self.waits.key)
            if isinstance(other, str) and other != uuid:
                return result, other
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
