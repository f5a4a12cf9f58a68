"""COPY's text format: escape values."""

from __future__ import annotations

NULL = "\\N"


def escape(text: str) -> str:
    """A value in COPY's text format. NUL has no place in Postgres text and is dropped."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text.replace("\x00", "") if "\x00" in text else text
