"""Review text: what records and people wrote, made safe for a terminal and for plain text with commands in it."""

from __future__ import annotations

_INDENT = "\n    "


def lines_of(text: str) -> list[str]:
    """The lines of a text without control characters, which a terminal would carry out, and without what turns the direction of writing."""
    return ["".join(letter if letter.isprintable() else " " for letter in line) for line in text.splitlines()]


def block(text: str) -> str:
    """The text with every line but its first one indented: none of them can pass for a line of ours, such as a command to run."""
    return _INDENT.join(lines_of(text))
