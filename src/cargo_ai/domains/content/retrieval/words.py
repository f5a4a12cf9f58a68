"""Words: texts and questions as the index sees them, so that accents, punctuation and width do not matter."""

from __future__ import annotations

import re
import unicodedata

LANGUAGE = "english"
"""PostgreSQL's configuration: stems of English words, without its stop words. Words of other languages mostly stay as they are."""

_BETWEEN = re.compile(r"[\W_]+")
# Written without spaces between words: every two neighbours count as a word.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")


def searchable(text: str) -> str:
    """The words of a text, each between spaces."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))
        text = _UNSPACED.sub(_pairs, text)
    return _BETWEEN.sub(" ", text).strip()


def _pairs(found: re.Match[str]) -> str:
    letters = found.group()
    pairs = [letters[at : at + 2] for at in range(len(letters) - 1)] or [letters]
    return f" {' '.join(pairs)} "
