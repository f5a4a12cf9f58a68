"""Similar words: the choices that are most like what was typed."""

from __future__ import annotations

SIMILAR = 0.7
"""What is less similar is not suggested."""


def near(word: str, choices: list[str], cutoff: float = SIMILAR) -> list[str]:
    """The choices most like a word, best first, at most three."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in reversed(choices)}
    return [by_lower[match] for match in get_close_matches(word.lower(), list(by_lower), 3, cutoff)]


def or_list(choices: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return choices[0] if len(choices) == 1 else ", ".join(choices[:-1]) + " or " + choices[-1]
