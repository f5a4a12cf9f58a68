"""The paths that an expression reads of a run's context: those that begin with `nodes` or `parentNodes`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cargo_ai.expression.native.syntax import (
    Choice,
    Comparison,
    Constant,
    JavaScriptSyntaxError,
    Logical,
    Name,
    Node,
    Not,
    OutsideFastPath,
    Path,
    parse,
)
from cargo_ai.expression.native.values import UNDEFINED
from cargo_ai.expression.tokens import Token, TokenizeError, tokenize

ROOTS: Final = frozenset({"nodes", "parentNodes"})
LONGEST: Final = 2_000
"""Characters of an expression that is looked at where only the engine can read it whole; longer ones are taken as they are."""

_MAX_SLASHES: Final = 20  # each may begin a pattern, which is looked for
_GUARDS: Final = frozenset({"??", "||", "&&", "?", "??=", "||=", "&&=", "if", "try", "typeof", "in"})


@dataclass(frozen=True, slots=True)
class Read:
    """One path. `keys`: what follows the root, as far as it is known. `guarded`: the expression has something else in case that nothing is
    there; `optional`: the position of the first key that is read by `?.`."""

    root: str
    keys: tuple[str | int, ...]
    guarded: bool
    optional: int | None

    def __str__(self) -> str:
        return self.root + "".join(f".{key}" if isinstance(key, str) else f"[{key}]" for key in self.keys)


@lru_cache(maxsize=8192)
def reads(source: str, *, body: bool = False) -> tuple[Read, ...]:
    """Every path, in order. Errs towards none: a name that may mean something else is left out, and so is what is too long."""
    try:
        return tuple(dict.fromkeys(_of_tree(parse(source, body=body), guarded=False)))
    except (OutsideFastPath, RecursionError):
        pass
    except JavaScriptSyntaxError:
        return ()
    if len(source) > LONGEST or source.count("/") > _MAX_SLASHES:
        return ()
    try:
        tokens = tokenize(source)
        guarded = any(token.text in _GUARDS for token in tokens)
        return tuple(dict.fromkeys(_of_tokens(tokens, guarded=guarded)))
    except (TokenizeError, RecursionError, _Ambiguous):
        return ()


def _of_tree(node: Node, *, guarded: bool) -> Iterator[Read]:
    match node:
        case Constant() | Name():
            return
        case Path(base, steps):
            if isinstance(base, Name) and base.name in ROOTS:
                keys: list[str | int] = []
                for step in steps:
                    if not isinstance(step.key, str | int):
                        break
                    keys.append(step.key)
                optional = next((at for at, step in enumerate(steps) if step.optional), None)
                yield Read(base.name, tuple(keys), guarded, optional)
            else:
                yield from _of_tree(base, guarded=guarded)
            for step in steps:
                if not isinstance(step.key, str | int):
                    yield from _of_tree(step.key, guarded=guarded)
        case Not(operand):
            yield from _of_tree(operand, guarded=True)
        case Comparison(_, left, right):
            either = guarded or any(isinstance(side, Constant) and side.value in (None, UNDEFINED) for side in (left, right))
            yield from _of_tree(left, guarded=either)
            yield from _of_tree(right, guarded=either)
        case Logical(_, operands):
            for operand in operands:
                yield from _of_tree(operand, guarded=True)
        case Choice(cases, otherwise):
            for part in [*(part for case in cases for part in case), otherwise]:
                yield from _of_tree(part, guarded=True)


class _Ambiguous(Exception):
    """A root is used as something else than the beginning of a path, so that it may be another thing of this name."""


def _of_tokens(tokens: Sequence[Token], *, guarded: bool) -> Iterator[Read]:
    code = [token for token in tokens if token.kind != "space"]
    for at, token in enumerate(code):
        for part in token.inside:
            if not isinstance(part, str):
                yield from _of_tokens(part, guarded=guarded)
        if token.kind != "name" or token.text not in ROOTS or (at > 0 and code[at - 1].text in (".", "?.")):
            continue
        yield _path(code, at, guarded=guarded)


def _path(code: Sequence[Token], at: int, *, guarded: bool) -> Read:
    root, keys, optional = code[at].text, list[str | int](), None
    at += 1
    while (step := _step(code, at)) is not None:
        key, is_optional, at = step
        if is_optional and optional is None:
            optional = len(keys)
        keys.append(key)
    if not keys:
        raise _Ambiguous
    following = code[at] if at < len(code) else None
    if following is not None and (following.text in ("(", "?.") or following.kind == "template"):
        keys.pop()  # the name of a method, or `?.(`
    return Read(root, tuple(keys), guarded, optional)


def _step(code: Sequence[Token], at: int) -> tuple[str | int, bool, int] | None:
    """The key that is read here, whether by `?.`, and where it ends."""
    sign = code[at].text if at < len(code) else ""
    optional = sign == "?."
    if sign in (".", "?.") and at + 1 < len(code) and code[at + 1].kind == "name":
        return code[at + 1].text, optional, at + 2
    opening = at + 1 if optional else at
    if opening + 2 >= len(code) or code[opening].text != "[" or code[opening + 2].text != "]":
        return None
    inside = code[opening + 1]
    if inside.kind == "number" and inside.text.isdigit():
        return int(inside.text), optional, opening + 3
    if inside.kind != "string" or "\\" in inside.text:
        return None
    return json.loads('"' + inside.text[1:-1].replace('"', '\\"') + '"'), optional, opening + 3
