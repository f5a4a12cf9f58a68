"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from cargo_ai.integrations.attio.writing import WRITES

ACTION = WRITES.upsert_records(
    "Creates a record, or changes the one that has the same value of an attribute. One that is as wanted is left alone."
)
