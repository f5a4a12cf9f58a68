"""The simulator on a port of the loopback: sign-in, limits, keys against doubles, and the endpoints."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.serving import Act, application
from tests.simulators.stripe.control import KEY, Control, JsonObject, refused

Json = Any
Perform = Callable[[Control, Request, Json], tuple[int, Json]]
PAGING = {"limit", "starting_after", "ending_before", "created[gte]", "created[gt]", "created[lt]", "created[lte]"}
FILTERS = {
    "customer": {"email"},
    "subscription": {"customer", "price", "status"},
    "invoice": {"customer", "subscription", "status"},
    "charge": {"customer", "payment_intent"},
    "product": {"active"},
    "price": {"product", "active"},
}
WRITABLE = {"email", "name", "phone", "description", "metadata", "address", "preferred_locales", "invoice_prefix"}
_TERM = re.compile(r"(?P<field>[a-z_.]+|metadata\['(?P<key>[^']+)'\])\s*(?P<sign>:|~|>|<)\s*'?(?P<value>[^']*)'?$")


def _sign_in(control: Control, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        token = base64.b64decode(token).decode().partition(":")[0]
    if token not in control.keys:
        raise refused(401, "invalid_request_error", f"Invalid API Key provided: {token[:8]}****")
    if control.permitted is not None and request.url.path.split("/")[2] not in control.permitted:
        raise refused(
            403, "invalid_request_error", "The provided key does not have the required permissions.", code="more_permissions_required"
        )


def _endpoint(control: Control, perform: Perform) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        _sign_in(control, request)
        control.admit()
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or key is None:
            return perform(control, request, body)
        said = (request.url.path, body)
        if key in control.answers:
            before, answer = control.answers[key]
            if before != said:
                raise refused(400, "idempotency_error", "Keys for idempotent requests can only be used with the same parameters.")
            return answer
        answer = perform(control, request, body)
        control.answers[key] = (said, answer)
        return answer

    return act


def _list(kind: str) -> Perform:
    def perform(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
        query = dict(request.query_params)
        _known(query, PAGING | FILTERS[kind])
        status = query.get("status")
        items = [
            item
            for item in control.of_kind(kind)
            if all(str(item.get(name)) == query[name] for name in FILTERS[kind] - {"status"} if name in query)
            and (status in (None, "all") or item.get("status") == status)
        ]
        return 200, _page(control.of_kind(kind), items, query, request.url.path)

    return perform


def _events(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    query = dict(request.query_params)
    _known(query, PAGING | {"type", "types[]"})
    types = request.query_params.getlist("types[]")
    if len(types) > 20:
        raise refused(400, "invalid_request_error", "You may only specify up to 20 types.")
    newest = control.events[::-1]
    return 200, _page(newest, [event for event in newest if not types or event["type"] in types], query, request.url.path)


def _known(query: Mapping[str, str], names: set[str]) -> None:
    for name in query:
        if name not in names:
            raise refused(400, "invalid_request_error", f"Received unknown parameter: {name}", param=name, code="parameter_unknown")


def _page(all_of_it: list[JsonObject], items: list[JsonObject], query: Mapping[str, str], url: str) -> JsonObject:
    limit = query.get("limit", "10")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:
        raise refused(400, "invalid_request_error", "This value must be between 1 and 100.", param="limit")
    order = {item["id"]: position for position, item in enumerate(all_of_it)}
    signs: dict[str, Callable[[int, int], bool]] = {
        "gte": lambda one, two: one >= two,
        "gt": lambda one, two: one > two,
        "lt": lambda one, two: one < two,
        "lte": lambda one, two: one <= two,
    }
    for name, fits in signs.items():
        if (bound := query.get(f"created[{name}]")) is not None:
            items = [item for item in items if fits(item["created"], int(bound))]
    for name in ("starting_after", "ending_before"):
        if name in query and query[name] not in order:
            raise refused(400, "invalid_request_error", f"No such object: '{query[name]}'", param=name, code="resource_missing")
    if (after := query.get("starting_after")) is not None:
        items = [item for item in items if order[item["id"]] > order[after]]
    more = len(items) > int(limit)
    if (before := query.get("ending_before")) is not None:
        items = [item for item in items if order[item["id"]] < order[before]]
        more = len(items) > int(limit)
        items = items[-int(limit) :]
    return {"object": "list", "url": url, "has_more": more, "data": items[: int(limit)]}


def _search(kind: str) -> Perform:
    def perform(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
        query = dict(request.query_params)
        _known(query, {"query", "limit", "page"})
        terms = [_TERM.match(term.strip()) for term in query.get("query", "").split(" AND ")]
        if not all(terms):
            raise refused(400, "invalid_request_error", "We were unable to parse your search query.", param="query")
        items = [item for item in control.of_kind(kind) if all(_fits(item, cast("re.Match[str]", term)) for term in terms)]
        limit, start = int(query.get("limit", "10")), int(query.get("page", "0"))
        more = start + limit < len(items)
        found = {"object": "search_result", "url": request.url.path, "has_more": more, "data": items[start : start + limit]}
        return 200, {**found, "next_page": str(start + limit) if more else None}

    return perform


def _fits(item: JsonObject, term: re.Match[str]) -> bool:
    value = item["metadata"].get(term["key"]) if term["key"] else item.get(term["field"])
    match term["sign"]:
        case ":":
            return str(value) == term["value"]
        case "~":
            return term["value"] in str(value)
        case ">":
            return int(str(value)) > int(term["value"])
        case _:
            return int(str(value)) < int(term["value"])


def _get(kind: str) -> Perform:
    def perform(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
        return 200, _one(control, kind, request)

    return perform


def _one(control: Control, kind: str, request: Request) -> JsonObject:
    uid = str(request.path_params["id"])
    item = control.objects.get(uid)
    if item is None or item["object"] != kind:
        raise refused(404, "invalid_request_error", f"No such {kind}: '{uid}'", param="id", code="resource_missing")
    return item


def _create(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    return 200, control.add("customer", **_values(body, {}))


def _update(control: Control, request: Request, body: Json) -> tuple[int, Json]:
    customer = _one(control, "customer", request)
    return 200, control.change(customer["id"], **_values(body, customer))


def _values(body: Json, before: JsonObject) -> JsonObject:
    """A form's values: `metadata[plan]` goes into what is there, an empty one clears."""
    if not isinstance(body, dict):
        raise refused(400, "invalid_request_error", "Send a form.")
    values: JsonObject = {}
    for name, value in cast("dict[str, str]", body).items():
        field, _, key = name.partition("[")
        if field not in WRITABLE:
            raise refused(400, "invalid_request_error", f"Received unknown parameter: {field}", param=field, code="parameter_unknown")
        if field == "email" and value and "@" not in value:
            raise refused(400, "invalid_request_error", f"Invalid email address: {value}", param="email", code="email_invalid")
        if not key:
            values[field] = value or None
            continue
        inner: JsonObject = values.setdefault(field, dict(before.get(field) or {}))
        if value:
            inner[key.rstrip("]")] = value
        else:
            inner.pop(key.rstrip("]"), None)
    return values


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    endpoints: list[tuple[str, str, Perform]] = [("GET", "/v1/events", _events)]
    for kind in FILTERS:
        path = f"/v1/{kind}s"
        endpoints += [("GET", path, _list(kind)), ("GET", f"{path}/search", _search(kind)), ("GET", f"{path}/{{id}}", _get(kind))]
    endpoints += [("POST", "/v1/customers", _create), ("POST", "/v1/customers/{id}", _update)]
    return application(
        control,
        [(method, path, _endpoint(control, perform)) for method, path, perform in endpoints],
        lambda: {"stripe-version": "simulated"},
    )


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/v1"


@contextmanager
def running(per_second: int = 25) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(per_second))
    try:
        yield simulator
    finally:
        simulator.stop()
