"""Insert record: create one."""

from __future__ import annotations

from cargo_ai.integrations.attio.writing import WRITES

ACTION = WRITES.insert_record(
    "Creates a record; where another has a value of it that is unique, it fails. A call that got no answer is not repeated. "
    "Prefer Upsert records with a unique attribute."
)
