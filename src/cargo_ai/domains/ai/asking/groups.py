"""Group commit: gather what many tasks of a process store, and store it together, one group after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from cargo_ai.store.availability import DATABASE_UNAVAILABLE

Item = TypeVar("Item")
Result = TypeVar("Result")
Waiting = tuple[Item, "asyncio.Future[Result]"]

GATHER_SECONDS = 0.01
MAX = 100
"""Items of one group."""


class Groups(Generic[Item, Result]):
    """Gathers items; `store` stores those of a group in one transaction, and gives their results in the same order."""

    def __init__(self, name: str, store: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._name, self._store = name, store
        self._waiting: list[Waiting[Item, Result]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Return when the item's group is stored. Raises what storing it raises; where that is DATABASE_UNAVAILABLE, it may be stored."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=self._name)
        return await result

    async def end(self) -> None:
        """Return when nothing waits any more."""
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            group, self._waiting = self._waiting[:MAX], self._waiting[MAX:]
            await self._store_group([(item, result) for item, result in group if not result.done()])

    async def _store_group(self, group: Sequence[Waiting[Item, Result]]) -> None:
        try:
            results = await self._store([item for item, _ in group]) if group else ()
        except DATABASE_UNAVAILABLE as error:
            _fail(group, error)
        except asyncio.CancelledError:
            for _, result in group:
                result.cancel()
            raise
        except Exception as error:
            # One that cannot be stored does not keep the others from it.
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                await self._store_group([waiting])
        else:
            for (_, waiter), result in zip(group, results, strict=True):
                if not waiter.done():
                    waiter.set_result(result)


def _fail(group: Sequence[Waiting[Item, Result]], error: Exception) -> None:
    for _, result in group:
        if not result.done():
            result.set_exception(error)
