"""The action `findEmail`: the business address of a person."""

from __future__ import annotations

from cargo_ai.integrations.full_enrich.contacts import Contact, contact_action

ACTION = contact_action(
    "findEmail",
    "Find e-mail address",
    "Finds the business e-mail address of a person by name and company or LinkedIn, in about a minute; a credit for one that is found.",
    Contact,
    ("contact.work_emails",),
)
