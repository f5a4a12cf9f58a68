"""Providers: the services that answer in Clearbit's place, how they are asked, and their answers in Clearbit's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit.errors import at

Json = Any
JsonObject = Mapping[str, Json]

_RANGES = ((10, "1-10"), (50, "11-50"), (250, "51-250"), (1_000, "251-1K"), (5_000, "1K-5K"), (10_000, "5K-10K"), (50_000, "10K-50K"))


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that answers. action: of it. config: what it is asked with, by a domain or an address. record: its record in an output,
    None without a match; answer: the record in Clearbit's words."""

    slug: str
    action: str
    config: Callable[[str], JsonObject]
    record: Callable[[Json], Json]
    answer: Callable[[Json], JsonObject]


def _first(record: Json, *paths: str) -> Json:
    """The first value at one of these paths; plans without some data have `true` there."""
    values = (next(at(record, path), None) for path in paths)
    return next((value for value in values if value not in (None, "", True)), None)


def employees_range(count: Json) -> str | None:
    """The class of a number of employees, as Clearbit writes it."""
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        return None
    return next((name for most, name in _RANGES if count <= most), "50K-100K" if count <= 100_000 else "100K+")


def _place(record: Json, city: str, state: str, country: str) -> JsonObject:
    return {"city": _first(record, city), "state": _first(record, state), "country": _first(record, country)}


def _handle(address: Json) -> JsonObject:
    text = re.sub(r"^(https?://)?(www\.)?[^/]+/", "", str(address)).strip("/") if address else ""
    return {"handle": text or None}


def _company_of_people_data_labs(record: Json) -> JsonObject:
    count = _first(record, "employee_count")
    return {
        "id": _first(record, "id"),
        "name": _first(record, "display_name", "name"),
        "domain": _first(record, "website"),
        "description": _first(record, "summary", "headline"),
        "foundedYear": _first(record, "founded"),
        "location": _first(record, "location.name"),
        "category": {"industry": _first(record, "industry")},
        "metrics": {
            "employees": count,
            "employeesRange": employees_range(count) or _first(record, "size"),
            "annualRevenue": None,
            "estimatedAnnualRevenue": _first(record, "inferred_revenue"),
            "raised": _first(record, "total_funding_raised"),
        },
        "geo": {
            "city": _first(record, "location.locality"),
            "state": _first(record, "location.region"),
            "country": _first(record, "location.country"),
        },
        "linkedin": _handle(_first(record, "linkedin_url")),
        "twitter": _handle(_first(record, "twitter_url")),
        "facebook": _handle(_first(record, "facebook_url")),
        "phone": None,
        "logo": None,
        "ticker": _first(record, "ticker"),
        "type": _first(record, "type"),
        "tags": _first(record, "tags") or [],
        "tech": [],
    }


def _company_of_apollo(record: Json) -> JsonObject:
    count = _first(record, "estimated_num_employees")
    return {
        "id": _first(record, "id"),
        "name": _first(record, "name"),
        "domain": _first(record, "primary_domain"),
        "description": _first(record, "short_description", "seo_description"),
        "foundedYear": _first(record, "founded_year"),
        "location": _first(record, "raw_address"),
        "category": {"industry": _first(record, "industry")},
        "metrics": {
            "employees": count,
            "employeesRange": employees_range(count),
            "annualRevenue": _first(record, "annual_revenue"),
            "estimatedAnnualRevenue": _first(record, "annual_revenue_printed"),
            "raised": _first(record, "total_funding"),
        },
        "geo": _place(record, "city", "state", "country"),
        "linkedin": _handle(_first(record, "linkedin_url")),
        "twitter": _handle(_first(record, "twitter_url")),
        "facebook": _handle(_first(record, "facebook_url")),
        "phone": _first(record, "phone"),
        "logo": _first(record, "logo_url"),
        "ticker": _first(record, "publicly_traded_symbol"),
        "type": None,
        "tags": _first(record, "keywords") or [],
        "tech": _first(record, "technology_names") or [],
    }


def _person(
    identity: Json,
    name: tuple[Json, Json, Json],
    email: Json,
    location: Json,
    employment: tuple[Json, Json, Json, Json],
    linkedin: Json,
) -> JsonObject:
    given, family, full = name
    company, domain, title, seniority = employment
    return {
        "id": identity,
        "name": {"fullName": full, "givenName": given, "familyName": family},
        "email": email,
        "location": location,
        "employment": {"name": company, "domain": domain, "title": title, "seniority": seniority},
        "linkedin": linkedin if isinstance(linkedin, Mapping) else _handle(linkedin),
    }


def _person_of_people_data_labs(record: Json) -> JsonObject:
    return _person(
        _first(record, "id"),
        (_first(record, "first_name"), _first(record, "last_name"), _first(record, "full_name")),
        _first(record, "work_email", "recommended_personal_email"),
        _first(record, "location_name"),
        (
            _first(record, "job_company_name"),
            _first(record, "job_company_website"),
            _first(record, "job_title"),
            _first(record, "job_title_levels.0"),
        ),
        _first(record, "linkedin_url"),
    )


def _person_of_apollo(record: Json) -> JsonObject:
    place = ", ".join(str(part) for part in _place(record, "city", "state", "country").values() if part)
    return _person(
        _first(record, "id"),
        (_first(record, "first_name"), _first(record, "last_name"), _first(record, "name")),
        _first(record, "email"),
        place or None,
        (
            _first(record, "organization.name"),
            _first(record, "organization.primary_domain"),
            _first(record, "title"),
            _first(record, "seniority"),
        ),
        _first(record, "linkedin_url"),
    )


def _person_of_hunter(record: Json) -> JsonObject:
    return _person(
        _first(record, "id"),
        (_first(record, "name.givenName"), _first(record, "name.familyName"), _first(record, "name.fullName")),
        _first(record, "email"),
        _first(record, "location"),
        (
            _first(record, "employment.name"),
            _first(record, "employment.domain"),
            _first(record, "employment.title"),
            _first(record, "employment.seniority"),
        ),
        {"handle": _first(record, "linkedin.handle")},
    )


def _if_found(name: str) -> Callable[[Json], Json]:
    """The record of an output, by the name of its field; "": the output itself."""
    return lambda output: (output[name] if name else output) if output["found"] else None


COMPANIES = (
    Provider(
        "peopleDataLabs",
        "enrichCompany",
        lambda domain: {"website": domain, "titlecase": True},
        _if_found("data"),
        _company_of_people_data_labs,
    ),
    Provider("apolloio", "enrichOrganization", lambda domain: {"domain": domain}, _if_found("organization"), _company_of_apollo),
)
PEOPLE = (
    Provider(
        "peopleDataLabs",
        "enrichPerson",
        lambda email: {"email": email, "titlecase": True},
        _if_found("data"),
        _person_of_people_data_labs,
    ),
    Provider("apolloio", "enrichPerson", lambda email: {"parameters": {"email": email}}, _if_found("person"), _person_of_apollo),
    Provider("hunter", "enrichPerson", lambda email: {"email": email}, _if_found(""), _person_of_hunter),
)
