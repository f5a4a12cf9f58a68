"""The simulator on a port of the loopback: batches of enrichments and of reverse look-ups, the key, the credits."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.full_enrich.control import KEY, PRICES, Batch, Control, Record, refused
from tests.simulators.serving import Act, application

Json = Any
_CONTACT = {"first_name", "last_name", "domain", "company_name", "linkedin_url", "enrich_fields", "custom"}


def _entries(body: Json, known: set[str]) -> list[Record]:
    given: Record = body or {}
    if not given.get("name"):
        raise refused(400, "error.enrichment.name.empty", "Enrichment name not set")
    data: list[Record] = given.get("data") or []
    if not data:
        raise refused(400, "error.enrichment.data.empty", "Data is empty")
    if len(data) > 100:
        raise refused(400, "error.enrichment.data.exceeded", "Too many contacts (max: 100)")
    for entry in data:
        if unknown := sorted(set(entry) - known):
            raise refused(400, "error.enrichment.field", f"Unknown field {unknown[0]}")
        custom: Mapping[str, Json] = entry.get("custom") or {}
        if any(not isinstance(value, str) or len(value) > 100 for value in custom.values()):
            raise refused(400, "error.enrichment.custom.value.exceeded", "Custom field value max len exceeded (max: 100 character)")
    return data


def _begin(control: Control, name: str, results: list[Record], cost: int, status: str) -> Json:
    job = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {len(control.batches)}"))
    control.batches[job] = Batch(name, control.asks, status, results, cost)
    return {"enrichment_id": job}


def _enrich(control: Control, body: Json) -> Json:
    results: list[Record] = []
    status, before = control.ends, control.credits
    for contact in _entries(body, _CONTACT):
        if "linkedin_url" not in contact:
            for name, code in (("first_name", "First name"), ("last_name", "Last name")):
                if not contact.get(name):
                    raise refused(400, f"error.enrichment.{name}.empty", f"{code} cannot be empty")
            if not contact.get("domain") and not contact.get("company_name"):
                raise refused(400, "error.enrichment.domain.empty", "Domain cannot be empty")
        fields: list[str] = contact.get("enrich_fields") or []
        if not fields:
            raise refused(400, "error.enrichment.enrich_fields.empty", "enrichFields cannot be empty")
        if wrong := sorted(set(fields) - set(PRICES)):
            raise refused(400, "error.enrichment.enrich_field.value", f"enrichField '{wrong[0]}' not valid")
        person = next((one for one in control.people if _same(one, contact)), None)
        found: Record = {}
        for field in fields:
            if person is None:
                continue
            if not control.pay(field, contact, PRICES[field]):
                status = "CREDITS_INSUFFICIENT"
                break
            found |= _found(person, field)
        results.append({"input": contact, "custom": contact.get("custom") or {}, "contact_info": found, "profile": _profile(person)})
    return _begin(control, body["name"], results, before - control.credits, status)


def _same(person: Record, contact: Record) -> bool:
    if contact.get("linkedin_url"):
        return bool(person["linkedin_url"] == contact["linkedin_url"])
    return all(person[name].lower() == str(contact.get(name, "")).lower() for name in ("first_name", "last_name", "domain"))


def _found(person: Record, field: str) -> Record:
    email = {"email": person["email"], "status": "DELIVERABLE"}
    personal = {"email": person["personal"], "status": "HIGH_PROBABILITY"}
    phone = {"number": person["phone"], "region": "US"}
    return {
        "contact.work_emails": {"most_probable_work_email": email, "work_emails": [email]},
        "contact.personal_emails": {"most_probable_personal_email": personal, "personal_emails": [personal]},
        "contact.phones": {"most_probable_phone": phone, "phones": [phone]},
    }[field]


def _profile(person: Record | None) -> Json:
    return person and {"full_name": f"{person['first_name']} {person['last_name']}", "first_name": person["first_name"]}


def _look_up(control: Control, body: Json) -> Json:
    results: list[Record] = []
    before = control.credits
    for entry in _entries(body, {"email", "custom"}):
        if "@" not in str(entry.get("email", "")):
            raise refused(400, "error.reverse.email.invalid", "Email is invalid")
        person = next((one for one in control.people if entry["email"] in (one["email"], one["personal"])), None)
        if person is not None and not control.pay("reverse", entry, 1):
            person = None
        results.append({"input": {"email": entry["email"]}, "custom": entry.get("custom") or {}, "profile": _profile(person)})
    return _begin(control, body["name"], results, before - control.credits, control.ends)


def _result(control: Control, request: Request) -> tuple[int, Json]:
    job = request.path_params["job"]
    batch = control.batches.get(job)
    if batch is None:
        raise refused(404, "error.enrichment.not_found", "Enrichment ID not found")
    if batch.asks > 0:
        batch.asks -= 1
        raise refused(400, "error.enrichment.in_progress", "Enrichment not ready, try again in 30 seconds")
    answer = {"id": job, "name": batch.name, "status": batch.status, "cost": {"credits": batch.cost}, "data": batch.data}
    return 402 if batch.status == "CREDITS_INSUFFICIENT" else 200, answer


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def endpoint(answer: Callable[[Request, Json], tuple[int, Json]]) -> Act:
        def act(request: Request, body: Json) -> tuple[int, Json]:
            word, _, key = request.headers.get("authorization", "").partition(" ")
            if word != "Bearer":
                raise refused(401, "error.authorization.not_bearer", "Authorization headers do not have prefix 'bearer'")
            if key not in control.keys:
                raise refused(401, "error.api.key", "Unknown api key")
            control.admit()
            return answer(request, body)

        return act

    endpoints: list[tuple[str, str, Callable[[Request, Json], tuple[int, Json]]]] = [
        ("GET", "/account/keys/verify", lambda _request, _body: (200, {"workspace_id": "7a9d"})),
        ("GET", "/account/credits", lambda _request, _body: (200, {"balance": control.credits})),
        ("POST", "/contact/enrich/bulk", lambda _request, body: (200, _enrich(control, body))),
        ("GET", "/contact/enrich/bulk/{job}", lambda request, _body: _result(control, request)),
        ("POST", "/contact/reverse/email/bulk", lambda _request, body: (200, _look_up(control, body))),
        ("GET", "/contact/reverse/email/bulk/{job}", lambda request, _body: _result(control, request)),
    ]
    return application(control, [(method, f"/api/v2{path}", endpoint(answer)) for method, path, answer in endpoints])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api/v2"


@contextmanager
def running(most_calls: int = 60) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(most_calls))
    try:
        yield simulator
    finally:
        simulator.stop()
