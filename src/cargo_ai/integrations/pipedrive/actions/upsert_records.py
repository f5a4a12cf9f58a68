"""Upsert records: create those that are missing, change those that exist."""

from __future__ import annotations

from cargo_ai.integrations.pipedrive.writing import WRITES

ACTION = WRITES.upsert_records("Changes the record that has a value of a field, or creates one. One that is as wanted is left alone.")
