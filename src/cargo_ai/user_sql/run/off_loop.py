"""Read long SQL of users in a thread, while others are served: one at a time of a workspace, two in all."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from cargo_ai.store.connections.turns import Turns

LONG_TEXT = 1_000
"""Characters from which on it is long: so much takes about 50 milliseconds."""
WAIT_SECONDS = 30.0
MAX_THREADS = 2

P = ParamSpec("P")
T = TypeVar("T")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


async def compute(workspace: uuid.UUID, characters: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function gives, which reads this many characters of SQL of this workspace's users. Busy where too many wait."""
    if characters <= LONG_TEXT:
        return function(*args, **kwargs)
    loop = asyncio.get_running_loop()
    turns = _turns.get(loop)
    if turns is None:
        turns = _turns[loop] = Turns(1, MAX_THREADS, WAIT_SECONDS)
    async with turns.take(workspace):
        return await asyncio.to_thread(function, *args, **kwargs)
