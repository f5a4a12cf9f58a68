"""Events: subscribers write in the publisher's transaction, after what the event is about."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context import events
from cargo_ai.context.events import Event
from cargo_ai.kernel import ids
from cargo_ai.store.session import Database
from cargo_ai.store.tables import Reference

WORKSPACE = ids.new()


@dataclass(frozen=True, slots=True)
class Planted(Event):
    """Something was planted."""

    name: str


@dataclass(frozen=True, slots=True)
class Watered(Event):
    """Something was watered."""


def reference(kind: str) -> Reference:
    return Reference(workspace_uuid=WORKSPACE, from_kind=kind, from_uuid=ids.new(), to_kind="tool", to_uuid=ids.new())


async def count(db: AsyncSession, kind: str) -> int:
    return await db.scalar(select(func.count()).select_from(Reference).where(Reference.from_kind == kind)) or 0


async def test_what_a_subscriber_writes_is_committed_with_the_change_or_not_at_all(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "subscribers", {})
    seen: list[tuple[str, int]] = []

    async def follow(db: AsyncSession, event: Planted) -> None:
        seen.append((event.name, await count(db, "cause")))
        db.add(reference("effect"))

    events.subscribe(Planted, follow)

    database = Database(database_url)
    for commit, total in ((False, 0), (True, 1)):
        async with database.session(WORKSPACE) as db:
            db.add(reference("cause"))
            await events.publish(db, Planted(WORKSPACE, "rose"))
            await events.publish(db, Watered(WORKSPACE))
            if commit:
                await db.commit()
        async with database.session(WORKSPACE) as db:
            assert [await count(db, "cause"), await count(db, "effect")] == [total, total]
    assert seen == [("rose", 1), ("rose", 1)]
    await database.close()
