"""Smartlead conforms, takes the leads of many runs in one call, and is understood in each form of its answers."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, Done, Failed, integrations
from cargo_ai.integrations.smartlead.client import POLICIES
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.smartlead import server
from tests.simulators.smartlead.control import KEY, WARM, Control

Json = Any
ADA: dict[str, Json] = {"campaignId": WARM, "email": "ada@acme.example", "firstName": "Ada", "customFields": {"plan": "pro", "seats": 3}}


def _error(status: int, sentence: str) -> Json:
    return {"error": {"code": str(status), "message": sentence}}


def _leads(control: Control) -> Json:
    return [
        (lead["email"], lead.get("first_name"), lead["custom_fields"], state["status"], state["lead_category_id"])
        for (_, uid), state in control.members.items()
        for lead in [control.leads[uid]]
    ]


def _there(control: Control) -> None:
    control.add_lead("ada@acme.example")


def _row(number: int) -> dict[str, Json]:
    return {**ADA, "email": f"row-{number}.ada@acme.example"}


OF_ADA: dict[str, Json] = {"email": "ada@acme.example", "campaignId": WARM}
SUBJECT = Subject(
    slug="smartlead",
    running=lambda: server.running(per_minute=100_000),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "another-key-entirely"},
    secret=KEY,
    error=_error,
    examples={
        "addLead": Example(
            config=ADA,
            effect=_leads,
            call=("POST", "/leads$"),
            nulls={**ADA, "firstName": None, "lastName": ""},
            row=_row,
        ),
        "findLead": Example(config={"email": "ada@acme.example"}, given=_there),
        "updateLeadStatus": Example(config={**OF_ADA, "status": "paused"}, given=_there, effect=_leads, call=("POST", "/pause$")),
        "setLeadCategory": Example(config={**OF_ADA, "categoryId": 2}, given=_there, effect=_leads, call=("POST", "/category$")),
        "listCampaigns": Example(config={"status": "ACTIVE"}),
        "getCampaignStatistics": Example(config={"campaignId": WARM}, given=_there),
        "getCampaignAnalytics": Example(config={"campaignId": WARM}),
    },
    extractions={
        "leads": Extraction(
            config={"campaignId": WARM},
            size=100,
            fill=lambda control, count: [str(control.add_lead(f"lead-{number}@acme.example")) for number in range(count)],
        )
    },
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["smartlead"].action(slug)
    assert action is not None
    return action


async def _add(harness: Harness, *emails: str, **more: Json) -> list[Json]:
    outcomes = await harness.act_on_rows(_action("addLead"), [{**ADA, "email": email, **more} for email in emails])
    return [outcome.output if isinstance(outcome, Done) else outcome for outcome in outcomes]


class TestSmartlead(IntegrationConformance):
    """One campaign in a simulator whose limits are out of the way."""

    subject = SUBJECT

    async def test_each_row_is_said_what_became_of_it(self, harness: Harness) -> None:
        harness.control.add_lead("there@acme.example")
        harness.control.blocked.add("blocked@acme.example")
        new, there, blocked = await _add(harness, "new@acme.example", "there@acme.example", "blocked@acme.example")
        assert [row["operation"] for row in (new, there, blocked)] == ["created", "skipped", "skipped"]
        assert (there["reason"], blocked["reason"]) == ("already in this campaign", "in the global block list")
        assert len(harness.control.sent("POST")) == 1

    async def test_numbers_alone_tell_as_much_as_they_can(self, harness: Harness) -> None:
        harness.control.names_skipped = False
        assert [row["operation"] for row in await _add(harness, "a1@acme.example", "a2@acme.example")] == ["created", "created"]
        again = await _add(harness, "a1@acme.example", "a2@acme.example")
        assert {(row["operation"], row["reason"]) for row in again} == {("skipped", "It is in the campaign already.")}
        mixed = await _add(harness, "a1@acme.example", "a3@acme.example")
        assert all("took 1 of 2" in row["reason"] and "in the campaign already" in row["reason"] for row in mixed)

    async def test_a_plan_that_is_full_fails(self, harness: Harness) -> None:
        harness.control.is_full = True
        (outcome,) = await _add(harness, "ada@acme.example")
        assert isinstance(outcome, Failed) and outcome.reason == "planLimit" and not outcome.transient

    async def test_who_is_in_another_campaign_is_added_on_request(self, harness: Harness) -> None:
        harness.control.add_lead("ada@acme.example", harness.control.add_campaign("Cold"))
        (skipped,) = await _add(harness, "ada@acme.example")
        (added,) = await _add(harness, "ada@acme.example", allowInOtherCampaigns=True)
        assert (skipped["operation"], added["operation"]) == ("skipped", "created")

    async def test_custom_fields_are_texts(self, harness: Harness) -> None:
        await harness.done(_action("addLead"), ADA)
        (lead,) = harness.control.leads.values()
        assert lead["custom_fields"] == {"plan": "pro", "seats": "3"}

    @pytest.mark.parametrize(("status", "kept"), [("paused", "PAUSED"), ("active", "STARTED"), ("unsubscribed", "UNSUBSCRIBED")])
    async def test_every_status_can_be_set(self, harness: Harness, status: str, kept: str) -> None:
        _there(harness.control)
        done = await harness.done(_action("updateLeadStatus"), {**OF_ADA, "campaignId": int(WARM), "status": status})
        assert done.output["value"] == status and _leads(harness.control)[0][3] == kept

    async def test_a_lead_that_is_not_there_is_named(self, harness: Harness) -> None:
        failure = await harness.failed(_action("updateLeadStatus"), {**OF_ADA, "status": "paused"})
        assert failure.reason == "notFound" and "ada@acme.example" in failure.message
        done = await harness.done(_action("findLead"), {"email": "ada@acme.example"})
        assert done.output == {"found": False, "lead": None}

    async def test_nothing_in_place_of_a_lead_is_no_lead(self, harness: Harness) -> None:
        harness.control.fail(status=200, body={})
        assert (await harness.done(_action("findLead"), {"email": "ada@acme.example"})).output["found"] is False

    async def test_the_field_that_is_wrong_is_named(self, harness: Harness) -> None:
        _there(harness.control)
        failure = await harness.failed(_action("setLeadCategory"), {**OF_ADA, "categoryId": 99})
        assert "no such category" in failure.message and "(category_id)" in failure.message

    async def test_the_key_is_in_no_log(self, harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await harness.done(_action("listCampaigns"), {})
        assert KEY in harness.control.sent()[0].query and KEY not in caplog.text

    def test_answers_correct_the_limit_of_a_minute(self) -> None:
        control = Control(60)
        control.admit()
        assert POLICIES[1].headers is not None and control.headers()["x-ratelimit-remaining"] == "59"


def test_the_simulator_takes_as_many_calls_as_it_says() -> None:
    control = Control(1)
    control.admit()
    with pytest.raises(Exception, match="Too many"):
        control.admit()
