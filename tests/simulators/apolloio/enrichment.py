"""Enrichment: people and organisations are matched, and what comes later is kept until it is asked for."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tests.simulators.apolloio.control import Control, Record, Result
from tests.simulators.serving import Refused

Json = Any
MAX = 10
_PERSON = {"first_name", "last_name", "name", "email", "hashed_email", "organization_name", "domain", "id", "linkedin_url"}
_ORGANIZATION = {"domain": "primary_domain", "linkedin_url": "linkedin_url", "name": "name", "website": "website_url"}
_LATER = ("reveal_phone_number", "run_waterfall_email", "run_waterfall_phone")
_QUERY = {*_LATER, "reveal_personal_emails", "webhook_url", "poll_only"}


def _failed(code: str, sentence: str) -> Refused:
    return Refused(400, {"status": "failed", "error_code": code, "error_message": sentence})


def _details(body: Json, known: set[str]) -> list[Record]:
    given: Record = body or {}
    details: list[Record] = given.get("details") or []
    if not details:
        raise _failed("INVALID_REQUEST", "invalid request, missing details")
    if len(details) > MAX:
        raise _failed("RECORD_LIMIT_EXCEEDED", "cannot enrich more than 10 in a single request")
    unknown = sorted({name for one in details for name in one} - known)
    if unknown:
        raise Refused(422, {"error": f"Invalid parameters: {unknown[0]}"})
    return details


def _person(control: Control, given: Record) -> Record | None:
    for person in control.people:
        same = {
            "organization_name": person["organization"]["name"],
            "domain": person["organization"]["primary_domain"],
            **{name: person[name] for name in ("first_name", "last_name", "name", "email", "id", "linkedin_url")},
        }
        alone = {"email", "id", "linkedin_url"} & set(given)
        if all(str(same.get(name)).lower() == str(value).lower() for name, value in given.items() if name in (alone or given)):
            return person
    return None


def match_people(control: Control, request: Request, body: Json) -> tuple[int, Json]:
    """POST /people/bulk_match."""
    query = request.query_params
    if set(query) - _QUERY:
        raise Refused(422, {"error": "Invalid parameters"})
    details = _details(body, _PERSON)
    later = [name for name in _LATER if query.get(name) == "true"]
    if later and query.get("poll_only") != "true" and not query.get("webhook_url", "").startswith("https://"):
        raise Refused(400, {"error": "Please add a valid 'webhook_url' parameter when using 'reveal_phone_number'"})
    matches = [_person(control, given) for given in details]
    known = [person for person in matches if person is not None]
    control.charge("people", len(known))
    answer: Record = {
        "status": "success",
        "error_code": None,
        "error_message": None,
        "total_requested_enrichments": len(details),
        "missing_records": len(details) - len(known),
        "credits_consumed": len(known),
        "matches": [None if person is None else _shown(person, query.get("reveal_personal_emails") == "true") for person in matches],
    }
    if later and known:
        request_id = 1039995589705121900 + len(control.results)
        waterfall = any(name.startswith("run_") for name in later)
        people = [_found(control, person, later) for person in known]
        control.results[request_id] = Result("waterfall" if waterfall else "phone", people, control.later, control.numbers_fail)
        answer["request_id"] = request_id
        if waterfall:
            answer["waterfall"] = {"status": "accepted", "message": "Waterfall enrichment request accepted."}
    return 200, answer


def _shown(person: Record, personal: bool) -> Record:
    return {**person, **({"personal_emails": [f"{person['first_name']}@home.example".lower()]} if personal else {})}


def _found(control: Control, person: Record, later: list[str]) -> Record:
    found: Record = {"id": person["id"], "status": "success"}
    if "reveal_phone_number" in later or "run_waterfall_phone" in later:
        control.charge("phones", 8)
        number = f"+1555010{int(person['id'][:8], 16) % 10_000:04}"
        found["phone_numbers"] = [{"raw_number": number, "sanitized_number": number, "type_cd": "mobile", "status_cd": "valid_number"}]
    if "run_waterfall_email" in later:
        found["emails"] = [{"email": person["email"], "email_status_cd": "Verified", "third_party_data_provider_id": "icypeas"}]
    return found


def give_result(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """GET /webhook_result/{request_id}."""
    text = request.path_params["request_id"]
    if not text.lstrip("-").isdigit():
        raise Refused(400, {"error_code": "invalid_request_id"})
    result = control.results.get(int(text))
    if result is None:
        raise Refused(404, {"error_code": "request_id_unknown"})
    if result.asks > 0:
        result.asks -= 1
        raise Refused(404, {"error_code": "result_pending", "retry_after_seconds": 10})
    common = {"request_id": text, "request_type": result.request_type, "last_dispatched_at": None}
    if result.failed:
        return 200, {**common, "webhook_status": "failed", "failure_reason": result.failed, "webhook_result": {"people": []}}
    found = {"status": "success", "people": result.people}
    return 200, {**common, "webhook_status": "success", "failure_reason": None, "webhook_result": found}


def match_organizations(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """POST /organizations/bulk_enrich."""
    matches: list[Record | None] = []
    for given in _details(body, set(_ORGANIZATION)):
        wanted = {_ORGANIZATION[name]: value for name, value in given.items()}
        fitting = [one for one in control.organizations if any(_same(one[name], value) for name, value in wanted.items())]
        matches.append(fitting[0] if fitting else None)
    known = [match for match in matches if match is not None]
    control.charge("organizations", len(known))
    return 200, {
        "status": "success",
        "error_code": None,
        "unique_enriched_records": len(known),
        "missing_records": len(matches) - len(known),
        "organizations": known,
    }


def _same(had: str, given: str) -> bool:
    return had.removeprefix("http://").removeprefix("www.") == given.removeprefix("https://").removeprefix("http://").removeprefix("www.")
