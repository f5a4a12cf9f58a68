"""Plan a request to the engine: what is sent for a set of expressions, worked out once and used for every run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

from pydantic_core import PydanticSerializationError, to_json

from cargo_ai.expression.dependencies import properties_read
from cargo_ai.expression.native.values import UNDEFINED, Scope
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


MAX_ROW_BYTES = 2_000
"""A longer value is parsed only when it is read, which rows are not."""


@dataclass(frozen=True, slots=True, eq=False)
class RequestPlan:
    """A set of questions over these names. `reads`: per name the properties that are read, None for any."""

    names: tuple[str, ...]
    definition: list[Any]
    """`[names, [[source, body], ...]]`, as the child takes it."""

    reads: tuple[frozenset[str] | None, ...]
    needed: tuple[tuple[str, str], ...] | None
    """Names and properties of theirs, where nothing but properties is read, which is nearly always."""

    row: bytes
    """`[value, ...]`, one for each name: what makes a row of the JSON of all that is needed, in that order."""


class LargeData(NamedTuple):
    """Data that is not a row: JSON texts of its parts, and lines that say what they are."""

    lines: str
    texts: tuple[bytes, ...]
    size: int


def plan_of(request: EngineRequest) -> RequestPlan:
    """The plan of a request's questions."""
    return _plan_within(tuple(request.scope), request.questions)


@lru_cache(maxsize=4096)
def _plan_within(scope: tuple[str, ...], questions: tuple[EngineExpression, ...]) -> RequestPlan:
    return _plan(_names(scope), questions)


@lru_cache(maxsize=4096)
def _plan(names: tuple[str, ...], questions: tuple[EngineExpression, ...]) -> RequestPlan:
    defined = [[question.source, question.body] for question in questions]
    reads = tuple(_union([properties_read(question.source, name) for question in questions]) for name in names)
    known = [(name, sorted(read)) for name, read in zip(names, reads, strict=True) if read is not None]
    needed = tuple((name, key) for name, keys in known for key in keys) if len(known) == len(names) else None
    row = b"[%b]" % b",".join([_object_of(keys) for _, keys in known])
    return RequestPlan(names, [list(names), defined], reads, needed, row)


def _object_of(keys: Sequence[str]) -> bytes:
    """What makes a JSON object of the texts of its values."""
    return b"{%b}" % b",".join([to_json(key).replace(b"%", b"%%") + b":%b" for key in keys])


def _union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [names for names in sets if names is not None]
    return frozenset[str]().union(*known) if len(known) == len(sets) else None


@lru_cache(maxsize=1024)
def _names(scope: tuple[str, ...]) -> tuple[str, ...]:
    """The names in scope, in a fixed order; nodes and parentNodes are always among them. What JavaScript cannot have as a name is not."""
    return tuple(sorted({*ALWAYS_THERE, *(name for name in scope if _NAME.fullmatch(name) and name not in _RESERVED)}))


def encode_data(request: EngineRequest, planned: RequestPlan) -> bytes | LargeData:
    """The data that the questions can read, as a row: the JSON of `[value, ...]`, one for each name. Raises ValueError for data that is not
    JSON."""
    row = None if planned.needed is None else _needed_row(request.scope, planned.row, planned.needed)
    return _encode(request, planned) if row is None or len(row) > MAX_ROW_BYTES else row


def _needed_row(scope: Scope, row: bytes, needed: Iterable[tuple[str, str]]) -> bytes | None:
    """The data as a row, where all that is needed is there."""
    texts: list[bytes] = []
    for name, key in needed:
        properties = scope.get(name)
        if not isinstance(properties, dict) or key not in properties:
            return None
        texts.append(json_text(cast("dict[str, object]", properties)[key]))
    return row % tuple(texts)


def _encode(request: EngineRequest, planned: RequestPlan) -> bytes | LargeData:
    lines: list[str] = []
    texts: list[bytes] = []
    values: list[bytes] = []
    for name, reads in zip(planned.names, planned.reads, strict=True):
        value = request.scope.get(name, UNDEFINED)
        # A dict is asked for first: the abstract class takes ten times as long.
        is_object = isinstance(value, dict) or isinstance(value, Mapping)  # noqa: SIM101
        if reads is not None and (is_object or not reads):  # where there are none, no question mentions it
            properties = cast("Mapping[str, object]", value if is_object else {})
            found = {key: json_text(properties[key]) for key in sorted(reads) if key in properties}
            lines += [f"{name}\t\t", *(f"{name}\t{key}" for key in found)]
            texts += found.values()
            values.append(_object_of(list(found)) % tuple(found.values()))
        else:
            lines.append(name)
            texts.append(UNDEFINED_TEXT if value is UNDEFINED else json_text(cast(object, value)))
            values.append(texts[-1])
    size = sum(map(len, texts))
    if size <= MAX_ROW_BYTES and UNDEFINED_TEXT not in texts:
        return b"[%b]" % b",".join(values)
    return LargeData("\n".join(lines), tuple(texts), size)


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
    raise TypeError(f"{type(value).__name__} is not JSON")
