"""What is wrong with the config of a model action before any run: models and columns that are not there, values that do not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from cargo_ai.actions.config.values import Schema, output
from cargo_ai.domains.storage.actions.model_nodes.config import COUNT, RECORD
from cargo_ai.engine.graph.action import Config, Models
from cargo_ai.engine.graph.check.finding import Finding, show, suggest
from cargo_ai.engine.graph.check.settled import Unknown, settle
from cargo_ai.kernel import ids
from cargo_ai.records.catalog import SYSTEM_COLUMNS, Relation
from cargo_ai.records.record_schema import record_schema
from cargo_ai.records.values import InvalidValue, quote_value, to_database

_MODELS = "see `cargo-ai storage model list`"

Part = Literal["matching", "value", "mappings"]
"""Of a config: the column to match by and what fits it; a matching value that is not empty; the values that are written."""


def model_of(config: Config, models: Models) -> Relation | None:
    """The model that the config names; None where that is not known before a run, or is not a model."""
    named = settle(config.get("modelUuid"))
    uid = ids.parse(str(named)) if isinstance(named, str) else None
    return None if uid is None else models.get(str(uid))


def inspect(config: Config, models: Models, *parts: Part) -> Iterable[Finding]:
    """The model, and the columns of these parts of the config."""
    if settle(config.get("modelUuid")) is Unknown.ANYTHING:
        return
    relation = model_of(config, models)
    if relation is None:
        slugs = {model.slug: uuid for uuid, model in models.items()}
        meant = slugs.get(str(config.get("modelUuid")))
        hint = f" The model of that slug is {meant}." if meant else f" See {_MODELS.removeprefix('see ')}."
        yield Finding("config.modelUuid", f"There is no model {show(config.get('modelUuid'))} in this workspace.{hint}")
        return
    if "matching" in parts:
        yield from _matching(config, relation)
    if "value" in parts and settle(config.get("matchingValue")) in (None, ""):
        yield Finding("config.matchingValue", "`matchingValue` is empty: without it, no record can be matched.")
    if "mappings" in parts:
        yield from _mappings(config, relation)


def _matching(config: Config, relation: Relation) -> Iterator[Finding]:
    path = "config.matchingColumnSlug"
    slug, value = settle(config.get("matchingColumnSlug")), settle(config.get("matchingValue"))
    if not isinstance(slug, str):
        return
    column = relation.column(slug)
    if column is None or column.slug in {"_title", "_time"} or column.is_computed_by_view:
        stored = [known.slug for known in relation.columns if not known.is_computed_by_view]
        meant = suggest(slug, ["_id", *stored])
        yield Finding(path, f"The model {relation.slug} has no stored column {slug} to find records by.{meant}")
    elif not isinstance(value, Unknown | list | Mapping):
        yield from _fits(value, column.type, "config.matchingValue", slug)


def _mappings(config: Config, relation: Relation) -> Iterator[Finding]:
    entries = settle(config.get("mappings"))
    if isinstance(entries, Mapping):
        for slug, value in cast("Mapping[str, Any]", entries).items():
            yield from _column(slug, value, relation, f"config.mappings.{slug}")
    for at, entry in enumerate(cast("list[Any]", entries) if isinstance(entries, list) else []):
        fields = settle(entry)
        if isinstance(fields, Mapping):
            fields = cast("Mapping[str, Any]", fields)
            yield from _column(settle(fields.get("columnSlug")), fields.get("value"), relation, f"config.mappings[{at}].columnSlug")


def _column(slug: object, value: Any, relation: Relation, path: str) -> Iterator[Finding]:
    if not isinstance(slug, str):
        return
    column = relation.column(slug)
    if slug in SYSTEM_COLUMNS:
        yield Finding(path, f"{slug} is a system column, which is not written.", doubt=True)
    elif column is None:
        meant = suggest(slug, [known.slug for known in relation.columns if known.writable])
        yield Finding(path, f"{slug} is not a column of {relation.slug}.{meant}")
    elif not column.writable:
        yield Finding(path, f"{slug} is a {column.kind} column and cannot be written.")
    else:
        known = settle(value)
        if not isinstance(known, Unknown | list | Mapping):
            yield from _fits(known, column.type, path, slug)


def _fits(value: Any, kind: Any, path: str, slug: str) -> Iterator[Finding]:
    try:
        to_database(value, kind)
    except InvalidValue as fault:
        yield Finding(path, f"{slug}: {quote_value(value)} {fault}.")


def record_of(config: Config, models: Models) -> Schema:
    """The JSON Schema of one record of the model."""
    relation = model_of(config, models)
    return RECORD if relation is None else record_schema(relation)


def written(config: Config, models: Models) -> Schema:
    """What `modelInsert` and `modelUpsert` give."""
    return output({"record": record_of(config, models), "isNew": {"type": "boolean"}}, ("record", "isNew"))


def changed(config: Config, models: Models) -> Schema:
    """What `modelUpdate` gives."""
    return output({"record": record_of(config, models), "count": COUNT}, ("record", "count"))
