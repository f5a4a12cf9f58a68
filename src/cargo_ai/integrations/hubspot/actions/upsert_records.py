"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.records import MAX_INPUTS
from cargo_ai.integrations.hubspot.writing import WRITES

ACTION = WRITES.upsert_records(
    f"Creates a record, or changes the one that has the same value of a property. Of a batch, {MAX_INPUTS} rows go in one call."
)
