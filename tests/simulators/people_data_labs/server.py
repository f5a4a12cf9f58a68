"""The simulator on a port of the loopback: enrichment, search, and the suggestions that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.people_data_labs.control import KEY, Control, Numbers, error, refused
from tests.simulators.people_data_labs.queries import condition
from tests.simulators.serving import Act, application

Json = Any
Answer = tuple[int, Json, Mapping[str, str]]
_NOTHING = "No records were found matching your request"
_COMMON = {"api_key", "pretty", "min_likelihood", "required", "titlecase", "include_if_matched"}
_PLACE = {"location", "street_address", "locality", "region", "country", "postal_code"}
# What is given → as which field of a record it is compared.
_PERSON = {
    "pdl_id": "id",
    "email": "work_email",
    "profile": "linkedin_url",
    "name": "full_name",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "job_company_name",
}
_OF_PEOPLE = {"phone", "school", "birth_date", "lid", "email_hash", "middle_name", "data_include"}
_COMPANY = {"pdl_id": "id", "name": "name", "website": "website", "profile": "linkedin_url", "ticker": "ticker"}


def _enough_of_person(given: set[str]) -> bool:
    named = "name" in given or {"first_name", "last_name"} <= given
    alone = {"profile", "email", "phone", "email_hash", "lid", "pdl_id"}
    return bool(given & alone) or (named and bool(given & ({"company", "school", "birth_date"} | _PLACE)))


def _enrich(control: Control, person: bool) -> Callable[[Request, Json, Mapping[str, str]], Answer]:
    names = _PERSON if person else _COMPANY
    known: set[str] = {*names, *_COMMON, *_PLACE, *(_OF_PEOPLE if person else ())}
    kind = "enrich" if person else "enrich_company"

    def act(request: Request, _body: Json, headers: Mapping[str, str]) -> Answer:
        query = {name: value.lower() for name, value in request.query_params.items() if value}
        unknown = sorted(set(query) - known)
        if unknown:
            raise refused(400, f"Unknown parameter {unknown[0]}")
        if not (_enough_of_person(set(query)) if person else set(query) & set(names)):
            raise refused(400, "Query must contain at least one of the required parameters")
        control.afford()
        records = control.people if person else control.companies
        values = {names[name]: value for name, value in query.items() if name in names}
        # A company is named by its name or its website; a match has to have what is required, and is not charged else.
        either = {"job_company_name": ("job_company_name", "job_company_website")}
        needed = [name.strip() for name in query.get("required", "").split(" and ") if name.strip()]
        match = next(
            (
                record
                for record in records
                if values
                and all(value in [record.get(field) for field in either.get(name, (name,))] for name, value in values.items())
                and all(record.get(name) for name in needed)
            ),
            None,
        )
        if match is None or control.likelihood < int(query.get("min_likelihood", "2")):
            return 404, error(404, _NOTHING), {**headers, **control.charge(kind, 0)}
        document = {"data": match} if person else match
        return 200, {"status": 200, "likelihood": control.likelihood, **document}, {**headers, **control.charge(kind, 1)}

    return act


def _search(control: Control, person: bool) -> Callable[[Request, Json, Mapping[str, str]], Answer]:
    kind = "search" if person else "search_company"

    def act(_request: Request, body: Json, headers: Mapping[str, str]) -> Answer:
        records = control.people if person else control.companies
        if set(body) - {"query", "sql", "size", "scroll_token", "titlecase", "data_include", "dataset", "pretty"}:
            raise refused(400, "Unknown parameter")
        size = body.get("size", 1)
        if not isinstance(size, int) or not 1 <= size <= 100:
            raise refused(400, "size must be between 1 and 100")
        control.afford()
        fields = {name for record in records for name in record} | {"full_name", "name", "job_company_name"}
        fits = condition(body, "person" if person else "company", fields)
        fitting = [record for record in records if fits(record)]
        start = int(str(body.get("scroll_token") or "0$").partition("$")[0])
        shown = fitting[start : start + size]
        bill = {**headers, **control.charge(kind, len(shown))}
        if not shown:
            return 404, error(404, _NOTHING), bill
        end = start + len(shown)
        return (
            200,
            {"status": 200, "data": shown, "scroll_token": f"{end}$1.5" if end < len(fitting) else None, "total": len(fitting)},
            bill,
        )

    return act


def _autocomplete(_request: Request, _body: Json, headers: Mapping[str, str]) -> Answer:
    return 200, {"status": 200, "data": [{"name": "united states", "count": 1}], "fields": []}, headers


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def endpoint(path: str, most: int, act: Callable[[Request, Json, Mapping[str, str]], Answer]) -> Act:
        def perform(request: Request, body: Json) -> Answer:
            if (request.headers.get("x-api-key") or request.query_params.get("api_key")) not in control.keys:
                raise refused(401, "Request contained a missing or invalid key")
            return act(request, body, control.admit(path, most))

        return perform

    numbers = control.numbers
    endpoints = [
        ("GET", "/person/enrich", numbers.enrich, _enrich(control, person=True)),
        ("GET", "/company/enrich", numbers.enrich, _enrich(control, person=False)),
        ("POST", "/person/search", numbers.search, _search(control, person=True)),
        ("POST", "/company/search", numbers.search, _search(control, person=False)),
        ("GET", "/autocomplete", numbers.autocomplete, _autocomplete),
    ]
    return application(control, [(method, f"/v5{path}", endpoint(path, most, act)) for method, path, most, act in endpoints])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/v5"


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
