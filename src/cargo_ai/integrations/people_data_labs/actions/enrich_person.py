"""The action `enrichPerson`: all that is known of one person."""

from __future__ import annotations

from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, connector_action
from cargo_ai.integrations.people_data_labs.enriching import enrich, may_repeat
from cargo_ai.integrations.people_data_labs.fields import PERSON, Matching, enriched, names_field, text_field

_ALONE = {"pdl_id", "email", "phone", "profile", "lid"}
_BESIDE = {"company", "school", "location", "locality", "region", "country", "birth_date"}


class EnrichPerson(Matching):
    """Who it is: the more is given, the surer is the match."""

    email: str = text_field("E-mail address")
    profile: str = text_field("Profile", "Of LinkedIn, Facebook, GitHub and others.")
    phone: str = text_field("Telephone number", "With the country's number, as in +49….")
    name: str = text_field("Full name")
    first_name: str = text_field("First name")
    last_name: str = text_field("Last name")
    company: str = text_field("Company", "Its name or website.")
    school: str = text_field("School")
    location: str = text_field("Place", "In any form, from a street to a country.")
    locality: str = text_field("City")
    region: str = text_field("Region")
    country: str = text_field("Country")
    birth_date: str = text_field("Birth date", "A year, or YYYY-MM-DD.")
    lid: str = text_field("LinkedIn number")
    pdl_id: str = text_field("Id", "Of People Data Labs; everything else is then ignored.")
    data_include: list[str] = names_field()


async def perform(request: ActionRequest) -> Outcome:
    """The person who fits best."""
    query = request.form(EnrichPerson).query()
    named = "name" in query or query.keys() >= {"first_name", "last_name"}
    if not query.keys() & _ALONE and not (named and query.keys() & _BESIDE):
        raise InvalidConfig("Give an `email`, `phone`, `profile` or `pdlId`, or a name and a `company`, `school`, place or `birthDate`.")
    return await enrich(request, "/person/enrich", query, "full_name")


ACTION = connector_action(
    EnrichPerson,
    slug="enrichPerson",
    name="Enrich person",
    description="Finds one person by address, profile, telephone number or name, with all that is known; a credit for a match.",
    hint="writes",
    idempotency="none",
    cacheable=may_repeat,
    output_schema=enriched("person", PERSON),
    perform=perform,
)
