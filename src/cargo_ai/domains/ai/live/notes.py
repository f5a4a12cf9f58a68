"""Notifications between processes: workers send the text of answers, API processes say which answers are watched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

SAID = "cargo_live"
"""From workers: pieces of answers, and that an answer has changed in the database."""
WATCHED = "cargo_live_watched"
"""From API processes: the answers that are watched there, and what of them is known."""
CHARACTERS = 600
"""Of a piece: a notification has 8,000 bytes, and a character up to 12 in JSON."""

Kind = Literal["text", "thoughts"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a step that is being written. position: characters before it. attempt: increases each time that the step begins again."""

    message: str
    step: int
    attempt: str
    kind: Kind
    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Watch:
    """An answer that is watched, and how much is known of the step that is being written."""

    message: str
    attempt: str = ""
    text: int = 0
    thoughts: int = 0


def pieces_of(message: str, step: int, attempt: str, kind: Kind, position: int, text: str) -> Iterator[str]:
    """The notes for the text that is after a position; one for an empty text, which only says that the attempt has begun."""
    for start in range(position, max(len(text), position + 1), CHARACTERS):
        yield json.dumps([message, step, attempt, kind, start, text[start : start + CHARACTERS]])


def changed_note(message: str) -> str:
    """The note that an answer has changed in the database."""
    return json.dumps([message])


def read_said(note: str) -> Piece | str:
    """A piece, or the answer that has changed."""
    fields = cast("list[Any]", json.loads(note))
    return Piece(*fields) if len(fields) > 1 else str(fields[0])


def watch_note(watch: Watch) -> str:
    """The note about a watched answer."""
    return json.dumps([watch.message, watch.attempt, watch.text, watch.thoughts])


def read_watch(note: str) -> Watch:
    """The other way round."""
    return Watch(*json.loads(note))


async def notify(database: Database, channel: str, notes: Sequence[str]) -> None:
    """Send notes, all in one statement."""
    async with database.session(ALL_WORKSPACES) as db:
        connection = await driver_connection(db)
        await connection.execute("select pg_notify(%s, note) from unnest(%s::text[]) as note", (channel, list(notes)))
        await db.commit()
