"""Findings: what is wrong with a node, or doubtful, where in it, and in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

MAX_NAMES = 12
_LONGEST = 60
_CLOSE = 0.7


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a node. `path`: where in the node, such as `config.mappings[0].columnSlug`; "" for the node as a whole.
    `reason`: the documented one, where it is not that of the node's kind. `doubt`: it may still work, so that it is only a warning.
    `fatal`: no run should begin with it, not even one that is tried without deploying anything."""

    path: str
    message: str
    doubt: bool = False
    reason: str = ""
    fatal: bool = False


def join(path: str, key: str | int) -> str:
    """The path of a key of an object or of an item of a list."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.replace("_", "").isalnum():
        return f"{path}[{show(key)}]"
    key = key if len(key) <= _LONGEST else key[: _LONGEST - 1] + "…"
    return f"{path}.{key}" if path else key


def show(value: object) -> str:
    """The value as a sentence quotes it."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was most likely meant."""
    by_lower = {known.lower(): known for known in names}
    close = get_close_matches(name.lower()[:_LONGEST], by_lower, 1, _CLOSE)
    return by_lower[close[0]] if close else None


def suggest(name: str, names: Iterable[str], otherwise: str = "It has") -> str:
    """` Did you mean x?`, else what there is, for the end of a sentence."""
    known = list(names)
    close = nearest(name, known)
    if close is not None:
        return f" Did you mean {close}?"
    if not known:
        return ""
    more = f" and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else ""
    return f" {otherwise} {', '.join(known[:MAX_NAMES])}{more}."
