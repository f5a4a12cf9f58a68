"""Clearbit conforms: other services answer in its place, in its words, and it says which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cargo_ai.integrations.clearbit.providers import employees_range
from cargo_ai.integrations.kit import ActionRequest, ConnectorAction, Done, InvalidConfig, Outcome, attempt, integrations
from cargo_ai.integrations.kit.other_connectors import OtherConnector
from tests.integrations.enrichment import test_apolloio, test_hunter, test_people_data_labs
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.people_data_labs import server
from tests.simulators.people_data_labs.control import KEY, Control, Numbers

Json = Any
SUBJECTS = {subject.slug: subject for subject in (test_people_data_labs.SUBJECT, test_apolloio.SUBJECT, test_hunter.SUBJECT)}


@dataclass
class Others:
    """Connectors of other services. harnesses: by the integration's slug."""

    harnesses: dict[str, Harness]

    async def choose(self, integrations: Sequence[str], uuid: str = "") -> OtherConnector | None:
        """The one named by its slug, else the first there is."""
        if uuid and uuid not in integrations:
            raise InvalidConfig(f"There is no connector {uuid}.")
        slug = next((slug for slug in ([uuid] if uuid else integrations) if slug in self.harnesses), None)
        return None if slug is None else OtherConnector(slug, f"uuid of {slug}", f"Our {slug}")

    async def act(self, connector: OtherConnector, action: str, config: Mapping[str, Json]) -> Outcome:
        """What comes of it, against its simulator."""
        harness = self.harnesses[connector.integration]
        chosen = integrations()[connector.integration].action(action)
        assert chosen is not None
        return await attempt(chosen, harness.request(chosen, dict(config)))


def _of_people_data_labs(harness: Harness) -> Others:
    account = {"method": "apiKey", "apiKey": harness.account["apiKey"]}
    return Others({"peopleDataLabs": replace(harness, subject=test_people_data_labs.SUBJECT, account=account)})


def _charged(control: Control) -> Json:
    return dict(control.charged)


_COMPANY = Example(config={"domain": "acme.example"}, effect=_charged)
_PERSON = Example(config={"email": "ada@acme.example"}, effect=_charged)
SUBJECT = Subject(
    slug="clearbit",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000)),
    account=lambda _simulator: {"apiKey": KEY},
    wrong=lambda _simulator: {"apiKey": "0" * 64},
    secret=KEY,
    error=test_people_data_labs.SUBJECT.error,
    examples={
        "company_enrich": _COMPANY,
        "enrichCompany": _COMPANY,
        "enrichCompanyFromDomain": _COMPANY,
        "person_enrich": _PERSON,
        "enrichPerson": _PERSON,
    },
    others=_of_people_data_labs,
    over_http=False,
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["clearbit"].action(slug)
    assert action is not None
    return action


def _request(harness: Harness, slug: str, config: Mapping[str, Json], account: Mapping[str, Json], others: Others) -> ActionRequest:
    return replace(harness.request(_action(slug), dict(config)), connector_config=account, others=others)


class TestClearbit(IntegrationConformance):
    """People Data Labs answers."""

    subject = SUBJECT

    async def test_a_company_has_clearbits_names_and_says_who_has_answered(self, harness: Harness) -> None:
        output = (await harness.done(_action("company_enrich"), _COMPANY.config)).output
        assert (output["found"], output["name"], output["category"]["industry"]) == (True, "acme", "computer software")
        assert output["metrics"]["employeesRange"] == "11-50" and output["linkedin"] == {"handle": "company/acme"}
        assert output["answeredBy"]["integrationSlug"] == "peopleDataLabs"
        assert "Answered by People Data Labs" in output["answeredBy"]["note"] and "no new customers" in output["answeredBy"]["note"]

    async def test_what_is_not_known_has_the_same_names(self, harness: Harness) -> None:
        done = await harness.done(_action("company_enrich"), {"domain": "nowhere.example"})
        assert (done.output["found"], done.output["name"], done.output["metrics"]["employees"]) == (False, None, None)
        assert not _action("company_enrich").may_repeat(done)

    async def test_errors_are_those_of_the_one_who_answers(self, harness: Harness) -> None:
        harness.control.credits = 0
        failure = await harness.failed(_action("person_enrich"), _PERSON.config)
        assert failure.reason == "planLimit" and failure.message.startswith("People Data Labs: ")

    @pytest.mark.parametrize(
        ("slug", "provider"), [("company_enrich", "apolloio"), ("person_enrich", "apolloio"), ("person_enrich", "hunter")]
    )
    async def test_each_provider_answers_in_the_same_words(self, harness: Harness, slug: str, provider: str) -> None:
        with ExitStack() as stack:
            others = _of_people_data_labs(harness)
            for other in ("apolloio", "hunter"):
                subject = SUBJECTS[other]
                assert not isinstance(subject.running, str)
                simulator = stack.enter_context(subject.running())
                others.harnesses[other] = replace(harness, subject=subject, simulator=simulator, account=subject.account(simulator))
            config = SUBJECT.examples[slug].config
            outcomes = [
                await attempt(_action(slug), _request(harness, slug, config, {"provider": name}, others)) for name in ("", provider)
            ]
            first, second = [outcome.output for outcome in outcomes if isinstance(outcome, Done)]
        assert first.keys() == second.keys() and (first["found"], second["found"]) == (True, True)
        assert (first["answeredBy"]["integrationSlug"], second["answeredBy"]["integrationSlug"]) == ("peopleDataLabs", provider)
        former = first["name"]["fullName"] if slug == "person_enrich" else first["name"]
        given = second["name"]["fullName"] if slug == "person_enrich" else second["name"]
        assert str(given).lower() == str(former).lower()

    async def test_without_a_provider_it_says_what_to_make(self, harness: Harness) -> None:
        outcome = await attempt(_action("company_enrich"), _request(harness, "company_enrich", _COMPANY.config, {}, Others({})))
        assert "no new customers" in str(outcome) and "connector create --integration-slug peopleDataLabs" in str(outcome)

    async def test_a_provider_that_cannot_answer_is_named(self, harness: Harness) -> None:
        request = _request(harness, "company_enrich", _COMPANY.config, {"provider": "hunter"}, Others({}))
        assert "Hunter cannot answer this" in str(await attempt(_action("company_enrich"), request))


def test_numbers_of_employees_have_clearbits_classes() -> None:
    assert [employees_range(count) for count in (None, 0, 7, 251, 75_000, 1_000_000)] == [None, None, "1-10", "251-1K", "50K-100K", "100K+"]
