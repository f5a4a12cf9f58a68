"""The conformance suite finds what is wrong with an integration, and nothing wrong with a right one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from pydantic import Field

from cargo_ai.integrations.kit import (
    AccountSpec,
    Action,
    ActionRequest,
    Bearer,
    ConnectorAction,
    Done,
    Failed,
    Form,
    Integration,
    Outcome,
    RowBatch,
    Service,
    ServiceError,
    ServiceSpec,
    Verification,
    cursor,
    items_of,
    schema_of,
)
from cargo_ai.outbound import http_client
from tests.kit.conformance.harness import SETTINGS, Harness
from tests.kit.conformance.subject import Example, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators import things

Perform = Callable[[ActionRequest], Awaitable[Outcome]]


class Thing(Form):
    name: str
    note: str | None = None
    fields: dict[str, Any] = Field(default={})


class Made(Form):
    id: str
    name: str


async def add(request: ActionRequest) -> Outcome:
    thing = request.form(Thing)
    body = {"name": thing.name, **thing.fields, **({} if thing.note is None else {"note": thing.note})}
    made = (await request.service.post("/things", json=body)).body
    return Done({"id": made["id"], "name": made["name"]})


async def add_many(requests: Sequence[ActionRequest]) -> Sequence[Outcome]:
    answer = await requests[0].service.post("/things/batch", json={"things": [{"name": request.form(Thing).name} for request in requests]})
    return [Done({"id": made["id"], "name": made["name"]}) for made in answer.body["things"]]


ADD: ConnectorAction = Action(
    slug="addThing",
    kind="connector",
    name="Add a thing",
    description="Adds a thing.",
    does="acts",
    hint="writes",
    idempotency="key",
    config_schema=schema_of(Thing),
    output_schema=schema_of(Made),
    perform=add,
)
ADD_MANY = replace(ADD, slug="addThings", perform=None, rows=RowBatch(add_many, max=50))
RIGHT = Integration(
    slug="things",
    name="Things",
    description="Keeps things.",
    icon='<svg xmlns="http://www.w3.org/2000/svg"/>',
    color="#000000",
    url="https://things.example",
    category="storage",
    account=AccountSpec(sign_ins=(Bearer(),), verification=Verification("/me")),
    service=ServiceSpec("https://api.things.example", idempotency_header="Idempotency-Key"),
    actions=(ADD, ADD_MANY),
    documentation="# Things\n\n`addThing`, `addThings`.\n",
)


async def _read(service: Service, **wrong: Any) -> AsyncIterator[str]:
    async def page(after: str | None) -> Any:
        return await service.get("/things", query={"after": after, "limit": 10, **wrong})

    async for thing in items_of(cursor(page, items="things", next="next")):
        yield thing["id"]


def _fill(control: things.Things, count: int) -> list[str]:
    return [control.add({"name": f"thing {number}"})["id"] for number in range(count)]


def _names(control: things.Things) -> list[str]:
    return [thing["name"] for thing in control.things.values()]


def subject_of(integration: Integration, read: Callable[[Service], AsyncIterator[str]] = _read) -> Subject:
    rejected = {"name": "lamp", "fields": {"colour": "red"}}
    one = Example(config={"name": "lamp"}, effect=_names, call=("POST", "/things"), rejected=rejected, says="`colour`")
    many = Example(
        config={"name": "lamp"},
        effect=_names,
        call=("POST", "/batch"),
        rejected={"name": ""},
        says="`name`",
        row=lambda number: {"name": f"row-{number}."},
    )
    return Subject(
        slug="things",
        integration=integration,
        running=things.Running,
        account=lambda _simulator: {"token": things.KEY},
        wrong=lambda _simulator: {"token": "another-key"},
        secret=things.KEY,
        error=lambda _status, sentence: {"message": sentence},
        examples={"addThing": one, "addThings": many},
        listings=(Listing(name="things", size=10, fill=_fill, read=read),),
    )


class TestThings(IntegrationConformance):
    """A right integration conforms."""

    subject = subject_of(RIGHT)


async def judge(subject: Subject, test: str, **fixtures: object) -> None:
    """Run one test of the suite."""
    case = IntegrationConformance()
    case.subject = subject  # type: ignore[misc]
    with things.Running() as simulator:
        async with http_client.client(SETTINGS) as client:
            harness = Harness(subject, simulator, client, subject.account(simulator))
            method = getattr(case, f"test_{test}")
            wanted = {name: value for name, value in fixtures.items() if name in inspect.signature(method).parameters}
            judged = method(harness, **wanted)
            if asyncio.iscoroutine(judged):
                await judged


async def _insists(request: ActionRequest) -> Outcome:
    """Repeats by itself what the service refused."""
    try:
        return await add(request)
    except ServiceError:
        return await add(request)


async def _swallows(request: ActionRequest) -> Outcome:
    """Says that all went well."""
    try:
        return await add(request)
    except ServiceError:
        return Done({"id": "1", "name": "?"})


async def _tells(request: ActionRequest) -> Outcome:
    """Shows the secret."""
    try:
        return await add(request)
    except ServiceError as error:
        return Failed(f"{error.message} Detail 4711 of {request.connector_config['token']}", reason=error.reason)


async def _mute(request: ActionRequest) -> Outcome:
    """Leaves the vendor's words out."""
    try:
        return await add(request)
    except ServiceError as error:
        return Failed("It did not work.", transient=error.transient, reason=error.reason)


