"""Words: what no file says (a machine's paths, a package index, a note to oneself) and what no module is called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, files

NO_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "service", "services", "base", "common", "misc"})
"""They say nothing about what is inside, so anything ends up there."""

# Each pattern is written so that it does not match itself.
_WORDS = (
    (re.compile(r"\bpy" + r"pi\.org|python" + r"hosted\.org|index-" + r"url[= ]\s*http"), "names a package index"),
    (re.compile(r"(?<![\w.$}*~-])/(?:work|root|home/[a-z][\w-]*|Users/[\w-]+)/(?=[\w.])"), "names a path of one machine"),
    (re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b"), "leaves a note to oneself: do it, or open an issue"),
)
_UNMODIFIED = ("src/cargo_ai/expression/vendor/",)


def faults(root: Path) -> Iterator[Fault]:
    """Files with such a name or such words. Files that are not text have no words."""
    for path in files(root):
        if path.suffix == ".py" and path.stem in NO_NAMES:
            yield Fault(path, 0, f"{path.stem} is no name: call it what it holds")
        if not path.as_posix().startswith(_UNMODIFIED):
            yield from _said(root, path)


def _said(root: Path, path: Path) -> Iterator[Fault]:
    try:
        text = (root / path).read_text("utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, sentence in _WORDS:
            if pattern.search(line):
                yield Fault(path, number, sentence)
