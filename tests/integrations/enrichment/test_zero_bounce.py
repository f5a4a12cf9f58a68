"""ZeroBounce conforms, and keeps its peculiarities: each call is charged, errors come with status 200, bad requests block an account."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, integrations
from cargo_ai.integrations.zero_bounce import INTEGRATION
from cargo_ai.integrations.zero_bounce.client import SERVICE, address
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.serving import Refused
from tests.simulators.zero_bounce import server
from tests.simulators.zero_bounce.control import BAD_IN_A_MINUTE, KEY, Control

Json = Any
EMAIL = "ada@acme.example"


def _charged(control: Control) -> Json:
    return dict(control.charged)


SUBJECT = Subject(
    slug="zeroBounce",
    running=server.running,
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY, "region": "eu"},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "00000000000000000000000000000000"},
    secret=KEY,
    error=lambda _status, sentence: {"error": sentence},
    examples={"verifyEmail": Example(config={"email": EMAIL}, effect=_charged), "getCredits": Example(config={})},
    # Its address depends on the account's region: the simulator stands in for all of them.
    integration=replace(INTEGRATION, service=replace(SERVICE, base_url=address({}))),
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["zeroBounce"].action(slug)
    assert action is not None
    return action


class TestZeroBounce(IntegrationConformance):
    """Some addresses with their verdicts."""

    subject = SUBJECT

    @pytest.mark.parametrize(
        ("email", "status", "sub_status"),
        [
            (EMAIL, "valid", ""),
            ("info@acme.example", "do_not_mail", "role_based"),
            ("gone@acme.example", "invalid", "mailbox_not_found"),
            ("no address", "invalid", "failed_syntax_check"),
            ("slow@acme.example", "unknown", "greylisted"),
        ],
    )
    async def test_every_verdict_is_an_answer(self, harness: Harness, email: str, status: str, sub_status: str) -> None:
        done = await harness.done(_action("verifyEmail"), {"email": email})
        assert (done.output["status"], done.output["sub_status"]) == (status, sub_status)
        assert _action("verifyEmail").may_repeat(done) is (status != "unknown")

    async def test_a_lost_answer_is_charged_once_and_not_repeated(self, harness: Harness) -> None:
        await harness.done(_action("getCredits"), {})
        harness.control.fail(path="validate", drop="after")
        failure = await harness.failed(_action("verifyEmail"), {"email": EMAIL})
        assert (failure.reason, failure.transient) == ("outcomeUnknown", False) and harness.control.charged == {EMAIL: 1}

    async def test_an_empty_address_is_not_sent(self, harness: Harness) -> None:
        failure = await harness.failed(_action("verifyEmail"), {"email": " "})
        assert "`email`" in failure.message and harness.control.sent() == []

    async def test_a_bad_request_says_that_many_block_the_account(self, harness: Harness) -> None:
        harness.control.fail(status=400, body={"error": "A required parameter is missing."})
        failure = await harness.failed(_action("verifyEmail"), {"email": EMAIL})
        assert "for an hour after 100 such requests" in failure.message and not failure.transient

    async def test_an_account_without_credits_says_how_to_tell_it_from_a_wrong_key(self, harness: Harness) -> None:
        harness.control.credits = 0
        failure = await harness.failed(_action("verifyEmail"), {"email": EMAIL})
        assert "ran out of credits" in failure.message and "`getCredits`" in failure.message and not failure.transient
        assert (await harness.done(_action("getCredits"), {})).output == {"credits": 0}

    async def test_a_sentence_in_a_list_is_shown(self, harness: Harness) -> None:
        harness.control.fail(status=200, body={"error": ["The email is too long."]})
        failure = await harness.failed(_action("verifyEmail"), {"email": EMAIL})
        assert failure.message == "ZeroBounce: The email is too long." and failure.reason == "invalidRequest"

    async def test_calls_that_come_too_fast_wait_as_long_as_the_block(self, harness: Harness) -> None:
        harness.control.fail(status=429, body={"error": "Too many requests"})
        failure = await harness.failed(_action("verifyEmail"), {"email": EMAIL})
        assert failure.transient and failure.retry_after == 60.0

    async def test_the_key_is_in_no_log(self, harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for action, config in harness.actions():
            await harness.done(action, config)
        assert KEY in harness.control.sent()[0].query and KEY not in caplog.text


def test_each_region_has_its_address() -> None:
    regions: list[dict[str, Json]] = [{}, {"region": "us"}, {"region": "eu"}]
    assert [address(region).partition(".")[0] for region in regions] == ["https://api", "https://api-us", "https://api-eu"]


def test_the_simulator_blocks_after_a_hundred_bad_requests() -> None:
    control = Control()
    for _ in range(BAD_IN_A_MINUTE):
        control.check()
        control.bad("?")
    with pytest.raises(Refused):
        control.check()
