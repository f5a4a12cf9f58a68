"""Cargo's data conforms: other services match a company and say what is known of it, in the words of that data."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from cargo_ai.integrations.kit import ConnectorAction, Done, attempt, integrations
from tests.integrations.enrichment import test_apolloio, test_people_data_labs
from tests.integrations.enrichment.test_clearbit import Others
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.people_data_labs import server
from tests.simulators.people_data_labs.control import KEY, Control, Numbers

Json = Any
RIGHT = {"provider": "peopleDataLabs"}


def _of_people_data_labs(harness: Harness) -> Others:
    # The account of Cargo has no secret: a wrong one is that of the connector which answers.
    account = {"method": "apiKey", "apiKey": KEY if harness.account == RIGHT else "0" * 64}
    return Others({"peopleDataLabs": replace(harness, subject=test_people_data_labs.SUBJECT, account=account)})


def _charged(control: Control) -> Json:
    return dict(control.charged)


_KNOWN = Example(config={"business_id": "peopleDataLabs:company_0000"}, effect=_charged)
SUBJECT = Subject(
    slug="cargo",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000)),
    account=lambda _simulator: RIGHT,
    wrong=lambda _simulator: {},
    secret="",
    error=test_people_data_labs.SUBJECT.error,
    examples={
        "matchBusiness": Example(config={"name": "Acme", "domain": "acme.example"}, effect=_charged),
        "enrichBusinessFirmographics": _KNOWN,
        "enrichBusinessFundingAndAcquisitions": _KNOWN,
    },
    others=_of_people_data_labs,
    over_http=False,
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["cargo"].action(slug)
    assert action is not None
    return action


class TestCargo(IntegrationConformance):
    """People Data Labs answers."""

    subject = SUBJECT

    async def test_a_matched_business_is_enriched_by_its_id(self, harness: Harness) -> None:
        matched = (await harness.done(_action("matchBusiness"), {"name": "Acme", "domain": "acme.example"})).output
        assert matched["found"] and matched["answeredBy"]["integrationSlug"] == "peopleDataLabs"
        given = (await harness.done(_action("enrichBusinessFirmographics"), {"business_id": matched["business_id"]})).output
        assert (given["name"], given["website"], given["linkedin_industry_category"]) == ("acme", "acme.example", "computer software")
        harness.control.companies[0] |= {"total_funding_raised": 5_000_000, "latest_funding_stage": "series_a"}
        funding = (await harness.done(_action("enrichBusinessFundingAndAcquisitions"), {"business_id": matched["business_id"]})).output
        assert (funding["known_funding_total_value"], funding["last_funding_round_type"]) == (5_000_000, "series_a")

    async def test_what_was_not_matched_costs_nothing_and_has_the_same_fields(self, harness: Harness) -> None:
        missing = (await harness.done(_action("matchBusiness"), {"domain": "nowhere.example"})).output
        assert (missing["found"], missing["business_id"]) == (False, None)
        before = dict(harness.control.charged)
        empty = (await harness.done(_action("enrichBusinessFirmographics"), {"business_id": None})).output
        known = (await harness.done(_action("enrichBusinessFirmographics"), _KNOWN.config)).output
        assert empty["found"] is False and empty.keys() == known.keys()
        assert harness.control.charged["enrich_company"] == before.get("enrich_company", 0) + 1

    async def test_an_id_of_elsewhere_is_refused_by_name(self, harness: Harness) -> None:
        outcome = await attempt(
            _action("enrichBusinessFirmographics"),
            harness.request(_action("enrichBusinessFirmographics"), {"business_id": "8adce3ca1cef0c986b22310e369a0793"}),
        )
        assert "take the one that matchBusiness gives" in str(outcome)

    async def test_the_one_who_has_matched_a_business_enriches_it(self, harness: Harness) -> None:
        with ExitStack() as stack:
            others = _of_people_data_labs(harness)
            subject = test_apolloio.SUBJECT
            assert not isinstance(subject.running, str)
            simulator = stack.enter_context(subject.running())
            others.harnesses["apolloio"] = replace(harness, subject=subject, simulator=simulator, account=subject.account(simulator))

            async def answer(slug: str, config: Json, account: Json) -> Json:
                request = replace(harness.request(_action(slug), config), connector_config=account, others=others)
                outcome = await attempt(_action(slug), request)
                assert isinstance(outcome, Done), outcome
                return outcome.output

            matched = await answer("matchBusiness", {"domain": "acme.example"}, {"provider": "apolloio"})
            assert matched["business_id"] == "apolloio:acme.example"
            given = await answer("enrichBusinessFirmographics", {"business_id": matched["business_id"]}, {})
        assert given["found"] and given["answeredBy"]["integrationSlug"] == "apolloio" and given["linkedin_industry_category"]
