"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from cargo_ai.integrations.salesforce.records import MAX_INPUTS
from cargo_ai.integrations.salesforce.writing import WRITES

ACTION = WRITES.upsert_records(
    f"Creates a record, or changes the one that has the same value of a field. Of a batch, {MAX_INPUTS} rows go in one call."
)
