"""Print results: one JSON document or plain text on stdout, messages for people on stderr."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard


def write(data: bytes) -> None:
    """Bytes to stdout, verbatim. A closed stdout swallows them."""
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  # None when fd 1 was closed by the caller
        sys.stdout.buffer.write(data)


def flush() -> None:
    """Flush stdout, for programs that read while the command runs."""
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  # None when fd 1 was closed by the caller
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Text to stdout as UTF-8 whatever the locale, with a final newline."""
    write((text if text.endswith("\n") else text + "\n").encode("utf-8", "backslashreplace"))


def print_document(document: Any) -> None:
    """One JSON document and a newline."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair somewhere: only the escaped form is valid
        data = json.dumps(document, indent=2).encode()
    write(data + b"\n")


def clean(text: str) -> str:
    """Text from elsewhere without control characters, which could control a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def say(text: str) -> None:
    """Print one line on stderr; never fails."""
    try:
        print(text, file=sys.stderr, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def is_terminal(stream: Any) -> bool:
    """Whether the stream is a terminal."""
    try:
        return stream is not None and bool(stream.isatty())
    except ValueError:  # closed
        return False


def is_dumb() -> bool:
    """Whether the terminal cannot repaint a line."""
    return os.environ.get("TERM") == "dumb"


def wants_bold(no_color: bool) -> bool:
    """Whether headings on stdout are set in bold."""
    return not (no_color or os.environ.get("NO_COLOR") or is_dumb()) and is_terminal(sys.stdout)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether the value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether the value is a JSON array."""
    return isinstance(value, list)


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if is_object(value) else {}


def dig(document: Any, dotted: str) -> Any:
    """The value at a dotted path, None where a key is missing."""
    for key in dotted.split("."):
        document = as_object(document).get(key)
    return document
