"""Tokenize JavaScript well enough to find names in code, and to leave strings, templates and comments alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["space", "name", "number", "string", "template", "pattern", "sign"]

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n\r\u2028\u2029]*+|/\*[\s\S]*?\*/)++)
    |(?P<name>(?:[^\W\d]|[$#])[\w$\u200c\u200d]*+)
    |(?P<number>(?:0[xX][\da-fA-F_]++|0[oO][0-7_]++|0[bB][01_]++|(?:\d[\d_]*+(?:\.[\d_]*+)?|\.\d[\d_]*+)(?:[eE][+-]?\d[\d_]*+)?)n?)
    |(?P<string>'(?:[^'\\\n\r]|\\[\s\S])*+'|"(?:[^"\\\n\r]|\\[\s\S])*+")
    |(?P<sign>>>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<|>>
        |\*\*|[-+*/%&|^~!<>=?:;,.()\[\]{}@`])""",
    re.VERBOSE,
)
_PATTERN = re.compile(r"/(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++/[a-zA-Z]*+")
_MAX_PATTERN = 1_000  # characters: each slash may have to be looked at, so that an unclosed class must not cost the whole source
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+")
_OPERAND_FOLLOWS = frozenset(
    "return typeof case in of delete void throw new instanceof await yield do else".split()  # noqa: SIM905 - a table of words
)
_CLOSERS = {")": "(", "]": "[", "}": "{"}


class TokenizeError(Exception):
    """The source cannot be cut into tokens with certainty."""


@dataclass(slots=True)
class Token:
    """A piece of the source; a template holds the tokens of its substitutions in `inside`, between its texts."""

    kind: Kind
    text: str
    inside: list[list[Token] | str] = field(default_factory=list["list[Token] | str"])


def tokenize(source: str) -> list[Token]:
    """All tokens, which together are the source. Raises TokenizeError; brackets are balanced when it does not."""
    tokens, position = _read(source, 0, nested=False)
    if position != len(source):
        raise TokenizeError
    return tokens


def _read(source: str, position: int, *, nested: bool) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    open_brackets: list[str] = []
    previous: Token | None = None
    while position < len(source):
        if nested and not open_brackets and source[position] == "}":
            return tokens, position
        token, position = _next(source, position, previous)
        tokens.append(token)
        if token.kind == "space":
            continue
        if token.kind == "sign":
            if token.text in "([{":
                open_brackets.append(token.text)
            elif token.text in _CLOSERS and (not open_brackets or open_brackets.pop() != _CLOSERS[token.text]):
                raise TokenizeError
        previous = token
    if open_brackets or nested:
        raise TokenizeError
    return tokens, position


def _next(source: str, position: int, previous: Token | None) -> tuple[Token, int]:
    if source[position] == "`":
        return _template(source, position)
    if source[position] == "/" and source[position + 1 : position + 2] not in ("/", "*"):
        is_operand = _is_operand_place(previous)
        if is_operand or (previous is not None and previous.text in (")", "}")):
            match = _PATTERN.match(source, position, position + _MAX_PATTERN)
            if match and is_operand:
                return Token("pattern", match.group()), match.end()
            # After a bracket: a division, or a pattern behind a condition or a block. Longer patterns are not looked for.
            if match or source.find("/", position + _MAX_PATTERN) != -1:
                raise TokenizeError
    match = _TOKEN.match(source, position)
    if match is None or match.end() == position or (match.lastgroup == "sign" and source.startswith("/*", position)):
        raise TokenizeError
    kind: Kind = match.lastgroup  # pyright: ignore[reportAssignmentType]
    return Token(kind, match.group()), match.end()


def _is_operand_place(previous: Token | None) -> bool:
    if previous is None:
        return True
    if previous.kind == "sign":
        return previous.text not in (")", "]", "}", "++", "--")
    return previous.kind == "name" and previous.text in _OPERAND_FOLLOWS


def _template(source: str, position: int) -> tuple[Token, int]:
    start = position
    position += 1
    inside: list[list[Token] | str] = []
    while True:
        match = _TEMPLATE_TEXT.match(source, position)
        end = match.end() if match else position
        inside.append(source[position:end])
        if source.startswith("`", end):
            return Token("template", source[start : end + 1], inside), end + 1
        if not source.startswith("${", end):
            raise TokenizeError
        tokens, position = _read(source, end + 2, nested=True)
        inside.append(tokens)
        position += 1
