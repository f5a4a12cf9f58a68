"""The action `enrichContact`: addresses and numbers of a person, by one search."""

from __future__ import annotations

from cargo_ai.integrations.full_enrich.contacts import EnrichedContact, contact_action

ACTION = contact_action(
    "enrichContact",
    "Enrich contact",
    "Finds addresses and mobile numbers of a person by one search, with their profile; charged by what is found.",
    EnrichedContact,
    (),
)
