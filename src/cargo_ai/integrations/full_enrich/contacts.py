"""Contacts: who is looked for, and what is found of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.full_enrich.batches import MAX, Batches
from cargo_ai.integrations.kit import ConnectorAction, Done, Form, InvalidConfig, RowBatch, connector_action, ui
from cargo_ai.integrations.kit.calls.jobs import job_of
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.rows import batched

Json = Any
JsonObject = Mapping[str, Json]
TEXT: JsonObject = {"type": ["string", "null"]}
PATH = "/contact/enrich/bulk"


def text_field(title: str, description: str | None = None) -> Any:
    """A text that may be left out; an empty one counts as left out."""
    return Field(default="", title=title, description=description, max_length=500, json_schema_extra=ui(widget="ExpressionWidget"))


class Contact(Form):
    """Who it is: by name and company, or by LinkedIn."""

    first_name: str = text_field("First name")
    last_name: str = text_field("Last name")
    domain_name: str = text_field("Domain", "Of the company; better than its name.")
    company_name: str = text_field("Company")
    linkedin_url: str = text_field("LinkedIn", "Of the person; finds the most.")

    def entry(self) -> dict[str, Json]:
        """As FullEnrich names it. InvalidConfig where it is not enough."""
        values = {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "domain": self.domain_name,
            "company_name": self.company_name,
            "linkedin_url": self.linkedin_url,
        }
        given: dict[str, Json] = {name: text.strip() for name, text in values.items() if text.strip()}
        named = given.keys() >= {"first_name", "last_name"} and given.keys() & {"domain", "company_name"}
        if not named and "linkedin_url" not in given:
            raise InvalidConfig("Give `firstName`, `lastName` and a `domainName` or `companyName`, or a `linkedinUrl`.")
        return given


OUTPUT: JsonObject = {
    "type": "object",
    "properties": {
        "found": {"type": "boolean"},
        "email": {**TEXT, "description": "The likeliest business address."},
        "emailStatus": {**TEXT, "description": "DELIVERABLE, HIGH_PROBABILITY, CATCH_ALL, INVALID or INVALID_DOMAIN."},
        "personalEmail": TEXT,
        "phone": TEXT,
        "phoneRegion": TEXT,
        "contact": {"type": ["object", "null"], "description": "All that was found, by FullEnrich's names."},
        "profile": {"type": ["object", "null"], "description": "The person and their employment, by FullEnrich's names."},
    },
    "required": ["found", "email", "emailStatus", "personalEmail", "phone", "phoneRegion", "contact", "profile"],
}


def done_of(result: JsonObject) -> Done:
    """What was found of a contact."""

    def first(path: str) -> Json:
        return next(at(result, f"contact_info.{path}"), None) or None

    output = {
        "email": first("most_probable_work_email.email"),
        "emailStatus": first("most_probable_work_email.status"),
        "personalEmail": first("most_probable_personal_email.email"),
        "phone": first("most_probable_phone.number"),
        "phoneRegion": first("most_probable_phone.region"),
    }
    found = [output[name] for name in ("email", "personalEmail", "phone") if output[name]]
    more = {"contact": result.get("contact_info"), "profile": result.get("profile")}
    return Done({"found": bool(found), **output, **more}, str(found[0]) if found else "Nothing found")


def contact_action(slug: str, name: str, description: str, form: type[Contact], fields: tuple[str, ...]) -> ConnectorAction:
    """An action that looks for something of a contact. fields: what FullEnrich is asked for."""

    def entry(contact: Contact) -> JsonObject:
        return {**contact.entry(), "enrich_fields": wanted_of(contact, fields)}

    batches = Batches[Contact](PATH, f"cargo-ai {slug}", entry, done_of)
    return connector_action(
        form,
        slug=slug,
        name=name,
        description=description,
        hint="writes",
        idempotency="none",
        awaits=True,
        # What was paid for once may be given again.
        cacheable=lambda done: done.output["found"],
        output_schema=OUTPUT,
        rows=RowBatch(perform=batched(form, batches.act), max=MAX, alike=job_of),
    )


class EnrichedContact(Contact):
    """Who it is, and what is looked for."""

    emails: bool = Field(default=True, title="Business addresses", description="A credit for one that is found.")
    personal_emails: bool = Field(default=False, title="Personal addresses", description="Three credits for one that is found.")
    phones: bool = Field(default=False, title="Mobile numbers", description="Ten credits for one that is found.")


def wanted_of(contact: Contact, fields: tuple[str, ...]) -> list[str]:
    """What FullEnrich is asked for. InvalidConfig where that is nothing."""
    if not isinstance(contact, EnrichedContact):
        return list(fields)
    chosen = {"contact.work_emails": contact.emails, "contact.personal_emails": contact.personal_emails, "contact.phones": contact.phones}
    wanted = [name for name, value in chosen.items() if value]
    if not wanted:
        raise InvalidConfig("Choose `emails`, `personalEmails` or `phones`.")
    return wanted
