"""Text search: which words of a text the index of titles and ids is asked for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.runs.filters import run_filter
from cargo_ai.engine.journal.tables import runs

SAMPLE = 100
RARE = 0.25
"""A word is rare that at most this part of the newest runs has."""
_SHORTEST = 3
"""Fewer letters than these the index does not have."""
_LONG = 5
"""From this many letters on, the trigrams within a word say enough; to read the list of those that begin like it would cost most."""
_TEXTS = ("record_title", "record_title_or_id")
_WORD = re.compile(r"[^\W_]+")


async def with_rare_words(db: AsyncSession, workspace: uuid.UUID, filters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The filters with `rare_words`: by text, what the index is asked for instead of the whole text, which the rows then decide.

    For "Company 4711" the index would go through all runs that have "company" in their titles, to find in each what "4711" alone says.
    """
    scope = {"workflow_uuid": filters.get("workflow_uuid")}
    words = {text: _words(text) for name in _TEXTS if (text := filters.get(name))}
    if not any(len(each) > 1 for each in words.values()):
        return filters
    where = run_filter.matching(workspace, scope, known=True)
    newest = select(run_filter.TEXT).where(*where).order_by(runs.c.uuid.desc()).limit(SAMPLE)
    sample = [text.lower() for text in await db.scalars(newest)]
    rare = {
        text: [shown for word, shown in each if sum(word in other for other in sample) <= RARE * len(sample)]
        for text, each in words.items()
    }
    return {**filters, "rare_words": {text: each for text, each in rare.items() if each}}


def _words(text: str) -> list[tuple[str, str]]:
    """The words of a text, short ones also with what is beside them there: the index knows where a word begins and ends."""
    found = [match for match in _WORD.finditer(text) if len(match[0]) >= _SHORTEST]
    beside = [int(len(match[0]) < _LONG) for match in found]
    shown = [text[max(0, match.start() - more) : match.end() + more] for match, more in zip(found, beside, strict=True)]
    return [(match[0].lower(), part) for match, part in zip(found, shown, strict=True)]
