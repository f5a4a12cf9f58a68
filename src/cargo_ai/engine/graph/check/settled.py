"""What is known of config values before any run: everything, only that it is text, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, cast

from cargo_ai.engine.graph.check.finding import join
from cargo_ai.expression import template
from cargo_ai.expression.resolve import KINDS

Json = Any
DEEPEST: Final = 100


class Unknown(Enum):
    """A value that only a run brings."""

    TEXT = "text"
    ANYTHING = "anything"


def settle(value: Json) -> Json | Unknown:
    """The value where nothing in it is evaluated (its own parts may be), else what is known of it."""
    if isinstance(value, str):
        return _settle_text(value)
    if is_expression(value):
        return _settle_text(value["expression"]) if value["kind"] == "templateExpression" else Unknown.ANYTHING
    return value


def is_expression(value: Json) -> bool:
    """Whether it is an object that stands for the value of an expression."""
    if not isinstance(value, Mapping):
        return False
    fields = cast("Mapping[str, object]", value)
    return fields.get("kind") in KINDS and isinstance(fields.get("expression"), str)


def _settle_text(text: str) -> str | Unknown:
    if "{{" not in text:
        return text
    pieces = template.parse(text)
    literals = [piece for piece in pieces if isinstance(piece, str)]
    if len(literals) == len(pieces):
        return "".join(literals)
    return Unknown.ANYTHING if len(pieces) == 1 else Unknown.TEXT


def expressions(value: Json, path: str, skip: frozenset[str]) -> Iterator[tuple[str, Json]]:
    """Every text and object of a config that is evaluated, with its path. Values under the keys in `skip` are passed as they are."""
    ahead: list[tuple[Json, str, int]] = [(value, path, 0)]
    while ahead:
        part, where, depth = ahead.pop()
        if isinstance(part, str):
            if "{{" in part:
                yield where, part
        elif is_expression(part):
            yield where, part
        elif depth == DEEPEST:
            continue
        elif isinstance(part, dict):
            fields = cast("dict[str, Json]", part)
            ahead += [(held, join(where, key), depth + 1) for key, held in reversed(fields.items()) if key not in skip]
        elif isinstance(part, list):
            items = cast("list[Json]", part)
            ahead += [(items[at], join(where, at), depth + 1) for at in range(len(items) - 1, -1, -1)]


def template_of(value: Json) -> str:
    """The text of an expression that is a template; "" where it is JavaScript alone."""
    if isinstance(value, str):
        return value
    return str(value["expression"]) if value["kind"] == "templateExpression" else ""
