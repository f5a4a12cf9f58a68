"""Split text with {{ expressions }} into literals and sources, aware of JavaScript's strings, patterns and comments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_MAX_EXPRESSION = 20_000  # characters of one expression; bounds the work on text with many opening braces that never close
_MAX_PATTERN = 1_000  # characters of one regular expression; an unclosed class must not cost the rest of the text at every slash
_MAX_FAILED_PATTERNS = 10  # of one expression; in JavaScript none fails, and each try reads on for as long as a pattern may be
_MAX_READ_IN_VAIN = 10 * _MAX_EXPRESSION  # characters of one text, in expressions that are not JavaScript: each is read to its limit
_UNCLOSED, _ESCAPED = -1, -2
_OPENERS = {"(": ")", "[": "]", "{": "}"}
_FAILED = "/ no pattern"  # what counts as previous behind a slash that could begin a regular expression and does not
_REGEX_MAY_FOLLOW = frozenset([*"(,=:[!&|?{};+-*%~^<>/", _FAILED])
_REGEX_MAY_FOLLOW_WORD = re.compile(r"(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|instanceof|await|yield|do|else)\s*\Z")
_STRING = re.compile(r"""'(?:[^'\\\n]|\\[\s\S])*+'|"(?:[^"\\\n]|\\[\s\S])*+\"""")
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*+\])++/")
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+")


@dataclass(frozen=True, slots=True)
class Source:
    """The JavaScript between {{ and }}, as written."""

    text: str


Piece: TypeAlias = str | Source


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Piece, ...]:
    """The pieces of a template: literal text and sources, in order; empty literals are left out, '' gives one.

    `\\{{` is a literal `{{`. An opening `{{` whose expression never ends is literal text.
    """
    pieces: list[Piece] = []
    literal: list[str] = []
    position = 0
    for opening, closing in _openings(text):
        if closing == _UNCLOSED:
            break
        if closing == _ESCAPED:
            literal += text[position : opening - 1], "{{"
            position = opening + 2
            continue
        literal.append(text[position:opening])
        _add_literal(pieces, literal)
        pieces.append(Source(text[opening + 2 : closing]))
        position = closing + 2
    literal.append(text[position:])
    _add_literal(pieces, literal)
    return tuple(pieces) or ("",)


def find_unclosed(text: str) -> int | None:
    """Where a `{{` stands whose expression never ends, so that it is literal text; None without one."""
    return next((opening for opening, closing in _openings(text) if closing == _UNCLOSED), None)


def _openings(text: str) -> Iterator[tuple[int, int]]:
    """Where each `{{` stands and the `}}` that ends its expression, or _ESCAPED; or _UNCLOSED, which is the last."""
    position = read_in_vain = 0
    while (opening := text.find("{{", position)) != -1:
        if opening > position and text[opening - 1] == "\\":
            yield opening, _ESCAPED
            position = opening + 2
            continue
        closing, characters = _find_end(text, opening + 2) if read_in_vain < _MAX_READ_IN_VAIN else (-1, 0)
        if closing == -1:
            # No JavaScript that the scan can follow: the first }} ends it.
            closing = text.find("}}", opening + 2)
            read_in_vain += characters
        if closing == -1:
            yield opening, _UNCLOSED
            return
        yield opening, closing
        position = closing + 2


def _add_literal(pieces: list[Piece], literal: list[str]) -> None:
    if joined := "".join(literal):
        pieces.append(joined)
    literal.clear()


def _find_end(text: str, start: int) -> tuple[int, int]:
    """The index of the }} that ends the expression starting at `start`, or -1; and about how many characters were read."""
    limit = min(len(text), start + _MAX_EXPRESSION)
    open_brackets: list[str] = []  # the closers awaited; "`" while inside a template literal's text
    previous = "("  # the last character of code that tells a division from a regular expression
    position, failed = start, 0
    while position < limit:
        character, at = text[position], position
        if open_brackets and open_brackets[-1] == "`":
            position = _skip(_TEMPLATE_TEXT, text, position, limit)
            if text.startswith("${", position):
                open_brackets.append("${")
                position, previous = position + 2, "("
            elif position < limit:
                open_brackets.pop()
                position, previous = position + 1, "x"
            continue
        if character in "'\"":
            position, previous = _skip(_STRING, text, position, limit), "x"
        elif character == "`":
            open_brackets.append("`")
            position += 1
        elif character == "/":
            position, previous = _after_slash(text, start, position, limit, previous, bool(open_brackets))
            failed += previous == _FAILED
            position = -1 if failed > _MAX_FAILED_PATTERNS else position
        elif character in _OPENERS:
            open_brackets.append(_OPENERS[character])
            position, previous = position + 1, character
        elif character in ")]}":
            if not open_brackets:
                return (position if text.startswith("}}", position) else -1), position - start
            awaited = open_brackets.pop()
            if awaited != character and not (awaited == "${" and character == "}"):
                break
            position, previous = position + 1, "x"
        else:
            if not character.isspace():
                previous = character
            position += 1
        if position == -1:
            position = at
            break
    return -1, position - start + failed * _MAX_PATTERN // 8


def _skip(pattern: re.Pattern[str], text: str, position: int, limit: int) -> int:
    match = pattern.match(text, position, limit)
    return match.end() if match else -1


def _after_slash(text: str, start: int, position: int, limit: int, previous: str, nested: bool) -> tuple[int, str]:
    """Where the comment, regular expression or division at a slash ends (-1: nowhere), and what then counts as previous."""
    if text.startswith("//", position):
        line_end = text.find("\n", position, limit)
        closing = text.find("}}", position, limit)
        if closing != -1 and (line_end == -1 or closing < line_end) and not nested:
            return closing, previous  # {{ a // note }}
        return line_end, previous
    if text.startswith("/*", position):
        closing = text.find("*/", position + 2, limit)
        return (closing + 2 if closing != -1 else -1), previous
    code_before = text[max(start, position - 24) : position]
    if previous in _REGEX_MAY_FOLLOW or _REGEX_MAY_FOLLOW_WORD.search(code_before):
        end = _skip(_REGEX, text, position, min(limit, position + _MAX_PATTERN))
        return (end, "x") if end != -1 else (position + 1, _FAILED)
    return position + 1, "/"
