"""Operations, their refusals and the registry."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Literal

import pytest

from cargo_ai.kernel.operation import Operation, Registry, refusal
from cargo_ai.kernel.refusal import Refusal, invalid_input
from cargo_ai.kernel.wire import ByUuid

get: Operation[ByUuid, ByUuid, Literal["thingNotFound"]] = Operation(
    "room.thing.get",
    "GET",
    "/room/{roomUuid}/things/{uuid}",
    request=ByUuid,
    response=ByUuid,
    summary="Show a thing.",
    permission="room:read",
    refusals={"thingNotFound": refusal(404, "There is no thing {name}.")},
)


def test_a_refusal_fills_its_sentence_and_carries_the_fix() -> None:
    with pytest.raises(Refusal) as refusal:
        get.refuse("thingNotFound", fix="cargo-ai room thing list", name="x")
    assert refusal.value.to_wire("r") == {
        "errorMessage": "There is no thing x.",
        "reason": "thingNotFound",
        "fix": "cargo-ai room thing list",
        "requestId": "r",
    }


def test_an_undeclared_reason_cannot_be_refused() -> None:
    with pytest.raises(KeyError):
        get.refuse("typo")  # type: ignore[arg-type]


def test_a_refusal_survives_pickling() -> None:
    before = Refusal(429, "tooManyRequests", "Later.", {"a": 1}, {"Retry-After": "3"})
    after = pickle.loads(pickle.dumps(before))
    assert (after.status, after.reason, after.message, after.details, after.headers) == (
        before.status,
        before.reason,
        before.message,
        before.details,
        before.headers,
    )


def test_invalid_input_says_the_first_error_and_how_many_more() -> None:
    refusal = invalid_input([{"path": "a", "message": "is missing"}, {"path": "b", "message": "is wrong"}])
    assert refusal.message == "a: is missing (and 1 more)"
    assert refusal.status == 400


@pytest.mark.parametrize(("verb", "reads", "writes"), [("GET", False, False), ("POST", False, True), ("POST", True, False)])
def test_what_is_no_get_writes_unless_it_says_that_it_reads(verb: Literal["GET", "POST"], reads: bool, writes: bool) -> None:
    assert replace(get, verb=verb, reads=reads).writes is writes


def test_path_fields_come_in_their_order() -> None:
    assert get.path_fields == ("roomUuid", "uuid")


def test_an_operation_is_declared_once() -> None:
    registry = Registry()
    assert registry.add(get) is registry["room.thing.get"]
    assert "room.thing.get" in registry and len(registry) == 1
    with pytest.raises(ValueError, match="declared twice"):
        registry.add(get)
