"""lemlist conforms, and keeps its peculiarities: errors are sentences, a lead is in a campaign once, deleting is not unsubscribing."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, Service, attempt, integrations, items_of
from cargo_ai.integrations.lemlist.client import PAGE, campaigns
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.lemlist import server
from tests.simulators.lemlist.control import KEY, Control

Json = Any
WINTER, SPRING = "cam_00000000000000001", "cam_00000000000000002"
LEAD, EMAIL = "lea_00000000000000001", "ada@acme.example"


def _leads(control: Control) -> Json:
    return [dict(lead) for lead in control.leads]


def _listed(control: Control) -> Json:
    return dict(control.unsubscribed)


def _ada(control: Control) -> None:
    control.add_lead(WINTER, email=EMAIL, firstName="Ada")


def _unsubscribed(control: Control) -> None:
    control.unsubscribed[EMAIL] = "api"


def _fill(control: Control, count: int) -> list[str]:
    control.campaigns.clear()
    return [control.add_campaign(f"C{number}") for number in range(count)]


async def _ids(service: Service) -> AsyncIterator[str]:
    async for campaign in items_of(campaigns(service)):
        yield campaign["_id"]


SUBJECT = Subject(
    slug="lemlist",
    running=lambda: server.running(100_000),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "0" * 32},
    secret=KEY,
    error=lambda _status, sentence: sentence,
    examples={
        "addLead": Example(
            config={"campaignId": WINTER, "email": EMAIL, "firstName": "Ada", "variables": {"plan": "Pro", "size": 12}}, effect=_leads
        ),
        "updateLead": Example(
            config={"campaignId": WINTER, "lead": EMAIL, "jobTitle": "Countess"},
            given=_ada,
            effect=_leads,
            nulls={"campaignId": WINTER, "lead": EMAIL, "jobTitle": "", "firstName": " "},
        ),
        "findLead": Example(config={"email": EMAIL}, given=_ada),
        "updateLeadStatus": Example(config={"lead": EMAIL, "status": "interested"}, given=_ada, effect=_leads),
        "deleteLead": Example(config={"campaignId": WINTER, "lead": LEAD}, given=_ada, effect=_leads),
        "unsubscribe": Example(config={"value": EMAIL}, effect=_listed),
        "resubscribe": Example(config={"value": EMAIL}, given=_unsubscribed, effect=_listed),
        "listCampaigns": Example(config={"status": "running"}),
    },
    listings=(Listing(name="campaigns", size=PAGE, fill=_fill, read=_ids),),
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["lemlist"].action(slug)
    assert action is not None
    return action


class TestLemlist(IntegrationConformance):
    """Two campaigns without leads."""

    subject = SUBJECT

    async def test_a_lead_is_in_a_campaign_once(self, harness: Harness) -> None:
        config = SUBJECT.examples["addLead"].config
        done = [await harness.done(_action("addLead"), config) for _ in range(2)]
        assert [one.output["operation"] for one in done] == ["created", "skipped"] and "already in the campaign" in done[1].output["reason"]
        elsewhere = [
            await harness.done(_action("addLead"), {**config, "campaignId": SPRING, "deduplicate": flag}) for flag in (True, False)
        ]
        assert [one.output["operation"] for one in elsewhere] == ["skipped", "created"]
        assert [lead["size"] for lead in harness.control.leads] == ["12", "12"]

    @pytest.mark.parametrize(
        ("config", "says"),
        [({"firstName": "Ada"}, "`email`"), ({"email": EMAIL, "variables": {"email": "x"}}, "which has a field of its own")],
    )
    async def test_a_lead_that_cannot_be_written_to_is_not_sent(self, harness: Harness, config: dict[str, Json], says: str) -> None:
        failure = await harness.failed(_action("addLead"), {"campaignId": WINTER, **config})
        assert says in failure.message and harness.control.sent() == []

    async def test_a_lead_that_is_deleted_is_not_unsubscribed(self, harness: Harness) -> None:
        _ada(harness.control)
        config = SUBJECT.examples["deleteLead"].config
        operations = [(await harness.done(_action("deleteLead"), config)).output["operation"] for _ in range(2)]
        assert operations == ["deleted", "skipped"] and harness.control.unsubscribed == {} and harness.control.leads == []
        request = harness.request(_action("deleteLead"), config)
        again = await attempt(_action("deleteLead"), replace(request, call=replace(request.call, repeated=True)))
        assert "deleted" in str(again)

    async def test_a_lead_that_is_not_known_is_an_answer(self, harness: Harness) -> None:
        assert (await harness.done(_action("findLead"), {"email": EMAIL})).output == {"found": False, "lead": None}

    @pytest.mark.parametrize("status", ["interested", "notInterested", "paused", "resumed"])
    async def test_each_status_is_said(self, harness: Harness, status: str) -> None:
        _ada(harness.control)
        lead = {"lead": LEAD, "status": status, **({} if status == "resumed" else {"campaignId": WINTER})}
        await harness.done(_action("updateLeadStatus"), lead)
        kept = harness.control.leads[0]
        assert kept.get("state") == status if "nterested" in status else kept["isPaused"] is (status == "paused")

    async def test_who_has_asked_not_to_be_written_to_stays_on_the_list(self, harness: Harness) -> None:
        harness.control.unsubscribed[EMAIL] = "lead"
        failure = await harness.failed(_action("resubscribe"), {"value": EMAIL})
        assert failure.reason == "conflict" and "protected" in failure.message
        assert (await harness.done(_action("resubscribe"), {"value": "@other.example"})).output["unsubscribed"] is False

    async def test_the_key_is_sent_as_a_password_and_hidden_in_each_form(self, harness: Harness) -> None:
        pair = base64.b64encode(f":{KEY}".encode()).decode()
        assert (await harness.opened().credentials()).headers == {"authorization": f"Basic {pair}"}
        assert {KEY, pair} <= set(harness.sensitive_texts())


def test_the_simulator_takes_twenty_calls_in_two_seconds() -> None:
    control = Control()
    for _ in range(20):
        control.admit()
    with pytest.raises(Exception, match="Too many"):
        control.admit()
