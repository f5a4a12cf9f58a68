"""Paths made forgiving: in JavaScript for the engine, `nodes.a.b` becomes a call that gives undefined where nothing is, and notes it.

`nodes.a.b` → `$path$(nodes,"nodes",0,"a","b")`; `nodes.a.b.split(x)` → `$owner$("split",nodes,"nodes",0,"a","b").split(x)`, an error that
names the path. The third argument has a bit for each key that is read with `?.`. What is assigned to or deleted is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cargo_ai.expression.tokens import Token, TokenizeError, tokenize

_MAX_KEYS = 28  # bits of a JavaScript integer, less the two that mean something else
_ASSIGNS = frozenset("= += -= *= /= %= **= <<= >>= >>>= &= |= ^= &&= ||= ??= ++ -- =>".split())  # noqa: SIM905 - a table of signs
_NOT_READ_AFTER = frozenset(". ?. ++ -- new delete let const var function class async # break continue".split())  # noqa: SIM905
_GROUP_AFTER_NAME = frozenset("return typeof case in of void throw instanceof await yield do else".split())  # noqa: SIM905


@lru_cache(maxsize=8192)
def rewrite(source: str, names: tuple[str, ...]) -> str | None:
    """The source with the paths of these names made forgiving; None where there is nothing to change, or no certainty."""
    if "\\u" in source.replace("\\\\", "") and re.search(r"[\w$]\\u|\\u\{?[0-9a-fA-F]+\}?[\w$]*\.", source):
        return None  # a name in disguise
    try:
        text = _Rewriter(frozenset(names)).text(tokenize(source))
    except (TokenizeError, RecursionError):
        return None
    return None if text == source else text


@dataclass(frozen=True, slots=True)
class _Step:
    key: str
    optional: bool
    method: str | None  # the name, where it is written as one
    end: int


class _Rewriter:
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def text(self, tokens: Sequence[Token]) -> str:
        """The tokens as text, with paths replaced."""
        output: list[str] = []
        position = 0
        previous = ""
        while position < len(tokens):
            token = tokens[position]
            replaced = self._path(tokens, position, previous)
            if replaced is not None:
                text, position = replaced
                output.append(text)
                previous = "x"
                continue
            output.append(self._one(token))
            if token.kind != "space":
                previous = token.text
            position += 1
        return "".join(output)

    def _one(self, token: Token) -> str:
        if token.kind != "template":
            return token.text
        parts = [part if isinstance(part, str) else "${" + self.text(part) + "}" for part in token.inside]
        return "`" + "".join(parts) + "`"

    def _path(self, tokens: Sequence[Token], position: int, previous: str) -> tuple[str, int] | None:
        """The replacement of a path that begins here and where it ends, or None where none begins."""
        base = self._base(tokens, position, previous)
        if base is None:
            return None
        base_text, label, end = base
        steps = self._steps(tokens, end)
        if not steps or len(steps) > _MAX_KEYS:
            return None
        end = steps[-1].end
        following = _significant(tokens, end)
        after = tokens[following] if following < len(tokens) else None
        if after is not None and after.text in _ASSIGNS:
            return None
        call = _is_call(tokens, following)
        if call is None:
            return _reading(base_text, label, steps), end
        *owner, method = steps
        # What `?.` cuts short it cuts short as a whole, the call included.
        link = "?." if any(step.optional for step in owner) else ""
        if method.optional or call == "optional" or method.method is None:
            written = self.text(tokens[owner[-1].end if owner else base[2] : end]).lstrip()
            receiver = _reading(base_text, label, owner, quiet=method.optional) if owner else base_text
            return receiver + (link if written.startswith("[") else "") + written, end
        if not owner and label != "(…)":
            return None
        arguments = [json.dumps(method.method), base_text, json.dumps(label), str(_bits(owner)), *(step.key for step in owner)]
        return f"$owner$({','.join(arguments)}){link or '.'}{method.method}", end

    def _base(self, tokens: Sequence[Token], position: int, previous: str) -> tuple[str, str, int] | None:
        token = tokens[position]
        if token.kind == "name" and token.text in self._names and previous not in _NOT_READ_AFTER:
            return token.text, token.text, position + 1
        if token.text == "(" and token.kind == "sign" and _is_group(previous):
            close = _closing(tokens, position)
            following = _significant(tokens, close + 1)
            if following < len(tokens) and tokens[following].text in (".", "?.", "["):
                return "(" + self.text(tokens[position + 1 : close]) + ")", "(…)", close + 1
        return None

    def _steps(self, tokens: Sequence[Token], position: int) -> list[_Step]:
        steps: list[_Step] = []
        while (step := self._step(tokens, position)) is not None:
            steps.append(step)
            position = step.end
        return steps

    def _step(self, tokens: Sequence[Token], position: int) -> _Step | None:
        at = _significant(tokens, position)
        if at >= len(tokens) or tokens[at].text not in (".", "?.", "["):
            return None
        optional = tokens[at].text == "?."
        if tokens[at].text != "[":
            at = _significant(tokens, at + 1)
            if at < len(tokens) and tokens[at].kind == "name" and not tokens[at].text.startswith("#"):
                name = tokens[at].text
                return _Step(json.dumps(name), optional, name, at + 1)
            if not optional or at >= len(tokens) or tokens[at].text != "[":
                return None
        close = _closing(tokens, at)
        inside = [token for token in tokens[at + 1 : close] if token.kind != "space"]
        if len(inside) == 1 and inside[0].kind in ("number", "string"):
            return _Step(inside[0].text, optional, None, close + 1)
        inner = self.text(tokens[at + 1 : close])
        # Computed only where there is something to read the property of.
        return _Step(f"()=>({inner}\n)" if "//" in inner else f"()=>({inner})", optional, None, close + 1) if inside else None


def _reading(base: str, label: str, steps: Sequence[_Step], *, quiet: bool = False) -> str:
    bits = _bits(steps) | (1 << len(steps) if quiet else 0)
    return f"$path$({','.join([base, json.dumps(label), str(bits), *(step.key for step in steps)])})"


def _bits(steps: Sequence[_Step]) -> int:
    return sum(1 << index for index, step in enumerate(steps) if step.optional)


def _significant(tokens: Sequence[Token], position: int) -> int:
    while position < len(tokens) and tokens[position].kind == "space":
        position += 1
    return position


def _is_call(tokens: Sequence[Token], position: int) -> str | None:
    """Whether a call stands here: "call" for `(` and templates, "optional" for `?.(`."""
    if position >= len(tokens):
        return None
    if tokens[position].text == "(" or tokens[position].kind == "template":
        return "call"
    following = _significant(tokens, position + 1)
    return "optional" if tokens[position].text == "?." and following < len(tokens) and tokens[following].text == "(" else None


def _is_group(previous: str) -> bool:
    """Whether a `(` behind this opens a group, and no call, condition or list of parameters."""
    if previous == "" or previous in _GROUP_AFTER_NAME:
        return True
    return not (previous in (")", "]", "}", "?.") or previous[-1] in "`'\"/" or previous[0].isalnum() or previous[0] in "_$#")


def _closing(tokens: Sequence[Token], position: int) -> int:
    depth = 0
    for index in range(position, len(tokens)):
        if tokens[index].kind != "sign":
            continue
        if tokens[index].text in "([{":
            depth += 1
        elif tokens[index].text in ")]}":
            depth -= 1
            if depth == 0:
                return index
    raise TokenizeError
