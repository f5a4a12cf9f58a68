"""Instantly conforms, takes the leads of many runs in one call, and says of each what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.integrations.instantly_v2 import client
from cargo_ai.integrations.instantly_v2.fields import INTERESTS
from cargo_ai.integrations.kit import ConnectorAction, Done, integrations
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Extraction, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.instantly_v2 import server
from tests.simulators.instantly_v2.control import ERRORS, KEY, WARM, Control

Json = Any
ADA: dict[str, Json] = {
    "campaignId": WARM,
    "email": "ada@acme.example",
    "firstName": "Ada",
    "customVariables": {"plan": "pro"},
}


def _error(status: int, sentence: str) -> Json:
    return {"statusCode": status, "error": ERRORS.get(status, "Error") if status != 404 else "No such route", "message": sentence}


def _leads(control: Control) -> Json:
    return [(lead["email"], lead["first_name"], lead.get("payload"), lead.get("lt_interest_status")) for lead in control.leads.values()]


def _row(number: int) -> dict[str, Json]:
    return {**ADA, "email": f"row-{number}.ada@acme.example"}


def _fill(control: Control, count: int) -> list[str]:
    return [control.add_lead(f"lead-{number}@acme.example") for number in range(count)]


SUBJECT = Subject(
    slug="instantlyV2",
    running=server.running,
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "another-key-entirely"},
    secret=KEY,
    error=_error,
    examples={
        "addLead": Example(
            config=ADA,
            effect=_leads,
            call=("POST", "/leads/add"),
            nulls={**ADA, "firstName": None, "lastName": ""},
            row=_row,
        ),
        "findLead": Example(config={"email": "ada@acme.example"}, given=lambda control: control.add_lead("ada@acme.example")),
        "updateLeadStatus": Example(
            config={"email": "ada@acme.example", "status": "meetingBooked"},
            given=lambda control: control.add_lead("ada@acme.example"),
            effect=_leads,
        ),
        "deleteLead": Example(
            config={"id": "019cc043-d74d-7eae-885a-000000000001"},
            given=lambda control: control.add_lead("ada@acme.example"),
            effect=_leads,
        ),
        "listCampaigns": Example(config={"search": "warm"}),
        "setCampaignStatus": Example(
            config={"campaignId": WARM, "status": "active"}, effect=lambda control: [one["status"] for one in control.campaigns.values()]
        ),
        "getCampaignAnalytics": Example(config={"campaignId": WARM}),
    },
    listings=(
        Listing(
            name="leads",
            size=100,
            fill=_fill,
            read=lambda service: (str(lead["id"]) async for lead in client.leads(service)),
        ),
    ),
    extractions={"leads": Extraction(config={"campaignId": WARM}, size=100, fill=_fill)},
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["instantlyV2"].action(slug)
    assert action is not None
    return action


class TestInstantly(IntegrationConformance):
    """One campaign in a simulator."""

    subject = SUBJECT

    async def test_each_row_is_said_what_became_of_it(self, harness: Harness) -> None:
        harness.control.add_lead("there@acme.example")
        emails = ("new@acme.example", "there@acme.example", "also-new@acme.example")
        outcomes = await harness.act_on_rows(_action("addLead"), [{**ADA, "email": email} for email in emails])
        operations = [outcome.output["operation"] if isinstance(outcome, Done) else outcome for outcome in outcomes]
        assert operations == ["created", "skipped", "created"]
        skipped = outcomes[1]
        assert isinstance(skipped, Done) and "in the campaign already" in skipped.output["reason"]
        assert len(harness.control.sent("POST", "/leads/add")) == 1

    async def test_reasons_that_cannot_be_distinguished_are_all_named(self, harness: Harness) -> None:
        harness.control.blocked.add("blocked@acme.example")
        outcomes = await harness.act_on_rows(
            _action("addLead"), [{**ADA, "email": email} for email in ("blocked@acme.example", "not an address", "new@acme.example")]
        )
        reasons = [outcome.output["reason"] for outcome in outcomes if isinstance(outcome, Done)]
        assert "block list" in reasons[0] and "not valid" in reasons[0] and reasons[0] == reasons[1] and reasons[2] is None

    async def test_who_is_elsewhere_is_skipped_on_request(self, harness: Harness) -> None:
        harness.control.add_lead(ADA["email"], harness.control.add_campaign("Cold"))
        skipped = await harness.done(_action("addLead"), {**ADA, "skipIfInWorkspace": True})
        added = await harness.done(_action("addLead"), ADA)
        assert (skipped.output["operation"], added.output["operation"]) == ("skipped", "created")

    async def test_a_campaign_that_is_not_there_is_named(self, harness: Harness) -> None:
        failure = await harness.failed(_action("addLead"), {**ADA, "campaignId": "019cc043-d74d-7eae-885a-00000000ffff"})
        assert failure.reason == "notFound" and "Campaign not found" in failure.message

    async def test_a_workspace_without_a_plan_says_so(self, harness: Harness) -> None:
        harness.control.is_paid = False
        failure = await harness.failed(_action("listCampaigns"), {})
        assert failure.reason == "planLimit" and not failure.transient and "paid plan" in failure.message

    async def test_a_lead_is_found_in_its_campaign_only(self, harness: Harness) -> None:
        cold = harness.control.add_campaign("Cold")
        harness.control.add_lead("Ada@acme.example", cold)
        there = await harness.done(_action("findLead"), {"email": "ada@acme.example", "campaignId": cold})
        elsewhere = await harness.done(_action("findLead"), {"email": "ada@acme.example", "campaignId": WARM})
        assert (there.output["found"], elsewhere.output) == (True, {"found": False, "lead": None})

    @pytest.mark.parametrize("status", INTERESTS)
    async def test_every_status_can_be_set(self, harness: Harness, status: str) -> None:
        uid = harness.control.add_lead("ada@acme.example", lt_interest_status=9)
        await harness.done(_action("updateLeadStatus"), {"email": "ada@acme.example", "status": status, "campaignId": WARM})
        assert harness.control.leads[uid]["lt_interest_status"] == INTERESTS[status]

    async def test_a_lead_that_is_gone_is_fine(self, harness: Harness) -> None:
        done = await harness.done(_action("deleteLead"), {"id": "019cc043-d74d-7eae-885a-00000000ffff"})
        assert done.output["operation"] == "skipped"
