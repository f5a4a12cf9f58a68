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


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a subscriber does within a statement of the publisher's, which saves a round trip. `parts`: of its `with`, each with a name;
    `value`: what its select reads, NULL where nothing follows; `then`: what follows from another. `%(model)s` is the event's model."""

    value: str
    parts: tuple[str, ...] = ()
    then: Callable[[AsyncSession, Any], Awaitable[None]] | None = None


_attachments: dict[Subscriber[Any], Attachment] = {}


def attachable(attachment: Attachment) -> Callable[[Subscriber[E]], Subscriber[E]]:
    """A decorator of a subscriber that can also be carried out within a statement."""

    def attach(subscriber: Subscriber[E]) -> Subscriber[E]:
        _attachments[subscriber] = attachment
        return subscriber

    return attach


def attachments_of(kind: type[Event]) -> list[Attachment] | None:
    """What all subscribers of an event do within a statement; None where one of them cannot, so that the event must be published."""
    present = [_attachments.get(subscriber) for subscriber in subscribers.get(kind, ())]
    found = [attachment for attachment in present if attachment is not None]
    return found if len(found) == len(present) else None


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
