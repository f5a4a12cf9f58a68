"""Update records: change every record that has a value of a property."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.writing import WRITES

ACTION = WRITES.update_records()
