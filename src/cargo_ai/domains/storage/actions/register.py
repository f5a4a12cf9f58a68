"""Plug: tells everybody about the model actions, and gives workers their effects."""

from __future__ import annotations

from typing import Any

from cargo_ai.context.plugins import NativeEffect, Parts, native_effects, plugin
from cargo_ai.domains.storage.actions.config import MAPPINGS, MATCHING, MODEL, schema
from cargo_ai.domains.storage.actions.group_commit import Grouped
from cargo_ai.domains.storage.actions.perform import ModelNodes, remove_records
from cargo_ai.domains.storage.actions.search import search_records

_RECORD: dict[str, Any] = {"type": ["object", "null"], "description": "The record, with its columns of every kind."}
_COUNT: dict[str, Any] = {"type": "integer"}

for _one in (
    NativeEffect(
        "modelInsert",
        "Insert a record",
        "Adds a record to a model.",
        "storage",
        "database-plus",
        schema({"modelUuid": MODEL, "mappings": MAPPINGS}, ("modelUuid", "mappings")),
        schema({"record": _RECORD, "isNew": {"type": "boolean"}}, ("record",)),
    ),
    NativeEffect(
        "modelUpdate",
        "Update records",
        "Changes all records of a model that have a value in a column.",
        "storage",
        "database-edit",
        schema({"modelUuid": MODEL, **MATCHING, "mappings": MAPPINGS}, ("modelUuid", "matchingColumnSlug", "matchingValue", "mappings")),
        schema({"record": _RECORD, "count": _COUNT}, ("record", "count")),
    ),
    NativeEffect(
        "modelUpsert",
        "Insert or update a record",
        "Changes the record that has a value in a column, or adds one.",
        "storage",
        "database-import",
        schema({"modelUuid": MODEL, **MATCHING, "mappings": MAPPINGS}, ("modelUuid", "matchingColumnSlug", "matchingValue", "mappings")),
        schema({"record": _RECORD, "isNew": {"type": "boolean"}}, ("record", "isNew")),
    ),
    NativeEffect(
        "modelSearch",
        "Search records",
        "Finds the records of a model that a filter matches.",
        "storage",
        "database-search",
        schema(
            {
                "modelUuid": MODEL,
                "filter": {"type": "object"},
                "sort": {"type": "array"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100},
            },
            ("modelUuid",),
        ),
        schema({"record": _RECORD, "records": {"type": "array"}, "count": _COUNT}, ("record", "records", "count")),
    ),
    NativeEffect(
        "modelRemove",
        "Remove records",
        "Removes all records of a model that have a value in a column.",
        "storage",
        "database-minus",
        schema({"modelUuid": MODEL, **MATCHING}, ("modelUuid", "matchingColumnSlug", "matchingValue")),
        schema({"count": _COUNT}, ("count",)),
    ),
):
    native_effects[_one.slug] = _one


@plugin
def plug(parts: Parts) -> None:
    """Let workers carry out the model actions."""
    effects, nodes, grouped = parts.actions.effects, ModelNodes(parts.database), Grouped(parts.database)
    effects["native:modelInsert"] = grouped.writing("insert")
    effects["native:modelUpdate"] = grouped.writing("update")
    effects["native:modelUpsert"] = grouped.writing("upsert")
    effects["native:modelSearch"] = nodes.performing(search_records)
    effects["native:modelRemove"] = nodes.performing(remove_records)
