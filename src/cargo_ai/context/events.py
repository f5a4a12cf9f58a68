"""Events: tell other domains what happened, in the transaction in which it happened.

An event is a frozen dataclass that the domain it happens in declares in its public interface. Other domains subscribe a function to it,
which writes down what follows (a row of work, a schedule) and wakes who does it. There is no table of events: what a subscriber writes is
committed with the change itself or not at all (docs/decisions/0010-events.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a workspace."""

    workspace: uuid.UUID


E = TypeVar("E", bound=Event)
Subscriber = Callable[[AsyncSession, E], Awaitable[None]]

subscribers: dict[type[Event], list[Subscriber[Any]]] = {}


def subscribe(kind: type[E], subscriber: Subscriber[E]) -> None:
    """Have `subscriber` react to events of this kind. It writes in the publisher's transaction, briefly, and commits nothing."""
    entries = subscribers.setdefault(kind, [])
    if subscriber not in entries:
        entries.append(subscriber)


async def publish(db: AsyncSession, event: Event) -> None:
    """Call every subscriber of the event. What the event is about must have been written before, in the same transaction: a subscription
    that begins at the same time waits for transactions that have written, and for no others."""
    await db.flush()
    for subscriber in subscribers.get(type(event), ()):
        await subscriber(db, event)
