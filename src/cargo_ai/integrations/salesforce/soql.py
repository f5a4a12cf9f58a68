"""SOQL: queries of checked names and escaped values; a condition of a user's own takes its values as parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.integrations.kit import InvalidConfig
from cargo_ai.integrations.salesforce.describe import Described
from cargo_ai.integrations.salesforce.records import MAX_QUERY, length_of
from cargo_ai.integrations.salesforce.values import checked_name, literal, quoted

Json = Any
JsonObject = Mapping[str, Json]

MAX_VALUES = 200
_PATH_PARTS = 6
_PARAMETER = re.compile(r"(?<![\w:]):([A-Za-z]\w*)")
_TYPES = ("date", "datetime", "startsWith", "contains")
_LIKE = re.compile(r"[%_]")
_TIMES = {"date": "date", "datetime": "datetime"}


def checked_path(path: str) -> str:
    """A field, or one of a parent: `Account.Owner.Name`."""
    parts = path.split(".")
    if len(parts) > _PATH_PARTS:
        raise InvalidConfig(f"{path[:100]!r} goes over more than {_PATH_PARTS - 1} parents.")
    return ".".join(checked_name(part) for part in parts)


def fields_of(names: Sequence[str]) -> list[str]:
    """What is selected: the id and these fields, each once."""
    distinct = {path.lower(): path for path in map(checked_path, names)}
    distinct.pop("id", None)
    return ["Id", *distinct.values()]


def select(names: Sequence[str], object_type: str, condition: str = "", order: str = "", limit: int | None = None) -> str:
    """A query. The condition is SOQL that is made here, or has passed `condition_of`."""
    # Names are checked, and there is nothing else in it.
    text = f"SELECT {', '.join(fields_of(names))} FROM {checked_name(object_type, 'object')}"  # noqa: S608
    text += f" WHERE {condition}" if condition else ""
    text += f" ORDER BY {order}" if order else ""
    return text if limit is None else f"{text} LIMIT {limit}"


def by_values(described: Described, name: str, keys: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Queries for the records with these values of a field, in parts that fit into an address; the oldest first."""
    definition = described.wanted(name)
    field = str(definition["name"])
    selected = [*names, field]
    start = length_of(select(selected, described.name, f"{field} IN ()", "Id"))
    part: list[str] = []
    length = start
    for text in dict.fromkeys(literal(definition, key) for key in keys):
        size = length_of(f"{text},")
        if start + size > MAX_QUERY:
            raise InvalidConfig(f"too many fields are read, or a value of {field} is too long, for one query.")
        if part and (len(part) >= MAX_VALUES or length + size > MAX_QUERY):
            yield select(selected, described.name, f"{field} IN ({','.join(part)})", "Id")
            part, length = [], start
        part.append(text)
        length += size
    if part:
        yield select(selected, described.name, f"{field} IN ({','.join(part)})", "Id")


def condition_of(where: str, parameters: JsonObject) -> str:
    """A user's condition in brackets, each `:name` replaced by the value of that parameter. InvalidConfig for one in which a value stands.

    A text could end itself in the middle of the condition and go on as SOQL: texts come as parameters only, which are escaped.
    """
    if not where.strip():
        return ""
    if any(mark in where for mark in "'\\\""):
        raise InvalidConfig("`where` holds no texts in quotes: write `Name = :name`, and the text as `name` in `parameters`.")
    depth = 0
    for character in where:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if depth:
        raise InvalidConfig("`where` opens or closes a bracket too often.")

    def replaced(found: re.Match[str]) -> str:
        if found[1] not in parameters:
            raise InvalidConfig(f"`where` names the parameter :{found[1]}, and `parameters` has no {found[1]}.")
        return _text(found[1], parameters[found[1]])

    return f"({_PARAMETER.sub(replaced, where)})"


def _text(name: str, value: Json) -> str:
    """A parameter as it stands in SOQL."""
    if isinstance(value, list):
        values = cast("list[Json]", value)
        if not values or len(values) > MAX_VALUES or any(isinstance(each, list) for each in values):
            raise InvalidConfig(f"`parameters`: {name} has {len(values)} values; a list has 1 to {MAX_VALUES}, and no lists in it.")
        return f"({','.join(_text(name, each) for each in values)})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return literal(
            {"type": "double", "name": name}, f"{value:.15f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        )
    if isinstance(value, str):
        return quoted(value)
    typed: JsonObject = cast("JsonObject", value) if isinstance(value, dict) else {}
    kind, inner = typed.get("type"), typed.get("value")
    if kind not in _TYPES or not isinstance(inner, str) or len(typed) != 2:
        raise InvalidConfig(f"`parameters`: {name} is not a text, number, boolean, null, list, or {{type, value}} of {', '.join(_TYPES)}.")
    if kind in _TIMES:
        return literal({"type": _TIMES[str(kind)], "name": name}, inner)
    # In a pattern, % and _ of the value stand for themselves.
    escaped = _LIKE.sub(lambda mark: f"\\{mark[0]}", quoted(inner)[1:-1])
    return f"'{escaped}%'" if kind == "startsWith" else f"'%{escaped}%'"
