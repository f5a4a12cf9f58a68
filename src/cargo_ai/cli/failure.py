"""Failures of a command: an exit code and the JSON document that says why."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DONE = 0
FAILED = 1
USAGE = 2
DENIED = 4
UNFINISHED = 8
LATER = 75
INTERRUPTED = 130


class Failure(Exception):
    """A command failed: the exit code and the document for stdout."""

    def __init__(self, code: int, document: dict[str, Any]) -> None:
        super().__init__(document.get("errorMessage"))
        self.code = code
        self.document = document


def failure(code: int, reason: str, sentence: str, fix: str | None = None, **more: Any) -> Failure:
    """A Failure from its parts; `fix` is a command to paste."""
    document: dict[str, Any] = {"errorMessage": sentence, "reason": reason, **more}
    if fix:
        document["fix"] = fix
    return Failure(code, document)


def usage(reason: str, sentence: str, fix: str | None = None) -> Failure:
    """A Failure for a command line that cannot be run as it is (exit 2)."""
    return failure(USAGE, reason, sentence, fix)


_PLAIN = frozenset("-_./:@,+=%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def shell_word(text: str) -> str:
    """The text as one word of a POSIX shell."""
    if text and all(character in _PLAIN for character in text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def shell_line(words: list[str]) -> str:
    """A command to paste. Tokens are left out, so that no secret appears on a screen or in a log."""
    shown: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--token":
            skip = True
        elif not word.startswith("--token="):
            shown.append(shell_word(word))
    return " ".join(["cargo-ai", *shown])
