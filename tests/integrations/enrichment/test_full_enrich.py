"""FullEnrich conforms, and keeps its peculiarities: batches that end later, asked for seldom, paid for once."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.integrations.full_enrich.batches import AGAIN_SECONDS, FIRST_SECONDS
from cargo_ai.integrations.kit import ConnectorAction, Done, Failed, Later, attempt, integrations
from cargo_ai.integrations.kit.calls.jobs import job_of
from cargo_ai.kernel import clock
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.full_enrich import server
from tests.simulators.full_enrich.control import KEY, Control

Json = Any
JOHN = {"firstName": "John", "lastName": "Snow", "domainName": "example.com"}
BEGIN = ("POST", "/bulk$")


def _charged(control: Control) -> Json:
    return dict(control.charged)


def _row(number: int) -> dict[str, Json]:
    return {"firstName": f"row-{number}.", "lastName": "Snow", "domainName": "example.com"}


SUBJECT = Subject(
    slug="FullEnrich",
    running=lambda: server.running(100_000),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "00000000-0000-4000-8000-000000000000"},
    secret=KEY,
    error=lambda status, sentence: {"code": f"error.of.{status}", "message": sentence},
    examples={
        "findEmail": Example(config=JOHN, effect=_charged, call=BEGIN, row=_row),
        "findPhone": Example(config={"linkedinUrl": "https://www.linkedin.com/in/johnsnow"}, effect=_charged, call=BEGIN, row=_row),
        "enrichContact": Example(config={**JOHN, "personalEmails": True, "phones": True}, effect=_charged, call=BEGIN, row=_row),
        "reverseEmailLookup": Example(
            config={"email": "johnsnow@home.example"},
            effect=_charged,
            call=BEGIN,
            row=lambda number: {"email": f"row-{number}.@example.com"},
        ),
        "getCredits": Example(config={}),
    },
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["FullEnrich"].action(slug)
    assert action is not None
    return action


class TestFullEnrich(IntegrationConformance):
    """Two people whom the sources know."""

    subject = SUBJECT

    async def test_a_hundred_runs_are_begun_by_one_call_and_asked_for_by_one(self, harness: Harness) -> None:
        people = [harness.control.person("P", str(number), "many.example") for number in range(100)]
        harness.control.people += people
        configs = [{"firstName": "P", "lastName": str(number), "domainName": "many.example"} for number in range(100)]
        outcomes = await harness.act_on_rows(_action("findEmail"), configs)
        emails = [outcome.output["email"] for outcome in outcomes if isinstance(outcome, Done)]
        assert emails == [person["email"] for person in people] and harness.control.charged == {"contact.work_emails": 100}
        # Begun, asked for in vain, asked for once more.
        assert [seen.method for seen in harness.control.sent()] == ["POST", "GET", "GET"]

    async def test_it_is_asked_seldom(self, harness: Harness) -> None:
        first = await harness.later(_action("findEmail"), JOHN)
        request = harness.again(_action("findEmail"), JOHN, first.meta)
        second = await attempt(_action("findEmail"), request)
        assert isinstance(second, Later) and (first.seconds, second.seconds) == (FIRST_SECONDS, AGAIN_SECONDS)
        assert job_of(request) == next(iter(harness.control.batches))

    async def test_all_that_is_found_is_given(self, harness: Harness) -> None:
        output = (await harness.done(_action("enrichContact"), SUBJECT.examples["enrichContact"].config)).output
        assert (output["email"], output["emailStatus"], output["personalEmail"]) == (
            "john.snow@example.com",
            "DELIVERABLE",
            "johnsnow@home.example",
        )
        assert output["phone"] == "+1 555-123-4567" and output["profile"]["full_name"] == "John Snow"
        assert output["contact"]["phones"][0]["region"] == "US" and sum(harness.control.charged.values()) == 14

    @pytest.mark.parametrize("slug", ["findEmail", "reverseEmailLookup"])
    async def test_nothing_found_is_an_answer_that_costs_nothing(self, harness: Harness, slug: str) -> None:
        config = {**JOHN, "firstName": "Jon"} if slug == "findEmail" else {"email": "no.one@example.com"}
        done = await harness.done(_action(slug), config)
        assert done.output["found"] is False and harness.control.charged == {} and not _action(slug).may_repeat(done)

    async def test_credits_that_run_out_in_the_middle_give_what_was_found(self, harness: Harness) -> None:
        harness.control.credits = 1
        ada = {"firstName": "Ada", "lastName": "Lovelace", "domainName": "acme.example"}
        first, second = await harness.act_on_rows(_action("findEmail"), [JOHN, ada])
        assert isinstance(first, Done) and first.output["email"] == "john.snow@example.com"
        assert isinstance(second, Failed) and second.reason == "planLimit" and "buy some" in second.message

    async def test_a_batch_that_was_cancelled_there_fails(self, harness: Harness) -> None:
        harness.control.ends = "CANCELED"
        failure = await harness.failed(_action("findEmail"), {**JOHN, "firstName": "Jon"})
        assert failure.reason == "batchCancelled"

    async def test_a_batch_that_never_ends_is_given_up_after_a_day(self, harness: Harness) -> None:
        meta = (await harness.later(_action("findEmail"), JOHN)).meta
        meta["since"] = clock.unix_seconds() - 90_000
        outcome = await attempt(_action("findEmail"), harness.again(_action("findEmail"), JOHN, meta))
        assert isinstance(outcome, Failed) and outcome.reason == "batchPending" and meta["job"] in outcome.message

    async def test_a_batch_that_is_no_longer_known_fails(self, harness: Harness) -> None:
        meta = (await harness.later(_action("findEmail"), JOHN)).meta
        harness.control.batches.clear()
        outcome = await attempt(_action("findEmail"), harness.again(_action("findEmail"), JOHN, meta))
        assert isinstance(outcome, Failed) and outcome.reason == "notFound" and not outcome.transient

    async def test_calls_that_come_too_fast_wait_a_minute(self, harness: Harness) -> None:
        harness.control.fail(status=429, body={"code": "error.rate.limit", "message": "Too many requests. Try again in 1m"})
        failure = await harness.failed(_action("findEmail"), JOHN)
        assert failure.transient and failure.retry_after == 60.0

    @pytest.mark.parametrize(
        ("slug", "config", "says"),
        [
            ("findEmail", {"firstName": "John", "lastName": "Snow"}, "`domainName`"),
            ("enrichContact", {**JOHN, "emails": False}, "`phones`"),
            ("reverseEmailLookup", {"email": "example.com"}, "`email`"),
        ],
    )
    async def test_what_cannot_be_found_is_not_sent(self, harness: Harness, slug: str, config: dict[str, Json], says: str) -> None:
        failure = await harness.failed(_action(slug), config)
        assert says in failure.message and harness.control.sent() == []


def test_the_simulator_takes_sixty_calls_a_minute() -> None:
    control = Control()
    for _ in range(60):
        control.admit()
    with pytest.raises(Exception, match="Try again in 1m"):
        control.admit()
