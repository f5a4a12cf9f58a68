"""Convert one value of the command line to what the request needs."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli.failure import Failure, usage
from cargo_ai.cli.words.similar import near, or_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from cargo_ai.cli.shapes import Arg


MAX_DIGITS = 18
MAX_JSON_DIGITS = 4300
MAX_LEVELS = 100
NESTED = f"the server reads at most {MAX_LEVELS} levels of lists and objects."


class Stdin:
    """Standard input, which one flag at most can read."""

    def __init__(self) -> None:
        self._reader: str | None = None

    def read(self, flag: str) -> str:
        """All of standard input as text; Failure (2) when another flag has read it or it is not UTF-8."""
        if self._reader:
            sentence = f"{self._reader} and {flag} cannot both read standard input. Put one of them into a file."
            raise usage("stdinUsedTwice", sentence)
        self._reader = flag
        if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # None when fd 0 was closed by the caller
            raise usage("unreadable", f"{flag}: standard input is closed.")
        return _decode(sys.stdin.buffer.read(), flag, "standard input")


def convert(arg: Arg, flag: str, text: str, stdin: Stdin) -> Any:
    """The value of one flag or positional, typed. Raises Failure (2) that names the flag and what it takes."""
    kind = arg["type"]
    if kind != "path" and not _is_text(text):
        raise usage("invalidValue", f"{flag}: the value is not UTF-8 text.")
    allowed = [str(value) for value in arg.get("values") or []]
    if arg.get("nullable") and text in ("none", "null") and text not in allowed:
        return None
    if kind == "json":
        # Besides `--nodes @FILE`, some commands have a separate flag for the file.
        names_file = flag in arg.get("fileFlags", [])
        if names_file and arg.get("takesUrl") and text.lower().startswith(("http://", "https://")):
            return text
        return _json(flag, f"@{_file(text)}" if names_file and text != "-" else text, stdin)
    if kind == "csv":
        return [_allowed(flag, item, allowed) for item in _items(text)]
    if kind == "texts":  # hand-written commands only: each one verbatim, collected into a list
        return [text]
    if kind == "boolean":
        return boolean(flag, text)
    if kind == "integer":
        return _integer(flag, _allowed(flag, text, allowed))
    if kind == "number":
        return _number(flag, text)
    if not text and arg["in"] == "path":
        raise usage("invalidValue", f"{flag} must not be empty.")
    return _allowed(flag, text, allowed)


def _file(text: str) -> str:
    """The file that a flag for files names, also where it is written as those of other flags are: `@FILE`."""
    return text if os.path.exists(text) else text.removeprefix("@")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8 arrive as half surrogate pairs
        return False
    return True


def _items(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        import json

        try:
            listed: list[Any] = json.loads(text)
        except ValueError:
            pass
        else:
            return [item if isinstance(item, str) else json.dumps(item) for item in listed]
    return [item.strip() for item in text.split(",") if item.strip()]


def _allowed(flag: str, text: str, allowed: list[str]) -> str:
    if not allowed or text in allowed:
        return text
    close = near(text, allowed)
    hint = f" Did you mean {or_list(close)}?" if close else ""
    raise usage("invalidValue", f'{flag} takes {or_list(allowed)}, not "{text}".{hint}')


def boolean(flag: str, text: str) -> bool:
    """`true` or `false`, in any case."""
    if text.lower() not in ("true", "false"):
        raise usage("invalidValue", f'{flag} takes true or false, not "{text}".')
    return text.lower() == "true"


def _integer(flag: str, text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise usage("invalidValue", f'{flag} takes a whole number, not "{text}".')
    if len(digits.lstrip("0")) > MAX_DIGITS:
        raise usage("invalidValue", f"{flag} takes a smaller number: this one has {len(digits)} digits.")
    return int(text)


def _number(flag: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # neither infinite nor not-a-number
        raise usage("invalidValue", f'{flag} takes a number, not "{text}".')
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _json(flag: str, text: str, stdin: Stdin) -> Any:
    source = "its value"
    if text == "-":
        text, source = stdin.read(flag), "standard input"
    elif text.startswith("@"):
        source = text[1:]
        text = read_text(source, flag)
    return parse_json(flag, text, source)


def parse_json(flag: str, text: str, source: str) -> Any:
    """Parse strict JSON; Failure (2) says where it is wrong."""
    import json

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is not JSON")

    def fraction(digits: str) -> float:
        number = float(digits)
        return number if number - number == 0 else refuse_large(digits)

    def whole(digits: str) -> int:
        # Python reads no longer ones, and says so in words for programmers.
        return int(digits) if len(digits) <= MAX_JSON_DIGITS else refuse_large(digits)

    def refuse_large(digits: str) -> NoReturn:
        raise ValueError(f"the number {digits if len(digits) < 20 else digits[:17] + '…'} is too large")

    try:
        value = json.loads(text, parse_constant=refuse, parse_float=fraction, parse_int=whole)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise _not_json(flag, text, source, where) from None
    except ValueError as error:
        raise _not_json(flag, text, source, str(error)) from None
    except RecursionError:  # how deep Python itself reads differs from version to version
        raise _too_deep(flag, source) from None
    if "\\ud" in text.lower() and not _is_text(json.dumps(value, ensure_ascii=False)):
        raise _not_json(flag, text, source, "half of a character, a lone surrogate")
    if text.count("[") + text.count("{") > MAX_LEVELS and _is_deeper(value, MAX_LEVELS):
        raise _too_deep(flag, source)
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in more levels than these."""
    containers: tuple[type, ...] = (list, dict)
    layer: list[Any] = [value] if isinstance(value, containers) else []
    for _ in range(levels):
        values = (inner for held in layer for inner in (held.values() if hasattr(held, "values") else held))
        layer = [inner for inner in values if isinstance(inner, containers)]
        if not layer:
            return False
    return bool(layer)


def _too_deep(flag: str, source: str) -> Failure:
    return usage("invalidJson", f"{flag}: {source} is nested too deeply; {NESTED}")


def _not_json(flag: str, text: str, source: str, where: str) -> Failure:
    if source == "its value" and len(text) < 1000 and "\0" not in text and os.path.isfile(text):
        return usage("invalidJson", f"{flag} takes JSON. To read the file, write {flag} @{text}.")
    ways = " Give JSON in single quotes, @FILE, or - for standard input." if source == "its value" else ""
    return usage("invalidJson", f"{flag}: {source} is not valid JSON ({where}).{ways}")


def read_text(path: str, flag: str) -> str:
    """A file as UTF-8 text, a byte order mark dropped; Failure (2) when it cannot be read."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        raise usage("unreadable", f'{flag}: cannot read "{path}": {getattr(error, "strerror", None) or error}.') from None
    return _decode(data, flag, path)


def _decode(data: bytes, flag: str, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise usage("unreadable", f"{flag}: {source} is not UTF-8 text.") from None
