"""Find which properties of the data an expression can read, so that only those are sent to the engine."""

from __future__ import annotations

import re
from functools import lru_cache

_EVASIONS = re.compile(r"\\u|\b(?:eval|arguments|Function|with)\b")


@lru_cache(maxsize=8192)
def properties_read(source: str, name: str) -> frozenset[str] | None:
    """The properties of `name` that the source can read; None where it may read any of them. Errs towards None."""
    if _EVASIONS.search(source):
        return None
    here = rf"(?<![\w$]){re.escape(name)}"
    quoted = r"""(?:'([\w .-]*)'|"([\w .-]*)")"""
    uses = len(re.findall(rf"{here}(?![\w$])", source))
    named = re.findall(rf"{here}\s*\??\.\s*([A-Za-z_$][\w$]*)|{here}\s*(?:\?\.)?\s*\[\s*{quoted}\s*\]", source)
    if uses != len(named):
        return None
    return frozenset(plain or single or double for plain, single, double in named)
