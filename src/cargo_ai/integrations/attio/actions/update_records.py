"""Update records: change every record that has a value of an attribute."""

from __future__ import annotations

from cargo_ai.integrations.attio.writing import WRITES

ACTION = WRITES.update_records()
