"""Background work: a job takes what a request has left to it, unless it has ended, or its workers died of it too often."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from sqlalchemy import select, update

from cargo_ai.store.session import Database

UNFINISHED = ("pending", "running", "cancelling")


class TooManyTries(Exception):
    """The work is not begun again; the message says why."""


async def begin(database: Database, workspace: uuid.UUID, rows: type[Any], uid: uuid.UUID, *, noun: str, most: int) -> str | None:
    """Take a piece of work, which is running then, also where a worker that is thought dead has it. Returns the status that it had, None
    when it has ended; what is being cancelled stays so. Raises TooManyTries where it was begun `most` times.

    `rows`: the row class, with `uuid`, `status` and `tries`.
    """
    async with database.session(workspace) as db:
        row = await db.scalar(select(rows).where(rows.uuid == uid).with_for_update())
        if row is None or row.status not in UNFINISHED:
            return None
        former = str(row.status)
        if former == "cancelling":
            return former
        if row.tries >= most:
            raise TooManyTries(f"The {noun} was begun {most} times, and each time its worker died.")
        row.tries += 1
        row.status = "running"
        await db.commit()
        return former


async def leave(database: Database, workspace: uuid.UUID, rows: type[Any], uid: uuid.UUID) -> None:
    """Leave a piece of work to another worker, for this one is to stop: that it was begun here does not count. Raises nothing: where the
    database does not answer it counts."""
    with suppress(Exception):
        async with database.session(workspace) as db:
            await db.execute(update(rows).where(rows.uuid == uid, rows.tries > 0).values(tries=rows.tries - 1))
            await db.commit()
