"""Search: things of the workspace by a part of their name, records by their id, and anything by its uuid."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, page
from cargo_ai.console.views.storage import address
from cargo_ai.kernel.wire import JsonObject

MAX = 8
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GROUPS: Mapping[str, tuple[str, str]] = {
    "play": ("Plays", "plays"),
    "tool": ("Tools", "tools"),
    "agent": ("Agents", "agents"),
    "model": ("Models", "models"),
    "segment": ("Segments", "segments"),
    "connector": ("Connectors", "connectors"),
    "record": ("Records", ""),
    "chat": ("Chats", "chats"),
    "run": ("Runs", "runs"),
    "batch": ("Batches", "batches"),
    "review": ("Reviews", "reviews"),
    "change-set": ("Change sets", "change-sets"),
}
"""By kind, in the order of the page: its heading, and the path of its pages."""


@dataclass(frozen=True, slots=True)
class Group:
    """What matches of one kind: page, name and what is said beside it."""

    label: str
    hits: Sequence[tuple[str, str, str]]
    has_more: bool


async def search(request: PageRequest) -> Response:
    """What matches; a uuid leads to its page."""
    text = request.query.get("q", "").strip()[:200]
    is_uuid = _UUID.fullmatch(text) is not None
    reply: JsonObject = await request.call("workspaceManagement.search.find", {"text": text, "limit": MAX}) if text else {"hits": []}
    if is_uuid and len(reply["hits"]) == 1:
        return request.redirect(_page_of(reply["hits"][0]))
    return request.render(
        "server/search.html",
        command=f"cargo-ai open {text}" if is_uuid else f"cargo-ai workspace search find {shlex.quote(text or 'companies')}",
        text=text,
        groups=_groups(reply),
        quoted=quote(text),
        is_uuid=is_uuid,
    )


def _groups(reply: JsonObject) -> list[Group]:
    groups: list[Group] = []
    for kind, (label, _) in _GROUPS.items():
        hits = [(_page_of(hit), _name_of(hit), _beside(hit)) for hit in reply["hits"] if hit["kind"] == kind]
        if hits:
            groups.append(Group(label, hits, kind in reply["more"]))
    return groups


def _page_of(hit: JsonObject) -> str:
    if hit["kind"] == "record":
        return address.record(str(hit["uuid"]), str(hit["recordId"]))
    return f"/console/{_GROUPS[hit['kind']][1]}/{hit['uuid']}"


def _name_of(hit: JsonObject) -> str:
    return str(hit["name"] or hit["recordId"] or "without a name")[:200]


def _beside(hit: JsonObject) -> str:
    if hit["kind"] in ("run", "batch", "review", "change-set"):
        return str(hit["uuid"])
    return str(hit["recordId"] or hit["slug"] or "")[:200]


PAGES = [page("/search", search, title="Search")]
