"""Search: things of the workspace by a part of their name, and anything by its uuid."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, page
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

SECONDS = 2.0
"""A list that has not answered until then is left out, and the page says so."""
MOST = 8
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be found: its list and its get, the fields of their replies, and its page."""

    label: str
    path: str
    get: str
    field: str
    listing: str = ""
    rows: str = ""
    fields: tuple[tuple[str, object], ...] = ()
    takes_name: bool = False


KINDS: Sequence[Kind] = (
    Kind("Plays", "plays", "orchestration.play.get", "play", "orchestration.play.list", "plays"),
    Kind("Tools", "tools", "orchestration.tool.get", "tool", "orchestration.tool.all", "tools"),
    Kind("Agents", "agents", "ai.agent.get", "agent", "ai.agent.all", "agents"),
    Kind("Models", "models", "storage.model.get", "model", "storage.model.all", "models"),
    Kind("Segments", "segments", "segmentation.segment.get", "segment", "segmentation.segment.all", "segments", (("countUpTo", 0),)),
    Kind("Connectors", "connectors", "connection.connector.get", "connector", "connection.connector.list", "connectors"),
    Kind("Chats", "chats", "ai.chat.get", "chat", "ai.chat.list", "chats", takes_name=True),
    Kind("Runs", "runs", "orchestration.run.get", "run"),
    Kind("Batches", "batches", "orchestration.batch.get", "batch"),
    Kind("Reviews", "reviews", "orchestration.review.get", "review"),
)


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind. more: how many besides those that are shown."""

    label: str
    hits: Sequence[tuple[str, str, str]]
    more: int = 0


async def search(request: PageRequest) -> Response:
    """What matches; a uuid leads to its page."""
    text = request.query.get("q", "").strip()[:200]
    if _UUID.fullmatch(text) and (path := await _by_uuid(request, text.lower())):
        return request.redirect(path)
    groups: list[Group] = []
    late: list[str] = []
    if text and not _UUID.fullmatch(text):
        groups, late = await _by_name(request, text)
    return request.render(
        "server/search.html",
        command=_commands(text),
        text=text,
        groups=groups,
        late=late,
        quoted=quote(text),
        is_uuid=bool(_UUID.fullmatch(text)),
    )


async def _by_uuid(request: PageRequest, uuid: str) -> str | None:
    """The page of what has a uuid."""
    for kind, reply in zip(KINDS, await _answers(request, [(kind.get, {"uuid": uuid}) for kind in KINDS]), strict=True):
        if isinstance(reply, dict):
            return f"/console/{kind.path}/{uuid}"
    return None


async def _by_name(request: PageRequest, text: str) -> tuple[list[Group], list[str]]:
    kinds = [kind for kind in KINDS if kind.listing]
    named = {"name": text, "limit": MOST + 1}
    asked = [(kind.listing, {**dict(kind.fields), **(named if kind.takes_name else {})}) for kind in kinds]
    groups: list[Group] = []
    late: list[str] = []
    for kind, reply in zip(kinds, await _answers(request, asked), strict=True):
        if reply is None:
            late.append(kind.label.lower())
        elif isinstance(reply, dict):
            hits = _hits(kind, reply[kind.rows], text)
            groups.append(Group(kind.label, hits[:MOST], max(len(hits) - MOST, 0)))
    return [group for group in groups if group.hits], late


def _hits(kind: Kind, rows: Sequence[JsonObject], text: str) -> list[tuple[str, str, str]]:
    """Page, name and slug of the rows whose name, slug or uuid has the text; names that begin with it come first."""
    low = text.casefold()
    hits = [
        (f"/console/{kind.path}/{row['uuid']}", str(row.get("name") or "without a name"), str(row.get("slug") or ""))
        for row in rows
        if low in f"{row.get('name') or ''}\n{row.get('slug') or ''}\n{row['uuid']}".casefold()
    ]
    return sorted(hits, key=lambda hit: (not hit[1].casefold().startswith(low), hit[1].casefold()))


async def _answers(request: PageRequest, asked: Sequence[tuple[str, JsonObject]]) -> list[JsonObject | Refusal | None]:
    """The replies at once; a refusal where there is no such thing, None for what takes too long."""
    tasks = [asyncio.create_task(_answer(request, name, fields)) for name, fields in asked]
    done, late = await asyncio.wait(tasks, timeout=SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    return [task.result() if task in done else None for task in tasks]


async def _answer(request: PageRequest, name: str, fields: JsonObject) -> JsonObject | Refusal:
    try:
        return await request.call(name, fields)
    except Refusal as refusal:
        if refusal.status not in (403, 404):
            raise
        return refusal


def _commands(text: str) -> list[str]:
    if _UUID.fullmatch(text):
        return [f"cargo-ai open {text}"]
    lists = ("orchestration play list", "orchestration tool list", "ai agent list", "storage model list", "segmentation segment list")
    return [f"cargo-ai {words}" for words in (*lists, "connection connector list")]


PAGES = [page("/search", search, title="Search")]
