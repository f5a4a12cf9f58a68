"""Update records: change every record that has a value of a field."""

from __future__ import annotations

from cargo_ai.integrations.pipedrive.writing import WRITES

ACTION = WRITES.update_records()
