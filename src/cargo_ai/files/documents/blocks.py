"""Blocks: what a document is read as: headings, paragraphs and rows, in order, with where each stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
_SPACES = re.compile(r"[ \t\u00a0]+")


class Unreadable(ValueError):
    """No text can be had from the file; the message is for its owner."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document. level: of a heading, 0 for text. page and row count from 1."""

    text: str
    level: int = 0
    page: int | None = None
    sheet: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What was left out, for the file's owner."""

    text: str


def tidy(text: str) -> str:
    """A text without what a database or a person has no use for: control characters, repeated spaces."""
    return _SPACES.sub(" ", _UNFIT.sub(" ", text)).strip()
