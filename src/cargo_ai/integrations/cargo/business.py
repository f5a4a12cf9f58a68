"""Businesses: their ids, which say who knows them, and what is known of one in the words of Cargo's data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.cargo.account import Answering
from cargo_ai.integrations.kit import ActionRequest, InvalidConfig, Outcome, read
from cargo_ai.integrations.kit.answering import Answerer, Facade, answer
from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

BECAUSE = "the data that Cargo sells is its own"


@dataclass(frozen=True, slots=True)
class Source:
    """A service that knows businesses. match: what it is asked with, by a domain and a name. get: by its id of one. record: the one in
    its output. id_at: where its id is. paths: where the values of Cargo's fields are, the first that is there counts."""

    slug: str
    action: str
    match: Callable[[str, str], JsonObject]
    get: Callable[[str], JsonObject]
    record: str
    id_at: str
    paths: Mapping[str, Sequence[str]]

    def translate(self, fields: Sequence[str]) -> Callable[[Json], JsonObject]:
        """Its output as the business with these fields; None for what it does not know."""

        def business(output: Json) -> JsonObject:
            record = output[self.record] if output["found"] else None
            known = {name: _first(record, self.paths.get(name, ())) for name in fields}
            key = _first(record, (self.id_at,))
            return {"found": record is not None, "business_id": f"{self.slug}:{key}" if key else None, **known}

        return business


def _first(record: Json, paths: Sequence[str]) -> Json:
    """Plans without some data have `true` there."""
    values: Iterator[Json] = (next(at(record, path), None) for path in paths)
    return next((value for value in values if value not in (None, "", True)), None)


def _of_people_data_labs(domain: str, name: str) -> JsonObject:
    given = {"website": domain, "name": name}
    return {"titlecase": True, **{key: text for key, text in given.items() if text}}


def _of_apollo(domain: str, name: str) -> JsonObject:
    return {"domain": domain} if domain else {"name": name}


SOURCES = (
    Source(
        slug="peopleDataLabs",
        action="enrichCompany",
        match=_of_people_data_labs,
        get=lambda key: {"pdlId": key, "titlecase": True},
        record="data",
        id_at="id",
        paths={
            "name": ("display_name", "name"),
            "website": ("website",),
            "business_description": ("summary", "headline"),
            "linkedin_industry_category": ("industry_v2", "industry"),
            "linkedin_profile": ("linkedin_url",),
            "number_of_employees": ("employee_count",),
            "number_of_employees_range": ("size",),
            "yearly_revenue_range": ("inferred_revenue",),
            "founded_year": ("founded",),
            "country_name": ("location.country",),
            "region_name": ("location.region",),
            "city_name": ("location.locality",),
            "street": ("location.street_address",),
            "zip_code": ("location.postal_code",),
            "ticker": ("ticker",),
            "known_funding_total_value": ("total_funding_raised",),
            "number_of_funding_rounds": ("number_funding_rounds",),
            "last_funding_round_type": ("latest_funding_stage",),
            "last_funding_round_date": ("last_funding_date",),
            "funding_rounds": ("funding_details",),
            "parent_company": ("immediate_parent", "ultimate_parent"),
            "subsidiaries": ("direct_subsidiaries", "all_subsidiaries"),
        },
    ),
    Source(
        slug="apolloio",
        action="enrichOrganization",
        match=_of_apollo,
        get=lambda key: {"domain": key},
        record="organization",
        id_at="primary_domain",
        paths={
            "name": ("name",),
            "website": ("website_url", "primary_domain"),
            "business_description": ("short_description", "seo_description"),
            "linkedin_industry_category": ("industry",),
            "linkedin_profile": ("linkedin_url",),
            "number_of_employees": ("estimated_num_employees",),
            "yearly_revenue_range": ("annual_revenue_printed",),
            "founded_year": ("founded_year",),
            "country_name": ("country",),
            "region_name": ("state",),
            "city_name": ("city",),
            "street": ("street_address",),
            "zip_code": ("postal_code",),
            "ticker": ("publicly_traded_symbol",),
            "known_funding_total_value": ("total_funding",),
            "last_funding_round_type": ("latest_funding_stage",),
            "last_funding_round_date": ("latest_funding_round_date",),
            "funding_rounds": ("funding_events",),
        },
    ),
)


async def match(request: ActionRequest, domain: str, name: str) -> Outcome:
    """The business that fits best, with the id by which the other actions find it."""
    fields = ("name", "website")
    answerers = [Answerer(one.slug, one.action, one.match(domain, name), one.translate(fields)) for one in SOURCES]
    return await answer(request, _facade(request), answerers)


async def get(request: ActionRequest, business_id: str, fields: Sequence[str]) -> Outcome:
    """These fields of the business with this id; the one who has matched it answers."""
    slug, _, key = business_id.partition(":")
    source = next((one for one in SOURCES if one.slug == slug and key), None)
    if source is None:
        raise InvalidConfig(f"{business_id[:100]} is not a `business_id` of this server: take the one that matchBusiness gives.")
    chosen = _facade(request)
    facade = Facade(BECAUSE, source.slug, chosen.connector_uuid if chosen.provider in ("", source.slug) else "")
    return await answer(request, facade, [Answerer(source.slug, source.action, source.get(key), source.translate(fields))])


def _facade(request: ActionRequest) -> Facade:
    chosen = read(Answering, request.connector_config) if request.connector_config else Answering()
    return Facade(BECAUSE, chosen.provider, chosen.connector_uuid)


def unmatched(fields: Sequence[str]) -> JsonObject:
    """What is known of a business that was not matched."""
    return {"found": False, "business_id": None, **cast("JsonObject", dict.fromkeys(fields)), "answeredBy": None}
