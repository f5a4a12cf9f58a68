"""Rows of HubSpot: what a refusal means for one, and a record as actions give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.hubspot.records import RowError
from cargo_ai.integrations.kit import Failed

Json = Any
# What HubSpot says of one input of a batch that it could not get to; all else is the input's fault.
_TRANSIENT = {"INTERNAL_ERROR", "RATE_LIMITS", "TIMEOUT"}
_REASONS = {"CONFLICT": "conflict", "OBJECT_NOT_FOUND": "notFound", "MISSING_SCOPES": "forbidden"}


def failure_of(error: RowError) -> Failed:
    """What a row becomes that HubSpot refused."""
    transient = error.category in _TRANSIENT
    return Failed(error.message, transient=transient, reason=_REASONS.get(error.category, "invalidRequest"))


def shown(record: Mapping[str, Json]) -> dict[str, Json]:
    """A record as actions give it."""
    names = ("id", "properties", "createdAt", "updatedAt", "archived", "url")
    return {name: record.get(name) for name in names}


def values_of(record: Mapping[str, Json]) -> dict[str, str]:
    """The values of a record; what has none is the empty text."""
    properties = cast("Mapping[str, Json]", record.get("properties") or {})
    return {name: "" if value is None else str(value) for name, value in properties.items()}
