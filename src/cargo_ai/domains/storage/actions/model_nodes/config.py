"""Configs of the model actions: the model, the matched records, and the values of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.records.catalog import Relation
from cargo_ai.records.values import InvalidValue, quote_value, to_database

Policy = Literal["overwrite", "fillEmpty", "keepOnNull"]
POLICIES: tuple[str, ...] = get_args(Policy)

MODEL: dict[str, Any] = {"type": "string", "minLength": 1, "description": "The uuid of the model."}
MAPPINGS: dict[str, Any] = {
    "type": ["array", "object"],
    "description": "What goes into which column: a list, or an object {column: value}.",
    "items": {
        "type": "object",
        "properties": {
            "columnSlug": {"type": "string", "minLength": 1},
            "value": {},
            "policy": {
                "enum": list(POLICIES),
                "default": "overwrite",
                "description": "overwrite; fillEmpty: only where the column is empty; keepOnNull: null leaves what is there.",
            },
        },
        "required": ["columnSlug"],
    },
}
MATCHING: dict[str, Any] = {
    "matchingColumnSlug": {"type": "string", "minLength": 1, "description": "The column that the records are found by."},
    "matchingValue": {"description": "The value that it must have."},
}
RECORD: dict[str, Any] = {"type": ["object", "null"], "description": "The record, with its columns of every kind."}
COUNT: dict[str, Any] = {"type": "integer"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """What goes into one column, and when."""

    column: str
    value: Any
    policy: Policy


def mappings(config: Mapping[str, Any], *, required: bool = True) -> list[Mapped]:
    """`mappings[{columnSlug, value, policy}]`; an object `{column: value}` is understood too. InvalidConfig where it is neither."""
    entries: object = config.get("mappings")
    if isinstance(entries, Mapping):
        return [Mapped(str(slug), value, "overwrite") for slug, value in cast("Mapping[str, Any]", entries).items()]
    if entries is None and not required:
        return []
    if not isinstance(entries, list):
        raise InvalidConfig("The config needs `mappings`: a list of {columnSlug, value}.")
    return [_mapped(entry, number) for number, entry in enumerate(cast("list[object]", entries))]


def _mapped(entry: object, number: int) -> Mapped:
    fields = cast("Mapping[str, Any]", entry) if isinstance(entry, Mapping) else dict[str, Any]()
    slug, policy = fields.get("columnSlug"), fields.get("policy") or "overwrite"
    if not isinstance(slug, str) or not slug:
        raise InvalidConfig(f"`mappings[{number}]` has no `columnSlug`.")
    if policy not in POLICIES:
        raise InvalidConfig(f"`mappings[{number}].policy` is {policy!r}; it takes {', '.join(POLICIES)}.")
    return Mapped(slug, fields.get("value"), cast("Policy", policy))


def values(mapped: list[Mapped]) -> dict[str, Any]:
    """What a new record gets: every mapping; policies only matter where something is there already."""
    return {mapping.column: mapping.value for mapping in mapped}


def merged(mapped: list[Mapped], record: Mapping[str, Any]) -> dict[str, Any]:
    """What changes of a record that is there, given what it has (JSON values by plain slug)."""
    changes: dict[str, Any] = {}
    for mapping in mapped:
        present = record.get(
            mapping.column.partition("__")[2] if "__" in mapping.column and mapping.column not in record else mapping.column
        )
        if mapping.policy == "fillEmpty" and present not in (None, "", [], {}):
            continue
        if mapping.policy in {"keepOnNull", "fillEmpty"} and mapping.value is None:
            continue
        changes[mapping.column] = mapping.value
    return changes


def matched(relation: Relation, config: Mapping[str, Any]) -> tuple[str, str | None]:
    """The matching column, and its value as the database reads it. InvalidConfig where either is wrong."""
    slug: object = config.get("matchingColumnSlug")
    if not isinstance(slug, str) or not slug:
        raise InvalidConfig("The config needs `matchingColumnSlug`: the column that the record is found by.")
    column = relation.column(slug)
    if column is None or column.slug in {"_title", "_time"} or column.is_computed_by_view:
        raise InvalidConfig(f"The model {relation.slug} has no stored column {slug} to find records by.")
    value: Any = config.get("matchingValue")
    try:
        return column.slug, to_database(value, column.type)
    except InvalidValue as fault:
        raise InvalidConfig(f"`matchingValue` for {slug}: {quote_value(value)} {fault}.") from None
