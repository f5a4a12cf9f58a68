"""Make paths forgiving: rewrite JavaScript so that `nodes.a.b` gives undefined, with a warning, where nothing is there.

`nodes.a.b` → `$path$(nodes,"nodes",0,"a","b")`; `nodes.a.b.split(x)` → `$owner$("split",nodes,"nodes",0,"a","b").split(x)`, an error that
names the path. The third argument has a bit for each key that is read with `?.`. What is assigned to or deleted is left alone.
Where reading twice is the same as reading once, the call is made only when nothing is there: `(nodes?.a?.b??$path$(…))`.
Runs in the sandboxed child: reading source of users takes time, which must not be the event loop's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cargo_ai.expression.dependencies import properties_read
from cargo_ai.expression.tokens import Token, TokenizeError, tokenize

MAX_LENGTH = 20_000
"""Characters of one expression; as many as an operation takes."""

MAX_DEPTH = 100
"""Brackets within brackets."""

_MAX_KEYS = 28  # bits of a JavaScript integer, less the two that mean something else
_ASSIGNS = frozenset("= += -= *= /= %= **= <<= >>= >>>= &= |= ^= &&= ||= ??= ++ -- =>".split())  # noqa: SIM905 - a table of signs
_NOT_READ_AFTER = frozenset(". ?. ++ -- new delete let const var function class async # break continue".split())  # noqa: SIM905
_DISGUISED_NAME = re.compile(r"[\w$]\\u|\\u\{?[0-9a-fA-F]++\}?[\w$]*+\.")
_CHANGES = re.compile(
    r"(?<![=!<>])=(?![=>])|\+\+|--|\b(?:sort|reverse|push|pop|shift|unshift|splice|fill|copyWithin|assign|delete|_*define\w+|set\w*|call|apply"
    r"|bind|Reflect|eval|Function)\b"
)
_GROUP_AFTER_NAME = frozenset("return typeof case in of void throw instanceof await yield do else".split())  # noqa: SIM905


@lru_cache(maxsize=8192)
def rewrite(source: str, names: tuple[str, ...]) -> str | None:
    """The source with the paths of these names made forgiving; None where there is nothing to change, or no certainty.

    Takes O(length x depth of brackets), and the depth is bounded; sources above `MAX_LENGTH` characters are left as they are.
    """
    if len(source) > MAX_LENGTH or ("\\u" in source.replace("\\\\", "") and _DISGUISED_NAME.search(source)):
        return None
    # The data has no getters, as nothing can have given it any; and these names mean nothing but the data.
    is_data = () if changes(source) else [name for name in names if properties_read(source, name) is not None]
    try:
        text = _Rewriter(frozenset(names), frozenset(is_data), tokenize(source)).whole()
    except (TokenizeError, RecursionError):
        return None
    return None if text == source else text


def changes(source: str) -> bool:
    """Whether the expression may change the data that it reads, which the next one must not see. Errs towards yes."""
    return _CHANGES.search(source) is not None


def strip_semicolons(source: str) -> str:
    """The source without semicolons at its end, which an expression may have and brackets may not; nothing is undefined."""
    try:
        tokens = tokenize(source)
    except (TokenizeError, RecursionError):
        return source.rstrip("; \t\r\n")
    while tokens and (tokens[-1].kind == "space" or tokens[-1].text == ";"):
        tokens.pop()
    return "".join(token.text for token in tokens) or "undefined"


@dataclass(frozen=True, slots=True)
class _Step:
    key: str
    optional: bool
    method: str | None  # the name, where it is written as one
    end: int
    direct: str  # as it is written where the object may be nothing; empty for a key that is computed


class _Rewriter:
    """Rewrites one list of tokens. Whatever stands in brackets is rewritten once and remembered, because a path that is given up (it is
    assigned to, say) leaves its inside to be read again: without that, the work doubles with each nesting."""

    def __init__(self, names: frozenset[str], is_data: frozenset[str], tokens: Sequence[Token]) -> None:
        self._names, self._is_data = names, is_data
        self._tokens = tokens
        self._closing = _match_brackets(tokens)
        self._inside: dict[int, str] = {}
        self._templates: dict[int, str] = {}

    def whole(self) -> str:
        """All tokens as text, with paths replaced."""
        return self._text(0, len(self._tokens))

    def _text(self, start: int, end: int) -> str:
        output: list[str] = []
        position = start
        previous = ""
        while position < end:
            token = self._tokens[position]
            path = self._path(position, end, previous)
            if path is not None:
                text, position = path
                output.append(text)
                previous = "x"
            elif (close := self._closing.get(position)) is not None:
                output += token.text, self._between(position), self._tokens[close].text
                previous = self._tokens[close].text
                position = close + 1
            else:
                output.append(self._token(position))
                if token.kind != "space":
                    previous = token.text
                position += 1
        return "".join(output)

    def _between(self, opening: int) -> str:
        """The text between a bracket and its counterpart."""
        text = self._inside.get(opening)
        if text is None:
            text = self._inside[opening] = self._text(opening + 1, self._closing[opening])
        return text

    def _token(self, position: int) -> str:
        token = self._tokens[position]
        if token.kind != "template":
            return token.text
        text = self._templates.get(position)
        if text is None:
            parts = [
                part if isinstance(part, str) else "${" + _Rewriter(self._names, self._is_data, part).whole() + "}" for part in token.inside
            ]
            text = self._templates[position] = "`" + "".join(parts) + "`"
        return text

    def _path(self, position: int, limit: int, previous: str) -> tuple[str, int] | None:
        """The replacement of a path that begins here and where it ends, or None where none begins."""
        base = self._base(position, limit, previous)
        if base is None:
            return None
        base_text, label, base_end = base
        steps = self._steps(base_end, limit)
        if not steps or len(steps) > _MAX_KEYS:
            return None
        end = steps[-1].end
        following = _significant(self._tokens, end, limit)
        if following < limit and self._tokens[following].text in _ASSIGNS:
            return None
        call = _is_call(self._tokens, following, limit)
        is_direct = label in self._is_data and _is_group(previous) and all(step.direct for step in steps)
        if call is None:
            reading = _reading(base_text, label, steps)
            return f"({base_text}{_chain(steps)}??{reading})" if is_direct else reading, end
        *owner, method = steps
        # What `?.` cuts short it cuts short as a whole, the call included.
        link = "?." if any(step.optional for step in owner) else ""
        if method.optional or call == "optional" or method.method is None:
            written = self._text(owner[-1].end if owner else base_end, end).lstrip()
            receiver = _reading(base_text, label, owner, quiet=method.optional) if owner else base_text
            return receiver + (link if written.startswith("[") else "") + written, end
        if not owner and label != "(…)":
            return None
        arguments = [json.dumps(method.method), base_text, json.dumps(label), str(_bits(owner)), *(step.key for step in owner)]
        found = f"$owner$({','.join(arguments)})"
        if is_direct and not link:
            there = base_text + "".join(step.direct.removeprefix("?") if step.method else step.direct[2:] for step in owner)
            found = f"(typeof {base_text}{_chain(steps)}==='function'?{there}:{found})"
        return f"{found}{link or '.'}{method.method}", end

    def _base(self, position: int, limit: int, previous: str) -> tuple[str, str, int] | None:
        token = self._tokens[position]
        if token.kind == "name" and token.text in self._names and previous not in _NOT_READ_AFTER:
            return token.text, token.text, position + 1
        if token.text == "(" and token.kind == "sign" and _is_group(previous):
            close = self._closing[position]
            following = _significant(self._tokens, close + 1, limit)
            if following < limit and self._tokens[following].text in (".", "?.", "["):
                return "(" + self._between(position) + ")", "(…)", close + 1
        return None

    def _steps(self, position: int, limit: int) -> list[_Step]:
        steps: list[_Step] = []
        while (step := self._step(position, limit)) is not None:
            steps.append(step)
            position = step.end
        return steps

    def _step(self, position: int, limit: int) -> _Step | None:
        tokens = self._tokens
        at = _significant(tokens, position, limit)
        if at >= limit or tokens[at].text not in (".", "?.", "["):
            return None
        optional = tokens[at].text == "?."
        if tokens[at].text != "[":
            at = _significant(tokens, at + 1, limit)
            if at < limit and tokens[at].kind == "name" and not tokens[at].text.startswith("#"):
                name = tokens[at].text
                return _Step(json.dumps(name), optional, name, at + 1, f"?.{name}")
            if not optional or at >= limit or tokens[at].text != "[":
                return None
        close = self._closing[at]
        first = _significant(tokens, at + 1, close)
        if first == close:
            return None
        if tokens[first].kind in ("number", "string") and _significant(tokens, first + 1, close) == close:
            return _Step(tokens[first].text, optional, None, close + 1, f"?.[{tokens[first].text}]")
        inner = self._between(at)
        # Computed only where there is something to read the property of.
        return _Step(f"()=>({inner}\n)" if "//" in inner else f"()=>({inner})", optional, None, close + 1, "")


def _reading(base: str, label: str, steps: Sequence[_Step], *, quiet: bool = False) -> str:
    bits = _bits(steps) | (1 << len(steps) if quiet else 0)
    return f"$path$({','.join([base, json.dumps(label), str(bits), *(step.key for step in steps)])})"


def _chain(steps: Sequence[_Step]) -> str:
    return "".join(step.direct for step in steps)


def _bits(steps: Sequence[_Step]) -> int:
    return sum(1 << index for index, step in enumerate(steps) if step.optional)


def _significant(tokens: Sequence[Token], position: int, limit: int) -> int:
    while position < limit and tokens[position].kind == "space":
        position += 1
    return position


def _is_call(tokens: Sequence[Token], position: int, limit: int) -> str | None:
    """Whether a call stands here: "call" for `(` and templates, "optional" for `?.(`."""
    if position >= limit:
        return None
    if tokens[position].text == "(" or tokens[position].kind == "template":
        return "call"
    following = _significant(tokens, position + 1, limit)
    return "optional" if tokens[position].text == "?." and following < limit and tokens[following].text == "(" else None


def _is_group(previous: str) -> bool:
    """Whether a `(` behind this opens a group, and no call, condition or list of parameters."""
    if previous == "" or previous in _GROUP_AFTER_NAME:
        return True
    return not (previous in (")", "]", "}", "?.") or previous[-1] in "`'\"/" or previous[0].isalnum() or previous[0] in "_$#")


def _match_brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """The position of each opening bracket to that of its counterpart; the tokenizer has balanced them.

    Raises TokenizeError above MAX_DEPTH.
    """
    closing: dict[int, int] = {}
    open_positions: list[int] = []
    for position, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in ("(", "[", "{"):
            open_positions.append(position)
            if len(open_positions) > MAX_DEPTH:
                raise TokenizeError
        elif token.text in (")", "]", "}"):
            closing[open_positions.pop()] = position
    return closing
