"""Groups: read the items of a group node and collect their results. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

from pydantic_core import PydanticSerializationError, to_json

from cargo_ai.engine.graph.action import Done, Failed, Json

MAXIMUM_DEPTH = 5
MAXIMUM_ITEMS = 10_000
MAXIMUM_DESCENDANTS = 100_000
MAXIMUM_BYTES = 16 * 1024 * 1024

TOO_DEEP = f"Groups and tools can be nested {MAXIMUM_DEPTH} deep, and this one would be deeper. Does a tool run itself?"
TOO_MANY = f"With these, more than {MAXIMUM_DESCENDANTS:,} runs would be below one run; that is the limit."


class ItemResult(NamedTuple):
    """What became of one item: `output` is that of its `end`, None where it came to none."""

    status: Literal["success", "error", "cancelled"]
    output: Json = None
    error: str | None = None
    credits: float = 0.0
    is_unknown: bool = False
    """It failed at a node that may have taken effect all the same."""


def read_items(config: Mapping[str, Json]) -> list[dict[str, Json]] | Failed:
    """The input records of the items: an object is its own record, anything else is `{value}`."""
    items = config.get("items")
    if not isinstance(items, list):
        shown = "null, or its path leads nowhere" if items is None else f"of type {_type(items)}"
        return Failed(f"`items` must be a list, and it is {shown}.")
    listed = cast("list[Any]", items)
    if len(listed) > MAXIMUM_ITEMS:
        return Failed(f"The group has {len(listed):,} items; the limit is {MAXIMUM_ITEMS:,}. Split the list, or start a batch.")
    return [cast("dict[str, Any]", item) if isinstance(item, dict) else {"value": item} for item in listed]


def to_records(items: Sequence[Mapping[str, Json]]) -> list[bytes] | Failed:
    """The records as JSON; Failed when they are none, or too large together."""
    try:
        records = [to_json(item, inf_nan_mode="null") for item in items]
    except (PydanticSerializationError, UnicodeEncodeError, ValueError, RecursionError) as error:
        return Failed(f"An item is not JSON: {str(error)[:120]}")
    size = sum(map(len, records))
    if size > MAXIMUM_BYTES:
        return Failed(f"The items have {size:,} bytes together; the limit is {MAXIMUM_BYTES:,}.")
    return records


def fails_fast(config: Mapping[str, Json]) -> bool:
    """Whether the node fails with its first item that fails."""
    return config.get("failOnItemFailure") in (True, "true")


def collect_results(results: Mapping[int, ItemResult], size: int, *, fail_fast: bool) -> Done | Failed:
    """The node's outcome: the outputs in the order of the items, null for an item that failed unless that fails the node.

    With `fail_fast`, `results` may lack items that were given up.
    """
    spent = float(sum(result.credits for result in results.values()))
    # What was cancelled was so because of what failed: that comes first.
    bad = [item for item, result in results.items() if result.status != "success"]
    bad.sort(key=lambda item: (results[item].status == "cancelled", item))
    if bad and fail_fast:
        unknown = any(results[item].is_unknown for item in bad)
        return Failed(_describe(bad[0], size, results[bad[0]]), transient=True, credits=spent, sent=unknown)
    outputs = [results[item].output if item in results else None for item in range(size)]
    title = f"{size} item{'' if size == 1 else 's'}" + (f", {len(bad)} failed" if bad else "")
    warnings = (f"{len(bad)} of {size} items failed. {_describe(bad[0], size, results[bad[0]])}",) if bad else ()
    return Done(outputs, title, credits=spent, warnings=warnings)


def _describe(item: int, size: int, result: ItemResult) -> str:
    why = "it was cancelled." if result.status == "cancelled" else result.error or "it failed."
    return f"Item {item} (of {size}, counted from 0): {why}"


def _type(value: object) -> str:
    if isinstance(value, str):
        return "text"
    return "object" if isinstance(value, dict) else "boolean" if isinstance(value, bool) else "number"
