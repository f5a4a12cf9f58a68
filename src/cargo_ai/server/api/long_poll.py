"""Waiting: the long poll, which asks in short transactions and holds no connection in between."""

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
    """The value at a dotted path of a JSON object; None where the path ends early."""
    for key in dotted.split("."):
        document = cast("dict[str, Any]", document).get(key) if isinstance(document, dict) else None
    return document


@dataclass(frozen=True, slots=True)
class LongPoll:
    """One held request: at most `seconds` until the field is final. `guess` is the uuid to listen for before the first look."""

    waits: Waits
    signals: Signals
    seconds: float
    guess: str

    async def until_final(self, request: Request, look: Callable[[], Awaitable[T]], reply_of: Callable[[T], Wire | None]) -> T:
        """Look until the reply is final, the time is over, the client is gone or the server stops; the last look is the answer.

        Raises what `look` raises, and ClientDisconnect when nobody is there any more.
        """
        deadline = clock.seconds() + self.seconds
        gone = asyncio.create_task(_gone(request))
        try:
            uuid = self.guess
            while True:
                # Listening begins before looking, so that nothing ends unseen in between.
                with self.signals.watch(uuid) as watch:
                    found, moved = await self._watched(watch, uuid, deadline, gone, look, reply_of)
                if moved is None:
                    return found
                uuid = moved
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _watched(
        self,
        watch: Waiter,
        uuid: str,
        deadline: float,
        gone: asyncio.Task[None],
        look: Callable[[], Awaitable[T]],
        reply_of: Callable[[T], Wire | None],
    ) -> tuple[T, str | None]:
        """The last look, and the uuid to listen for instead when the reply names another one."""
        while True:
            found = await look()
            reply = reply_of(found)
            document = reply.to_wire() if reply is not None else {}
            left = deadline - clock.seconds()
            if dig(document, self.waits.field) in self.waits.final or left <= 0 or self.signals.released:
                return found, None
            named = dig(document, self.waits.key)
            if isinstance(named, str) and named != uuid:
                return found, named
            await self._pause(watch, min(left, self.signals.recheck_seconds), gone)

    async def _pause(self, watch: Waiter, seconds: float, gone: asyncio.Task[None]) -> None:
        change = asyncio.create_task(watch.changed(seconds))
        try:
            await asyncio.wait({change, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ClientDisconnect
        finally:
            change.cancel()
            with suppress(asyncio.CancelledError):
                await change


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
