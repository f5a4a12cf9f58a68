"""Insert record: create one, whatever there is."""

from __future__ import annotations

from cargo_ai.integrations.hubspot.writing import WRITES

ACTION = WRITES.insert_record(
    "Creates a record. HubSpot has nothing that makes a repeated call harmless: where no answer came, it is not repeated. "
    "Prefer Upsert records with a unique property."
)
