"""The endpoints of Hunter: account, finder, domain search, verifier, enrichment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulators.hunter.control import Control, Person, refused

Json = Any
Query = Mapping[str, str]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CHOICES = {
    "type": {"personal", "generic"},
    "seniority": {"junior", "senior", "executive"},
    "required_field": {"full_name", "position", "phone_number"},
}


def _needed(query: Query, *names: str) -> str:
    """One of these parameters."""
    given = next((query[name] for name in names if query.get(name)), "")
    if not given:
        raise refused(400, "wrong_params", f"You are missing the {' or '.join(names)} parameter")
    return given


def _email(query: Query) -> str:
    email = _needed(query, "email")
    if not _EMAIL.fullmatch(email):
        raise refused(400, "invalid_email", "The email you provided is not valid")
    return email.lower()


def _willing(person: Person | None) -> Person | None:
    if person is not None and person.opted_out:
        raise refused(451, "claimed_email", "The person behind this email has asked us not to process their data.")
    return person


def _by_email(control: Control, email: str) -> Person | None:
    return _willing(next((person for person in control.people if person.email == email), None))


def account(control: Control, _query: Query) -> tuple[int, Json]:
    """The plan and what is left of it; free."""
    requests = {name: {"used": 1_000 - left, "available": 1_000} for name, left in control.left.items()}
    return 200, {"data": {"first_name": "Test", "email": "test@example.com", "plan_name": "Growth", "requests": requests}}


def email_finder(control: Control, query: Query) -> tuple[int, Json]:
    """The address of a person at a company."""
    company = _needed(query, "domain", "company").lower()
    name = (query.get("full_name") or f"{_needed(query, 'first_name')} {_needed(query, 'last_name')}").lower()
    control.afford("searches")
    there = (one for one in control.people if company in (one.domain, one.company.lower()))
    person = _willing(next((one for one in there if name == f"{one.first} {one.last}".lower()), None))
    if person is not None:
        control.charge("searches", f"find {name} {company}")
    return 200, {"data": _found(person, name, company), "meta": {"params": dict(query)}}


def _found(person: Person | None, name: str, company: str) -> dict[str, Json]:
    if person is None:
        first, _, last = name.title().partition(" ")
        return {
            "first_name": first,
            "last_name": last,
            "email": None,
            "score": None,
            "domain": company,
            "accept_all": None,
            "position": None,
            "company": None,
            "twitter": None,
            "linkedin_url": None,
            "phone_number": None,
            "sources": [],
            "verification": {"date": None, "status": None},
        }
    return {
        "first_name": person.first,
        "last_name": person.last,
        "email": person.email,
        "score": 97,
        "domain": person.domain,
        "accept_all": person.status == "accept_all",
        "position": person.position,
        "company": person.company,
        "twitter": None,
        "linkedin_url": f"https://www.linkedin.com/in/{person.first}{person.last}".lower(),
        "phone_number": person.phone,
        "sources": [person.source()],
        "verification": {"date": "2026-11-01", "status": person.status},
    }


def domain_search(control: Control, query: Query) -> tuple[int, Json]:
    """Addresses of a domain."""
    company = _needed(query, "domain", "company").lower()
    for name, choices in _CHOICES.items():
        if not set(query.get(name, next(iter(choices))).split(",")) <= choices:
            raise refused(400, "wrong_params", f"The {name} parameter is invalid")
    limit = query.get("limit", "10")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        raise refused(400, "wrong_params", "The limit parameter is invalid")
    control.afford("searches")
    fitting = [one for one in control.people if company in (one.domain, one.company.lower()) and _fits(one, query)]
    if fitting:
        control.charge("searches", f"search {company}")
    emails = [_listed(person) for person in fitting[: int(limit)]]
    organization = next((one.company for one in control.people if company in (one.domain, one.company.lower())), None)
    data = {"domain": company, "disposable": False, "webmail": False, "accept_all": False, "pattern": "{first}"}
    return 200, {
        "data": {**data, "organization": organization, "emails": emails},
        "meta": {"results": len(fitting), "limit": int(limit), "offset": 0},
    }


def _fits(person: Person, query: Query) -> bool:
    required = {"full_name": person.first, "position": person.position, "phone_number": person.phone}
    return (
        query.get("type", person.kind) == person.kind
        and ("seniority" not in query or person.seniority in query["seniority"].split(","))
        and ("department" not in query or person.department in query["department"].split(","))
        and all(required[name] for name in query.get("required_field", "").split(",") if name)
    )


def _listed(person: Person) -> dict[str, Json]:
    return {
        "value": person.email,
        "type": person.kind,
        "confidence": 92,
        "first_name": person.first or None,
        "last_name": person.last or None,
        "position": person.position,
        "seniority": person.seniority,
        "department": person.department,
        "linkedin": None,
        "twitter": None,
        "phone_number": person.phone,
        "verification": {"date": "2026-11-01", "status": person.status},
        "sources": [person.source()],
    }


def email_verifier(control: Control, query: Query) -> tuple[int, Json]:
    """Whether an address can be delivered to."""
    email = _email(query)
    control.afford("verifications")
    if email in control.unclear:
        return 222, {"errors": [{"id": "verification_failed", "code": 222, "details": "The remote SMTP server answered unexpectedly."}]}
    if control.pending.get(email, 0) > 0:
        control.pending[email] -= 1
        return 202, {"data": {"email": email, "status": None}, "meta": {"params": dict(query)}}
    person = _by_email(control, email)
    control.charge("verifications", f"verify {email}")
    status = "invalid" if person is None else person.status
    data = {
        "status": status,
        "result": {"valid": "deliverable", "invalid": "undeliverable"}.get(status, "risky"),
        "score": 0 if person is None else 100,
        "email": email,
        "regexp": True,
        "gibberish": False,
        "disposable": False,
        "webmail": False,
        "mx_records": person is not None,
        "smtp_server": person is not None,
        "smtp_check": person is not None,
        "accept_all": status == "accept_all",
        "block": False,
        "sources": [] if person is None else [person.source()],
    }
    return 200, {"data": data, "meta": {"params": dict(query)}}


def people_find(control: Control, query: Query) -> tuple[int, Json]:
    """Who is behind an address."""
    email = _email(query)
    control.afford("searches")
    person = _by_email(control, email)
    if person is None or not person.first:
        raise refused(404, "not_found", "We could not find anyone with this email.")
    control.charge("searches", f"enrich {email}", again=True)
    data = {
        "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "name": {"fullName": f"{person.first} {person.last}", "givenName": person.first, "familyName": person.last},
        "email": person.email,
        "location": None,
        "timeZone": None,
        "geo": {"city": None, "state": None, "stateCode": None, "country": "United Kingdom", "countryCode": "GB", "lat": None, "lng": None},
        "employment": {"domain": person.domain, "name": person.company, "title": person.position, "seniority": person.seniority},
        "linkedin": {"handle": f"{person.first}{person.last}".lower()},
        "twitter": {"handle": None},
        "github": {"handle": None},
        "facebook": {"handle": None},
        "phone": person.phone,
        "fuzzy": False,
    }
    return 200, {"data": data, "meta": {"email": email}}


ENDPOINTS: dict[str, Callable[[Control, Query], tuple[int, Json]]] = {
    "/account": account,
    "/email-finder": email_finder,
    "/domain-search": domain_search,
    "/email-verifier": email_verifier,
    "/people/find": people_find,
}
