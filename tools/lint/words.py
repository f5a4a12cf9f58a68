"""Words: file contents and module names that the project does not want, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.lint.tree import Fault, files

EMPTY_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "service", "services", "base", "common", "misc"})
"""They say nothing about what is inside, so anything ends up there."""

# Each pattern is written so that it does not match itself.
_ANYWHERE = (
    (re.compile(r"\bpy" + r"pi\.org|python" + r"hosted\.org|index-" + r"url[= ]\s*http"), "names a package index"),
    (re.compile(r"(?<![\w.$}*~-])/(?:work|root|home/[a-z][\w-]*|Users/[\w-]+)/(?=[\w.])"), "names a path of one machine"),
    (re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b"), "leaves a note to oneself: do it, or open an issue"),
)
# Words that are not the field's (docs/glossary.md), and what to say instead.
_PRIVATE = {
    "to" + "ld": "given, shown, recognised",
    "an" + "ew": "again",
    "who" + "ever": "anyone who, the one that",
    "some" + "body": "someone, a person, a user",
    "no" + "body": "no one, nothing",
    "so " + "many": "this many, how many",
    "of one's " + "own": "its own, your own",
    "is " + "none": "is not one, there is no",
    "a word " + "about": "a note on",
    "re" + "hearse": "dry run",
    "re" + "hearsal": "dry run",
    "bu" + "ry": "reap",
    "bro" + "od": "child runs",
    "sp" + "elt": "written",
    "for " + "ever": "forever, permanently",
    "such " + "one": "one, it",
}
# In identifiers too (`_x`, `x_rows`). A word that is a whole quoted value, or the user of an address or its host, is data.
_PRIVATE_RE = re.compile(
    r"(?<![a-zA-Z0-9-])(?:"
    + "|".join(re.escape(word) for known in _PRIVATE for word in {known, known[0].upper() + known[1:]})
    + r")(?![a-zA-Z0-9-])"
)
_DATA_RE = re.compile(r"[\"'/]\w+(?:[\"'@]|\.[a-z])")
_PROSE = (".py", ".md", ".toml", ".json", ".yml", ".yaml", ".sql", ".sh")
_UNMODIFIED = ("src/cargo_ai/expression/vendor/", "CODE_OF_CONDUCT.md")
# Applied migrations never change, nor do the names of columns; the public interface and records of the past keep their words.
_FROZEN = ("src/cargo_ai/store/migrations/versions/", "tests/contract/surface.json", "tests/upgrade/", "docs/decisions/0", "CHANGELOG.md")


def faults(root: Path) -> Iterator[Fault]:
    """Files with such a name or such words. Files that are not text have no words."""
    for path in files(root):
        if path.suffix == ".py" and path.stem in EMPTY_NAMES:
            yield Fault(path, 0, f"{path.stem} says nothing: call the module what it holds")
        if not path.as_posix().startswith(_UNMODIFIED):
            yield from _lines(root, path)


def _lines(root: Path, path: Path) -> Iterator[Fault]:
    try:
        text = (root / path).read_text("utf-8")
    except UnicodeDecodeError:
        return
    is_prose = path.suffix in _PROSE and not path.as_posix().startswith(_FROZEN)
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, sentence in _ANYWHERE:
            if pattern.search(line):
                yield Fault(path, number, sentence)
        for match in _PRIVATE_RE.finditer(line) if is_prose and "mapped_column(" not in line else ():
            if not _DATA_RE.match(line, max(match.start() - 1, 0)):
                yield Fault(path, number, f'says "{match[0]}": say {_PRIVATE[match[0].lower()]} (docs/glossary.md)')
