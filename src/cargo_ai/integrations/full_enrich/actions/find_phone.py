"""The action `findPhone`: the mobile number of a person."""

from __future__ import annotations

from cargo_ai.integrations.full_enrich.contacts import Contact, contact_action

ACTION = contact_action(
    "findPhone",
    "Find telephone number",
    "Finds the mobile number of a person by name and company or LinkedIn, in about a minute; ten credits for one that is found.",
    Contact,
    ("contact.phones",),
)
