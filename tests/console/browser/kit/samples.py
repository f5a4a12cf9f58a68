"""Addresses with which each page of the console is tried: what stands for the fields of its path."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from tests.console.browser.kit.seed import IN_FRANCE_TEXT, World

DOWNLOADS = {"/models/{uuid}/export", "/sql/export", "/audit/download", "/messages/{uuid}/events"}
"""They lead to a file, or to events."""
_NOUNS = {
    "models": "model",
    "segments": "segment",
    "change-sets": "changeSet",
    "changes": "change",
    "records": "record",
    "runs": "run",
    "batches": "batch",
    "tools": "tool",
    "plays": "play",
    "agents": "agent",
    "chats": "chat",
    "reviews": "review",
    "connectors": "connector",
    "integrations": "integration",
    "new": "integration",
    "roles": "role",
}
_QUERIES = {
    "/models/{uuid}/record": {"id": "company-000.example"},
    "/models/{uuid}/membership": {"id": "company-000.example"},
    "/models/{uuid}/records": {"filter": IN_FRANCE_TEXT, "sort": "employees", "order": "desc"},
    "/sql": {"query": "SELECT country, COUNT(*) AS n FROM default.companies GROUP BY country ORDER BY n DESC"},
    "/search": {"q": "compan"},
    "/runs/{uuid}/compare": {"other": "{otherRun}"},
    "/tools/{uuid}/node": {"node": "wait"},
    "/plays/{uuid}/node": {"node": "wait"},
}


def fill(path: str, world: World) -> str:
    """The address of a page, made of what there is. AssertionError where `_NOUNS` or the seed lacks what its path needs."""

    def value(match: re.Match[str]) -> str:
        noun = _NOUNS.get(match[1])
        assert noun is not None and noun in world.uuids, f"{path}: say in tests/console/browser/kit what {match[0]} is tried with"
        return f"{match[1]}/{quote(world.uuids[noun], safe='')}"

    filled = re.sub(r"([a-z-]+)/\{[a-z_]+(?::path)?\}", value, path)
    assert "{" not in filled, f"{path}: say in tests/console/browser/kit what its fields are tried with"
    query = _QUERIES.get(path)
    if query is None:
        return filled
    # A value in braces is the uuid of something.
    return f"{filled}?{urlencode({name: world.uuids.get(text.strip('{}'), text) for name, text in query.items()})}"
