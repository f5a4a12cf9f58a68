"""The simulator on a port of the loopback: sign-in, scopes of keys, the limits of each endpoint."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.apolloio import contacts, enrichment
from tests.simulators.apolloio.control import KEY, Control, Numbers
from tests.simulators.serving import Act, Refused, application

Json = Any
Answer = Callable[[Control, Request, Json], tuple[int, Json]]
_NO_KEY = "Invalid API key. See https://docs.apollo.io/reference/authentication for how to authenticate."


def _sequences(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    name = request.query_params.get("q_name", "").lower()
    return 200, {"emailer_campaigns": [one for one in control.sequences if name in str(one["name"]).lower()], "pagination": {"page": 1}}


def _mailboxes(control: Control, _request: Request, _body: Json) -> tuple[int, Json]:
    return 200, {"email_accounts": control.mailboxes}


def _fields(control: Control, _request: Request, _body: Json) -> tuple[int, Json]:
    return 200, {"typed_custom_fields": control.fields}


ENDPOINTS: list[tuple[str, str, Answer]] = [
    ("POST", "/people/bulk_match", enrichment.match_people),
    ("GET", "/webhook_result/{request_id}", enrichment.give_result),
    ("POST", "/organizations/bulk_enrich", enrichment.match_organizations),
    ("POST", "/mixed_people/api_search", contacts.search_people),
    ("POST", "/mixed_companies/search", contacts.search_companies),
    ("POST", "/contacts/search", contacts.search_contacts),
    ("POST", "/contacts", contacts.create_contact),
    ("PATCH", "/contacts/{contact_id}", contacts.update_contact),
    ("POST", "/emailer_campaigns/search", _sequences),
    ("POST", "/emailer_campaigns/remove_or_stop_contact_ids", contacts.remove_from_sequence),
    ("POST", "/emailer_campaigns/{sequence_id}/add_contact_ids", contacts.add_to_sequence),
    ("GET", "/email_accounts", _mailboxes),
    ("GET", "/typed_custom_fields", _fields),
]


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def endpoint(path: str, answer: Answer) -> Act:
        def act(request: Request, body: Json) -> tuple[int, Json, dict[str, str]]:
            if request.headers.get("x-api-key") not in control.keys:
                raise Refused(401, _NO_KEY)
            if control.scopes is not None and path not in control.scopes:
                sentence = f"This API key is not authorized to access api/v1{path}. Request an API key from your administrator."
                raise Refused(403, {"error": sentence, "error_code": "API_INACCESSIBLE"})
            headers = control.admit(path)
            return *answer(control, request, body), headers

        return act

    def health(request: Request, _body: Json) -> tuple[int, Json]:
        return 200, {"healthy": True, "is_logged_in": request.headers.get("x-api-key") in control.keys}

    endpoints = [(method, f"/api/v1{path}", endpoint(path, answer)) for method, path, answer in ENDPOINTS]
    return application(control, [("GET", "/api/v1/auth/health", health), *endpoints])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api/v1"


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
