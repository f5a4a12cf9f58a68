"""Insert record: create one, whatever there is."""

from __future__ import annotations

from cargo_ai.integrations.salesforce.writing import WRITES

ACTION = WRITES.insert_record(
    "Creates a record. Salesforce has nothing that makes a repeated call harmless: where no answer came, it is not repeated. "
    "Prefer Upsert records with an external id."
)
