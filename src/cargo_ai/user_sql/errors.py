"""The refusal of a query, with a sentence for the person who wrote it."""

from __future__ import annotations

from typing import Literal, NoReturn

Stage = Literal["syntax", "meaning"]
RefusalCause = Literal["", "table", "rows", "time", "denied"]
"""Why a query is refused, where callers may react to it: an unknown table, too many rows to read, the time limit, or a statement that
may not run here; '' for everything else."""


class SqlRefused(ValueError):
    """The query is not run. `stage` tells how far it was understood: `meaning` says more than `syntax` when two spellings were tried."""

    def __init__(self, sentence: str, stage: Stage = "meaning", about: RefusalCause = "") -> None:
        super().__init__(sentence)
        self.sentence, self.stage = sentence, stage
        self.about: RefusalCause = about


def refuse(sentence: str) -> NoReturn:
    """Raise a SqlRefused about the meaning of a query."""
    raise SqlRefused(sentence)


def shorten(name: str) -> str:
    """A name that a user wrote, short enough for a sentence."""
    return name if len(name) <= 60 else f"{name[:57]}…"
