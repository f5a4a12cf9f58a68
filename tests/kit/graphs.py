"""Graphs of native nodes, in the form of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Node = dict[str, Any]


def node(slug: str, action: str | None = None, children: Sequence[str | None] = (), **more: Any) -> Node:
    """A native node whose uuid and action are its slug by default; `more` overrides or adds fields."""
    return {
        "uuid": slug,
        "slug": slug,
        "kind": "native",
        "actionSlug": action or slug,
        "config": {},
        "childrenUuids": list(children),
        "fallbackOnFailure": False,
        "position": {"x": 0, "y": 0},
        **more,
    }
