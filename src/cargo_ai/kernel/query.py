"""Encode and decode query strings with brackets: `ids[]=1`, `filter[a][0]=b`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import parse_qsl, quote

MAXIMUM_DEPTH = 8
MAXIMUM_PAIRS = 5_000


class QueryError(ValueError):
    """The query string cannot be read; the message says why."""


def encode(values: dict[str, Any]) -> str:
    """A query string for a JSON object: lists as `k[]=` (of scalars) or `k[0][x]=`; booleans true/false; None left out."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        _flatten(key, value, pairs)
    return "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs)


def _flatten(key: str, value: Any, pairs: list[tuple[str, str]]) -> None:
    if value is None:
        return
    if isinstance(value, dict):
        for inner, item in cast("dict[str, Any]", value).items():
            _flatten(f"{key}[{inner}]", item, pairs)
    elif isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        plain = not any(isinstance(item, (dict, list, tuple)) for item in items)
        for index, item in enumerate(items):
            _flatten(f"{key}[]" if plain else f"{key}[{index}]", item, pairs)
    elif isinstance(value, bool):
        pairs.append((key, "true" if value else "false"))
    else:
        pairs.append((key, str(value)))


def decode(text: str) -> dict[str, Any]:
    """The JSON object of a query string; all scalars are strings. Repeated plain keys: the last wins.

    Raises QueryError when it is nested deeper than 8 or has more than 5,000 pairs. O(n) in its length.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAXIMUM_PAIRS, errors="strict")
    except UnicodeDecodeError as error:
        raise QueryError("The query string is not UTF-8.") from error
    except ValueError as error:
        raise QueryError(f"The query string has more than {MAXIMUM_PAIRS:,} fields.") from error
    root: dict[str, Any] = {}
    for key, value in pairs:
        _place(root, _path(key), value)
    return {key: _settle(value) for key, value in root.items()}


def _path(key: str) -> list[str]:
    head, bracket, rest = key.partition("[")
    if not bracket or not rest.endswith("]") or not head:
        return [key]
    parts = [head, *rest[:-1].split("][")]
    if len(parts) > MAXIMUM_DEPTH:
        raise QueryError(f"The query parameter {key[:80]} is nested too deeply (at most {MAXIMUM_DEPTH}).")
    return parts


def _place(node: dict[str, Any], path: list[str], value: str) -> None:
    for here, following in zip(path, [*path[1:], None], strict=True):
        name = str(len(node)) if here == "" else here
        if following is None:
            node[name] = value
            return
        inner = node.get(name)
        if not isinstance(inner, dict):
            inner = _Branch()
            node[name] = inner
        if following == "":
            inner = cast("_Branch", inner)
            inner.listed = True
        node = cast("dict[str, Any]", inner)


class _Branch(dict[str, Any]):
    """A bracketed level while it is being read; becomes a list when its keys are 0..n-1 or it was written `[]`."""

    listed = False


def _settle(value: Any) -> Any:
    if not isinstance(value, _Branch):
        return value
    if value.listed or _is_run(value.keys()):
        return [_settle(item) for item in value.values()]
    return {key: _settle(item) for key, item in value.items()}


def _is_run(keys: Iterable[str]) -> bool:
    return all(key == str(index) for index, key in enumerate(keys))
