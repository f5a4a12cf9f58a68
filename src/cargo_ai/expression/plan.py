"""Plan a request to the engine: what is sent for a set of expressions, worked out once and used for every run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_json

from cargo_ai.expression.dependencies import properties_read
from cargo_ai.expression.native.values import UNDEFINED
from cargo_ai.expression.requests import EngineExpression, EngineRequest

ALWAYS_THERE = ("nodes", "parentNodes")
UNDEFINED_TEXT = b"undefined"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    """
    arguments async await break case catch class const continue debugger default delete do else enum eval export extends false finally for
    function if implements import in instanceof interface let new null package private protected public return static super switch this
    throw true try typeof var void while with yield
    """.split()  # noqa: SIM905 - a table of words
)


@dataclass(frozen=True, slots=True, eq=False)
class RequestPlan:
    """A set of questions over these names. `reads`: per name the properties that are read, None for any."""

    names: tuple[str, ...]
    definition: list[Any]
    """`[names, [[source, body], ...]]`, as the child takes it."""

    reads: tuple[frozenset[str] | None, ...]
    needed: tuple[tuple[str, tuple[str, ...]], ...] | None
    """The same where only properties are read, which is nearly always: those of each name, without names that are not read."""

    lines: str
    """The lines of data in which all that is needed is there."""


@lru_cache(maxsize=4096)
def plan_request(names: tuple[str, ...], questions: tuple[EngineExpression, ...]) -> RequestPlan:
    """The plan of these questions."""
    defined = [[question.source, question.body] for question in questions]
    reads = tuple(_union([properties_read(question.source, name) for question in questions]) for name in names)
    known = [(name, tuple(sorted(read))) for name, read in zip(names, reads, strict=True) if read is not None]
    lines = [line for name, keys in known for line in (f"{name}\t\t", *(f"{name}\t{key}" for key in keys))]
    needed = tuple((name, keys) for name, keys in known if keys) if len(known) == len(names) else None
    return RequestPlan(names, [list(names), defined], reads, needed, "\n".join(lines))


def _union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [names for names in sets if names is not None]
    return frozenset[str]().union(*known) if len(known) == len(sets) else None


def names_of(request: EngineRequest) -> tuple[str, ...]:
    """The names in scope, in a fixed order; nodes and parentNodes are always among them. What JavaScript cannot have as a name is not."""
    return _names(tuple(request.scope))


@lru_cache(maxsize=1024)
def _names(scope: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*ALWAYS_THERE, *(name for name in scope if _NAME.fullmatch(name) and name not in _RESERVED)}))


def encode_data(request: EngineRequest, planned: RequestPlan) -> tuple[str, list[bytes]]:
    """The data that the questions can read: lines for the child's kernel and the JSON texts that belong to them.

    Raises ValueError for data that is no JSON.
    """
    return _encode_needed(request, planned) or _encode(request, planned)


def _encode_needed(request: EngineRequest, planned: RequestPlan) -> tuple[str, list[bytes]] | None:
    """The data where all that is needed is there."""
    if planned.needed is None:
        return None
    texts: list[bytes] = []
    for name, keys in planned.needed:
        properties = request.scope.get(name)
        if not isinstance(properties, dict):
            return None
        for key in keys:
            if key not in properties:
                return None
            texts.append(json_text(cast("dict[str, object]", properties)[key]))
    return planned.lines, texts


def _encode(request: EngineRequest, planned: RequestPlan) -> tuple[str, list[bytes]]:
    lines: list[str] = []
    texts: list[bytes] = []
    for name, reads in zip(planned.names, planned.reads, strict=True):
        if reads is not None and not reads:  # no question mentions it
            lines.append(f"{name}\t\t")
            continue
        value = request.scope.get(name, UNDEFINED)
        # A dict is asked for first: the abstract class takes ten times as long.
        if reads is not None and (isinstance(value, dict) or isinstance(value, Mapping)):  # noqa: SIM101
            properties = cast("Mapping[str, object]", value)
            lines.append(f"{name}\t\t")
            for key in sorted(reads & properties.keys()) if len(reads) > 1 else reads:
                if key in properties:
                    lines.append(f"{name}\t{key}")
                    texts.append(json_text(properties[key]))
        else:
            lines.append(name)
            texts.append(UNDEFINED_TEXT if value is UNDEFINED else json_text(value))
    return "\n".join(lines), texts


def json_text(value: object) -> bytes:
    """The value as JSON. Raises ValueError for what cannot be JSON."""
    try:
        try:
            return to_json(value, inf_nan_mode="null", fallback=_to_dict)
        except (PydanticSerializationError, UnicodeEncodeError):  # half a character, which JSON can only have escaped
            return json.dumps(value, default=_to_dict).encode()
    except (RecursionError, TypeError) as error:
        raise ValueError(str(error)) from None


def _to_dict(value: object) -> object:
    """A mapping that decodes lazily, as a plain one."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"{type(value).__name__} is no JSON")