async def _numbers(request: ActionRequest) -> Outcome:
    """Its output is not what its schema says."""
    done = await add(request)
    assert isinstance(done, Done)
    return Done({**done.output, "id": int(done.output["id"])})


async def _partial(requests: Sequence[ActionRequest]) -> Sequence[Outcome]:
    """Fails all rows for one."""
    try:
        return await add_many(requests)
    except ServiceError as error:
        return [error.to_outcome()] * len(requests)


def acting(perform: Perform) -> Integration:
    return replace(RIGHT, actions=(replace(ADD, perform=perform), ADD_MANY))


WRONG: dict[str, tuple[Integration, tuple[str, ...]]] = {
    "repeats by itself": (acting(_insists), ("403_is_forbidden",)),
    "swallows errors": (acting(_swallows), ("404_is_not_found", "429_with_seconds_waits_for_them", "an_answer_that_comes_too_late")),
    "shows its secret": (acting(_tells), ("secrets_are_in_no_answer_error_or_log",)),
    "leaves the vendor's words out": (acting(_mute), ("422_is_invalid_in_the_vendors_words",)),
    "gives another output": (acting(_numbers), ("every_action_works_and_its_output_holds_to_its_schema",)),
    "sends no key": (
        replace(RIGHT, service=ServiceSpec("https://api.things.example")),
        ("a_connection_that_breaks_after_the_effect",),
    ),
    "lets unknown settings pass": (
        replace(RIGHT, actions=(replace(ADD, config_schema={"type": "object"}), ADD_MANY)),
        ("a_setting_that_an_action_does_not_have_is_refused",),
    ),
    "says nothing of its effect": (replace(RIGHT, actions=(replace(ADD, hint=None), ADD_MANY)), ("every_action_says_what_it_does",)),
    "fails all rows for one": (
        replace(RIGHT, actions=(ADD, replace(ADD_MANY, rows=RowBatch(_partial, max=50)))),
        ("a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_row_stands_alone",),
    ),
    "is not documented": (replace(RIGHT, documentation="# Things\n"), ("its_documentation_names_every_action",)),
}


@pytest.mark.parametrize("fault", WRONG)
async def test_what_is_wrong_is_found(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    integration, tests = WRONG[fault]
    for test in tests:
        with pytest.raises(AssertionError):
            await judge(subject_of(integration), test, caplog=caplog)


async def test_a_list_that_ends_too_early_is_found() -> None:
    async def first_page(service: Service) -> AsyncIterator[str]:
        for thing in (await service.get("/things", query={"limit": 10})).body["things"]:
            yield thing["id"]

    with pytest.raises(AssertionError):
        await judge(subject_of(RIGHT, first_page), "lists_of_every_length_give_each_item_once")


async def test_a_list_that_is_read_whole_before_its_first_item_is_found() -> None:
    async def whole(service: Service) -> AsyncIterator[str]:
        for item in [item async for item in _read(service)]:
            yield item

    with pytest.raises(AssertionError):
        await judge(subject_of(RIGHT, partial(whole)), "a_page_is_asked_for_only_when_it_is_wanted")
