"""Versions of releases: three numbers, each release above the one before."""

from __future__ import annotations

import re
from collections.abc import Iterable

Version = tuple[int, int, int]

FIRST: Version = (1, 0, 0)
_VERSION = re.compile(r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})", re.ASCII)


def parse(text: str) -> Version | None:
    """`1.2.3` as numbers; None for anything else."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def to_text(version: Version) -> str:
    """The version as text."""
    return ".".join(str(part) for part in version)


def latest(texts: Iterable[str]) -> Version | None:
    """The highest of the versions; None without any."""
    return max((version for text in texts if (version := parse(text)) is not None), default=None)


def following(last: Version | None) -> Version:
    """The next patch version; 1.0.0 for a first release."""
    return (last[0], last[1], last[2] + 1) if last else FIRST
