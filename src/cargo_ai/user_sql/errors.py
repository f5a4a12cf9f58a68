"""SqlRefused: the one 'no' of user SQL, with a sentence for the person who wrote the query."""

from __future__ import annotations

from typing import Literal, NoReturn

Stage = Literal["syntax", "meaning"]
RefusalCause = Literal["", "table", "rows", "time", "denied"]
"""What stands in the way, where somebody may want to tell: an unknown table, too many rows to go through, the time limit, or that the
statement is none that may run here."""


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
