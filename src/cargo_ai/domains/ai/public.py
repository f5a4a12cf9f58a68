"""The AI domain's public interface."""

from __future__ import annotations

from cargo_ai.domains.ai.live.events import END, Cursor, following, read_cursor
from cargo_ai.domains.ai.live.feeds import Feed, Feeds, UnknownAnswer

__all__ = ["END", "Cursor", "Feed", "Feeds", "UnknownAnswer", "following", "read_cursor"]
