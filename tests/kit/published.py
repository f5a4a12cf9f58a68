"""Collect the events that are published while a test runs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.context.events import Event


@contextmanager
def collect(*kinds: type[Event]) -> Generator[list[Event]]:
    """The events of these kinds, in order, whether or not their transactions commit."""
    collected: list[Event] = []

    async def remember(_db: AsyncSession, event: Event) -> None:
        collected.append(event)

    for kind in kinds:
        events.subscribers.setdefault(kind, []).append(remember)
    try:
        yield collected
    finally:
        for kind in kinds:
            events.subscribers[kind].remove(remember)
