"""The simulator on a port of the loopback: tokens, limits, and the endpoints."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.simulators import running as running_server
from tests.simulators.faults import FaultyAnswer
from tests.simulators.salesforce import collections, soql
from tests.simulators.salesforce.control import TOKEN, Control, Numbers
from tests.simulators.salesforce.org import JsonObject, refused
from tests.simulators.serving import Act, application

Json = Any
DATA = "/services/data/v67.0"
_LONGEST_URI = 16_384
_COUNT = re.compile(r"SELECT COUNT\(\) FROM (\w+)", re.IGNORECASE)
Endpoint = Callable[[Control, Request, Json], Json]


def _versions(_request: Request, _body: Json) -> tuple[int, Json]:
    return 200, [{"label": "Summer '26", "url": DATA, "version": "67.0"}]


def _resources(_control: Control, _request: Request, _body: Json) -> Json:
    return {name: f"{DATA}/{name}" for name in ("sobjects", "query", "composite", "limits")}


def _objects(control: Control, _request: Request, _body: Json) -> Json:
    common = {"queryable": True, "createable": True, "deprecatedAndHidden": False}
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [{"name": name, "label": name, "custom": name.endswith("__c"), **common} for name in control.org.objects],
    }


def _describe(control: Control, request: Request, _body: Json) -> Json:
    kind = control.org.object_named(request.path_params["name"])
    return {"name": kind.name, "fields": [field.describe() for field in kind.fields.values()], "custom": False}


def _query(control: Control, request: Request, _body: Json) -> Json:
    if len(str(request.url)) > _LONGEST_URI:
        raise refused(414, "URI_TOO_LONG", "The length of the requested URI exceeds the limit")
    text = request.query_params.get("q")
    if not text:
        raise refused(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    if counted := _COUNT.fullmatch(text.strip()):
        return {"totalSize": len(control.org.object_named(counted[1]).records), "done": True, "records": []}
    return _page(control, soql.run(control.org, text, everything=request.url.path.endswith("/queryAll")), 0)


def _more(control: Control, request: Request, _body: Json) -> Json:
    records, start = control.locators.get(request.path_params["locator"], ([], -1))
    if start < 0:
        raise refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(control, records, start)


def _page(control: Control, records: list[JsonObject], start: int) -> JsonObject:
    end = start + control.numbers.page
    answer: JsonObject = {"totalSize": len(records), "done": end >= len(records), "records": records[start:end]}
    if end < len(records):
        locator = f"01g{secrets.token_hex(6)}-{end}"
        control.locators[locator] = (records, end)
        answer["nextRecordsUrl"] = f"{DATA}/query/{locator}"
    return answer


def _upsert(control: Control, request: Request, body: Json) -> Json:
    return collections.upsert(control, request.path_params["name"], request.path_params["by"], body)


def _delete(control: Control, request: Request, _body: Json) -> Json:
    return collections.delete(control, [one for one in request.query_params.get("ids", "").split(",") if one])


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", DATA, _resources),
    ("GET", f"{DATA}/sobjects", _objects),
    ("GET", f"{DATA}/sobjects/{{name}}/describe", _describe),
    ("GET", f"{DATA}/query", _query),
    ("GET", f"{DATA}/queryAll", _query),
    ("GET", f"{DATA}/query/{{locator}}", _more),
    ("POST", f"{DATA}/composite/sobjects", lambda control, _request, body: collections.create(control, body)),
    ("PATCH", f"{DATA}/composite/sobjects", lambda control, _request, body: collections.update(control, body)),
    ("DELETE", f"{DATA}/composite/sobjects", _delete),
    ("PATCH", f"{DATA}/composite/sobjects/{{name}}/{{by}}", _upsert),
)


def _behind(control: Control, endpoint: Endpoint) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        control.admit(request.headers.get("authorization", ""))
        return 200, endpoint(control, request, body)

    return act


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        status, document = control.exchange(form)
        return FaultyAnswer(status, json.dumps(document).encode(), {})

    async def revoke(request: Request) -> Response:
        control.refresh_tokens.discard(str((await request.form()).get("token")))
        return FaultyAnswer(200, b"", {})

    endpoints = [(method, path, _behind(control, endpoint)) for method, path, endpoint in ENDPOINTS]
    built = application(control, [("GET", "/services/data", _versions), *endpoints], control.headers)
    built.router.routes.append(Route("/services/oauth2/token", token, methods=["POST"]))
    built.router.routes.append(Route("/services/oauth2/revoke", revoke, methods=["POST"]))
    return built


def server_of(control: Control) -> uvicorn.Server:
    """The server, not yet started."""
    return running_server.server_of(build(control))


class Running(running_server.Running):
    """A simulator that answers: `url`, the session that it accepts as `key`, and its control."""

    key = TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        control.url = self.url


@contextmanager
def running(numbers: Numbers | None = None) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(numbers))
    try:
        yield simulator
    finally:
        simulator.stop()
