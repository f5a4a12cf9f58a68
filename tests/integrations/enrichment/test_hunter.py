"""Hunter conforms, and keeps its peculiarities: 403 is too fast, 429 is a plan that is used up, and verifications may take minutes."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.hunter.actions.verify_email import MAX_WAITS
from cargo_ai.integrations.hunter.client import POLICIES
from cargo_ai.integrations.kit import CallShape, ConnectorAction, Failed, Later, Outcome, attempt, integrations
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.hunter import server
from tests.simulators.hunter.control import KEY, Control, Numbers, Person

Json = Any
ADA = {"first_name": "Ada", "last_name": "Lovelace", "domain": "acme.example"}
EMAIL = {"email": "ada@acme.example"}


def _error(status: int, sentence: str) -> Json:
    # Of another kind than "too fast", "no such person" and "used up", which Hunter says by 403, 404 and 429.
    code = {401: "authentication_failed", 403: "restricted_account", 404: "no_such_endpoint"}.get(status, "wrong_params")
    return {"errors": [{"id": code, "code": status, "details": sentence}]}


def _spent(control: Control) -> Json:
    return {cause: count for cause, count in control.charged.items() if cause.startswith("enrich")}


SUBJECT = Subject(
    slug="hunter",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000, 100_000)),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "0000000000000000000000000000000000000000"},
    secret=KEY,
    error=_error,
    examples={
        "findEmail": Example(config=ADA),
        "searchDomain": Example(config={"domain": "acme.example", "type": "personal", "seniorities": ["executive", "senior"]}),
        "verifyEmail": Example(config=EMAIL),
        "enrichPerson": Example(config=EMAIL, effect=_spent),
    },
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["hunter"].action(slug)
    assert action is not None
    return action


async def _verified_after(harness: Harness, waits: int) -> Outcome:
    request = harness.request(_action("verifyEmail"), EMAIL)
    return await attempt(_action("verifyEmail"), replace(request, call=replace(request.call, meta=waits or None)))


class TestHunter(IntegrationConformance):
    """People of Acme in a simulator whose limits are out of the way."""

    subject = SUBJECT

    async def test_a_plan_that_is_used_up_fails_with_what_to_do(self, harness: Harness) -> None:
        harness.control.left |= {"searches": 0, "verifications": 0}
        for action, config in harness.actions():
            failure = await harness.failed(action, config)
            assert (failure.reason, failure.transient) == ("planLimit", False), action.slug
            assert "per billing period" in failure.message and "upgrade" in failure.message, failure.message

    async def test_403_for_calls_that_come_too_fast_waits(self, harness: Harness) -> None:
        harness.control.fail(
            status=403, body={"errors": [{"id": "too_many_requests", "code": 403, "details": "You have reached the rate limit."}]}
        )
        failure = await harness.failed(_action("findEmail"), ADA)
        assert failure.transient and (failure.reason, failure.retry_after) == ("rateLimited", 10.0)

    async def test_a_restricted_account_fails_at_once(self, harness: Harness) -> None:
        harness.control.restricted = True
        failure = await harness.failed(_action("findEmail"), ADA)
        assert failure.reason == "forbidden" and not failure.transient and "contact us" in failure.message

    async def test_an_address_is_found_by_full_name_and_company(self, harness: Harness) -> None:
        done = await harness.done(_action("findEmail"), {"full_name": "Grace Hopper", "company": "acme", "first_name": ""})
        assert (done.output["email"], done.output["accept_all"]) == ("grace@acme.example", True)
        assert done.output["verification"]["status"] == "accept_all" and done.output["sources"]

    async def test_no_address_is_an_answer(self, harness: Harness) -> None:
        done = await harness.done(_action("findEmail"), {**ADA, "last_name": "Nobody"})
        assert (done.output["found"], done.output["email"], harness.control.charged) == (False, None, {})

    @pytest.mark.parametrize(
        ("config", "says"), [({"domain": "acme.example", "first_name": "Ada"}, "last_name"), ({"full_name": "Ada"}, "domain")]
    )
    async def test_a_search_without_enough_to_go_by_is_not_sent(self, harness: Harness, config: dict[str, Json], says: str) -> None:
        failure = await harness.failed(_action("findEmail"), config)
        assert f"`{says}`" in failure.message and harness.control.sent() == []

    async def test_someone_who_opted_out_is_named_as_such(self, harness: Harness) -> None:
        harness.control.people.append(Person("eve@acme.example", "Eve", "Moneypenny", "Acme", opted_out=True))
        failure = await harness.failed(_action("verifyEmail"), {"email": "eve@acme.example"})
        assert failure.reason == "personOptedOut" and not failure.transient

    async def test_a_person_who_is_not_known_is_an_answer(self, harness: Harness) -> None:
        done = await harness.done(_action("enrichPerson"), {"email": "nobody@acme.example"})
        assert done.output == {"found": False, "email": "nobody@acme.example"}

    async def test_addresses_of_a_domain_are_narrowed(self, harness: Harness) -> None:
        config = {"domain": "acme.example", "departments": ["it", "sales"], "requiredFields": ["phone_number"], "limit": 1}
        done = await harness.done(_action("searchDomain"), config)
        assert [email["value"] for email in done.output["emails"]] == ["ada@acme.example"] and done.output["total"] == 1

    async def test_a_verification_that_takes_long_is_asked_for_again_and_charged_once(self, harness: Harness) -> None:
        harness.control.pending["ada@acme.example"] = 2
        first, second = await _verified_after(harness, 0), await _verified_after(harness, 1)
        assert isinstance(first, Later) and isinstance(second, Later)
        assert (first.seconds, first.meta, second.seconds, second.meta) == (5.0, 1, 10.0, 2)
        done = await harness.done(_action("verifyEmail"), EMAIL)
        assert done.output["status"] == "valid" and harness.control.charged == {"verify ada@acme.example": 1}

    async def test_a_verification_that_never_ends_fails(self, harness: Harness) -> None:
        harness.control.pending["ada@acme.example"] = 1
        outcome = await _verified_after(harness, MAX_WAITS)
        assert isinstance(outcome, Failed) and outcome.reason == "verificationPending"

    async def test_a_mail_server_that_answers_strangely_may_do_better_later(self, harness: Harness) -> None:
        harness.control.unclear.add("ada@acme.example")
        failure = await harness.failed(_action("verifyEmail"), EMAIL)
        assert failure.transient and failure.reason == "serverUnclear"

    async def test_a_malformed_address_is_refused_in_hunters_words(self, harness: Harness) -> None:
        failure = await harness.failed(_action("verifyEmail"), {"email": "ada at acme"})
        assert "not valid" in failure.message and not failure.transient

    async def test_the_key_stands_in_no_address(self, harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for action, config in harness.actions():
            await harness.done(action, config)
        assert len(harness.control.sent()) == 4 and all(KEY not in seen.query for seen in harness.control.sent())
        assert KEY not in caplog.text

    def test_the_verifier_has_limits_of_its_own(self) -> None:
        def limits(path: str) -> list[tuple[int, float]]:
            return [(policy.max, policy.per_seconds) for policy in POLICIES if policy.covers(CallShape("", "GET", path))]

        assert limits("/email-verifier") == [(10, 1), (300, 60)] and limits("/email-finder") == [(15, 1), (500, 60)]


def test_the_simulator_takes_fifteen_calls_a_second() -> None:
    control = Control()
    for _ in range(15):
        control.admit(verifies=False)
    with pytest.raises(Exception, match="rate limit"):
        control.admit(verifies=False)
