"""The simulator on a port of the loopback: the team, campaigns, leads, those who are not written to."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.lemlist.control import KEY, Control, Record
from tests.simulators.serving import Act, Refused, application

Json = Any
Answer = Callable[[Control, Request, Json], Json]


def _campaign(control: Control, request: Request) -> str:
    campaign = str(request.path_params["campaign"])
    if campaign not in {one["_id"] for one in control.campaigns}:
        raise Refused(404, "Campaign not found")
    return campaign


def _leads(control: Control, request: Request, campaign: str | None = None) -> list[Record]:
    name = request.path_params["lead"]
    found = [lead for lead in control.leads if name in (lead["_id"], lead.get("email")) and campaign in (None, lead["campaignId"])]
    if not found:
        raise Refused(404, "Lead not found")
    return found


def _add(control: Control, request: Request, body: Json) -> Json:
    campaign = _campaign(control, request)
    given: Record = body or {}
    if any(not isinstance(value, str) for value in given.values()):
        raise Refused(400, "Bad params")
    if not {"email", "linkedinUrl", "phone"} & set(given):
        raise Refused(400, "Bad params")
    same = [lead for lead in control.leads if given.get("email") and lead.get("email") == given["email"]]
    if any(lead["campaignId"] == campaign for lead in same):
        raise Refused(400, "Lead already in the campaign")
    if same and request.query_params.get("deduplicate") == "true":
        raise Refused(500, "Lead already in other campaign")
    return control.add_lead(campaign, **given)


def _change(control: Control, request: Request, body: Json) -> Json:
    (lead,) = _leads(control, request, _campaign(control, request))
    lead |= body
    return lead


def _remove(control: Control, request: Request, _body: Json) -> Json:
    (lead,) = _leads(control, request, _campaign(control, request))
    if request.query_params.get("action") == "remove":
        control.leads.remove(lead)
    else:
        control.unsubscribed[lead["email"]] = "api"
    return lead


def _mark(status: str, pausing: bool | None = None) -> Answer:
    def mark(control: Control, request: Request, _body: Json) -> Json:
        named = "campaign" in request.path_params
        campaign = _campaign(control, request) if named else request.query_params.get("campaignId")
        leads = _leads(control, request, campaign)
        for lead in leads:
            lead |= {"state": status} if pausing is None else {"isPaused": pausing}
        return leads[0] if named else leads

    return mark


def _campaigns(control: Control, request: Request, _body: Json) -> Json:
    query = request.query_params
    if query.get("version") != "v2":
        return control.campaigns[:100]
    size, number = int(query.get("limit", "100")), int(query.get("page", "1"))
    if not 1 <= size <= 100:
        raise Refused(400, "Bad params")
    fitting = [one for one in control.campaigns if query.get("status") in (None, one["status"])]
    page = fitting[(number - 1) * size : number * size]
    return {"campaigns": page, "pagination": {"totalRecords": len(fitting), "currentPage": number}}


def _unsubscribe(control: Control, request: Request, _body: Json) -> Json:
    value = request.path_params["value"]
    return {"_id": "uns_1", "value": value, "variable": value, "source": control.unsubscribed.setdefault(value, "api")}


def _resubscribe(control: Control, request: Request, _body: Json) -> Json:
    value = request.path_params["value"]
    if value not in control.unsubscribed:
        raise Refused(400, "Variable not found in unsubscribe list")
    if control.unsubscribed[value] in ("lead", "abuse"):
        raise Refused(409, "Variable is protected and cannot be re-subscribed")
    del control.unsubscribed[value]
    return "Variable subscribed"


ENDPOINTS: list[tuple[str, str, Answer]] = [
    ("GET", "/team", lambda _control, _request, _body: {"_id": "tea_1", "name": "Acme"}),
    ("GET", "/campaigns", _campaigns),
    ("POST", "/campaigns/{campaign}/leads/", _add),
    ("PATCH", "/campaigns/{campaign}/leads/{lead}", _change),
    ("DELETE", "/campaigns/{campaign}/leads/{lead}", _remove),
    ("POST", "/campaigns/{campaign}/leads/{lead}/interested", _mark("interested")),
    ("POST", "/campaigns/{campaign}/leads/{lead}/notinterested", _mark("notInterested")),
    ("POST", "/leads/interested/{lead}", _mark("interested")),
    ("POST", "/leads/notinterested/{lead}", _mark("notInterested")),
    ("POST", "/leads/pause/{lead}", _mark("", pausing=True)),
    ("POST", "/leads/start/{lead}", _mark("", pausing=False)),
    ("GET", "/leads/{lead}", lambda control, request, _body: _leads(control, request)[0]),
    ("POST", "/v2/unsubscribes/variables/{value:path}", _unsubscribe),
    ("DELETE", "/v2/unsubscribes/variables/{value:path}", _resubscribe),
]


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    def endpoint(answer: Answer) -> Act:
        def act(request: Request, body: Json) -> tuple[int, Json, dict[str, str]]:
            word, _, pair = request.headers.get("authorization", "").partition(" ")
            user, _, key = base64.b64decode(pair).decode().partition(":") if word == "Basic" else ("?", "", "")
            if user or key not in control.keys:
                raise Refused(401, "The authentication you supplied is incorrect")
            headers = control.admit()
            said = answer(control, request, body)
            return 200, f'"{said}"' if isinstance(said, str) else said, headers

        return act

    return application(control, [(method, f"/api{path}", endpoint(answer)) for method, path, answer in ENDPOINTS])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api"


@contextmanager
def running(most_calls: int = 20) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(most_calls))
    try:
        yield simulator
    finally:
        simulator.stop()
