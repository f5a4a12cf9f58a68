"""Apollo conforms, and keeps its peculiarities: ten in a call, three windows for each endpoint, numbers that come later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cargo_ai.engine.limits import reading
from cargo_ai.engine.limits.policy import Reading
from cargo_ai.integrations.apolloio.client import POLICIES, endpoint_of
from cargo_ai.integrations.apolloio.searching import PAGE, contacts, organizations, people
from cargo_ai.integrations.kit import CallShape, ConnectorAction, Done, Failed, Later, Outcome, Service, attempt, integrations, items_of
from cargo_ai.integrations.kit.calls.jobs import job_of
from cargo_ai.kernel import clock
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.apolloio import server
from tests.simulators.apolloio.control import KEY, Control, Numbers

Json = Any
ADA = {"first_name": "Ada", "last_name": "Lovelace", "domain": "acme.example"}
SEQUENCE, MAILBOX = "66e9e215ece19801b219997f", "6630ffa2a7f52601c7578345"


def _charged(control: Control) -> Json:
    return dict(control.charged)


def _kept(control: Control) -> Json:
    return [{name: value for name, value in contact.items() if name != "id"} for contact in control.contacts]


def _contact(control: Control) -> None:
    control.contacts.append(
        {
            "id": "64a7ff0cc4dfae00013df1a5",
            "email": "ada@acme.example",
            "title": "Engineer",
            "emailer_campaign_ids": [],
            "contact_campaign_statuses": [],
            "typed_custom_fields": {},
        }
    )


def _in_sequence(control: Control) -> None:
    _contact(control)
    control.contacts[0]["emailer_campaign_ids"].append(SEQUENCE)
    control.contacts[0]["contact_campaign_statuses"].append({"emailer_campaign_id": SEQUENCE, "status": "active"})


def _people(control: Control, count: int) -> list[str]:
    control.people.clear()
    return [control.add_person("P", str(number), f"p{number}@acme.example")["id"] for number in range(count)]


def _organizations(control: Control, count: int) -> list[str]:
    control.organizations.clear()
    return [control.add_organization(f"O{number}", f"o{number}.example")["id"] for number in range(count)]


def _contacts(control: Control, count: int) -> list[str]:
    control.contacts[:] = [{"id": f"contact {number}"} for number in range(count)]
    return [contact["id"] for contact in control.contacts]


async def _read_people(service: Service) -> AsyncIterator[str]:
    async for person in items_of(people(service, {})):
        yield person["id"]


async def _read_organizations(service: Service) -> AsyncIterator[str]:
    async for organization in items_of(organizations(service, {})):
        yield organization["id"]


async def _read_contacts(service: Service) -> AsyncIterator[str]:
    async for contact in items_of(contacts(service, {})):
        yield contact["id"]


CONTACT = "64a7ff0cc4dfae00013df1a5"
SUBJECT = Subject(
    slug="apolloio",
    running=lambda: server.running(Numbers(100_000, 100_000, 100_000)),
    account=lambda _simulator: {"method": "apiKey", "apiKey": KEY},
    wrong=lambda _simulator: {"method": "apiKey", "apiKey": "0" * 22},
    secret=KEY,
    error=lambda _status, sentence: {"error": sentence},
    examples={
        "enrichPerson": Example(
            config={"parameters": ADA, "revealPersonalEmails": True},
            effect=_charged,
            row=lambda number: {"parameters": {"email": f"row-{number}.@acme.example"}},
        ),
        "enrichOrganization": Example(
            config={"domain": "https://www.acme.example/about"},
            effect=_charged,
            row=lambda number: {"domain": f"row-{number}.acme.example"},
        ),
        "searchPeople": Example(
            config={"filters": {"person_titles": ["engineer"]}}, rejected={"filters": {"shoe_size": "42"}}, says="shoe_size"
        ),
        "searchOrganizations": Example(
            config={"filters": {"q_organization_name": "acme", "revenue_range": {"min": 1}}, "limit": 5},
            effect=_charged,
            rejected={"filters": {"shoe_size": "42"}},
            says="shoe_size",
        ),
        "searchContacts": Example(config={"filters": {"q_keywords": "ada"}}, given=_contact),
        "createContact": Example(
            config={"email": "ada@acme.example", "mappings": {"first_name": "Ada"}, "customMappings": {"60c39ed82bd02f01154c470a": "Pro"}},
            effect=_kept,
            rejected={"email": "ada@acme.example", "mappings": {"shoe_size": 42}},
            says="shoe_size",
        ),
        "updateContact": Example(
            config={"contactId": CONTACT, "mappings": [{"propertyName": "title", "value": "Chief"}]},
            given=_contact,
            effect=_kept,
            rejected={"contactId": CONTACT, "mappings": {"shoe_size": 42}},
            says="shoe_size",
            nulls={"contactId": CONTACT, "mappings": {"title": None}},
        ),
        "upsertContact": Example(
            config={"email": "Ada@acme.example", "mappings": {"title": "Chief"}},
            given=_contact,
            effect=_kept,
            call=("PATCH", "contacts/"),
            rejected={"email": "ada@acme.example", "mappings": {"shoe_size": 42}},
            says="shoe_size",
            nulls={"email": "ada@acme.example", "mappings": {"title": None}},
        ),
        "addContactToSequence": Example(
            config={"sequenceId": SEQUENCE, "contactId": CONTACT, "sendEmailFromEmailAccountId": MAILBOX}, given=_contact, effect=_kept
        ),
        "removeContactFromSequence": Example(
            config={"sequenceId": SEQUENCE, "contactId": CONTACT, "mode": "remove"}, given=_in_sequence, effect=_kept
        ),
        "searchEmailAccounts": Example(config={}),
    },
    listings=(
        Listing(name="people", size=PAGE, fill=_people, read=_read_people),
        Listing(name="organizations", size=PAGE, fill=_organizations, read=_read_organizations),
        Listing(name="contacts", size=PAGE, fill=_contacts, read=_read_contacts),
    ),
)


def _action(slug: str) -> ConnectorAction:
    action = integrations()["apolloio"].action(slug)
    assert action is not None
    return action


async def _again(harness: Harness, config: dict[str, Json], meta: Json) -> Outcome:
    return await attempt(_action("enrichPerson"), harness.again(_action("enrichPerson"), config, meta))


PHONE = {"parameters": {"email": "ada@acme.example"}, "revealPhoneNumber": True}


class TestApollo(IntegrationConformance):
    """Two people and a company in a simulator whose limits are out of the way."""

    subject = SUBJECT

    async def test_people_of_several_runs_go_in_one_call_and_no_match_is_an_answer(self, harness: Harness) -> None:
        emails = ["ada@acme.example", "gone@acme.example", "grace@acme.example", "ada@acme.example"]
        outcomes = await harness.act_on_rows(_action("enrichPerson"), [{"parameters": {"email": email}} for email in emails])
        names = [outcome.output["person"] and outcome.output["person"]["first_name"] for outcome in outcomes if isinstance(outcome, Done)]
        assert names == ["Ada", None, "Grace", "Ada"]
        # Ada was asked for twice, and paid for once.
        (sent,) = harness.control.sent("POST", "bulk_match")
        assert len(sent.body["details"]) == 3 and harness.control.charged == {"people": 2}

    async def test_numbers_that_come_later_are_asked_for_until_they_are_there_and_charged_once(self, harness: Harness) -> None:
        harness.control.later = 2
        first = await harness.later(_action("enrichPerson"), PHONE)
        assert "poll_only=true" in harness.control.sent()[0].query and first.seconds == 15.0
        second = await _again(harness, PHONE, first.meta)
        third = await _again(harness, PHONE, second.meta if isinstance(second, Later) else None)
        assert isinstance(second, Later) and isinstance(third, Later) and (second.seconds, third.seconds) == (15.0, 30.0)
        done = await _again(harness, PHONE, third.meta)
        assert isinstance(done, Done) and (done.output["status"], done.output["person"]["name"]) == ("complete", "Ada Lovelace")
        assert done.output["phoneNumbers"][0]["type_cd"] == "mobile" and harness.control.charged == {"people": 1, "phones": 8}

    async def test_runs_of_one_call_ask_together_and_each_gets_its_own(self, harness: Harness) -> None:
        harness.control.later = 0
        configs = [{"parameters": {"email": f"{name}@acme.example"}, "runWaterfallEmail": True} for name in ("ada", "gone", "grace")]
        outcomes = await harness.begin_rows(_action("enrichPerson"), configs)
        assert isinstance(outcomes[1], Done) and outcomes[1].output["found"] is False
        parked = [outcome.meta for outcome in outcomes if isinstance(outcome, Later)]
        action = _action("enrichPerson")
        requests = [harness.again(action, config, meta) for config, meta in zip((configs[0], configs[2]), parked, strict=True)]
        assert action.rows is not None and len({job_of(request) for request in requests}) == 1
        found = await action.rows.perform(requests)
        assert [outcome.output["emails"][0]["email"] for outcome in found if isinstance(outcome, Done)] == [
            "ada@acme.example",
            "grace@acme.example",
        ]
        assert len(harness.control.sent("GET", "webhook_result")) == 1

    @pytest.mark.parametrize(("order", "status"), [("failed", "failed"), ("lost", "lost"), ("old", "pending")])
    async def test_what_was_paid_for_is_given_also_when_nothing_comes_later(self, harness: Harness, order: str, status: str) -> None:
        harness.control.numbers_fail = "vendor unavailable" if order == "failed" else ""
        harness.control.later = 5 if order == "old" else 0
        meta = (await harness.later(_action("enrichPerson"), PHONE)).meta
        if order == "lost":
            harness.control.results.clear()
        if order == "old":
            meta["since"] = clock.unix_seconds() - 2 * 86_400
        done = await _again(harness, PHONE, meta)
        assert isinstance(done, Done) and (done.output["status"], done.output["person"]["name"]) == (status, "Ada Lovelace")
        assert done.warnings and not _action("enrichPerson").may_repeat(done)

    async def test_a_result_that_cannot_be_asked_for_now_is_asked_for_later(self, harness: Harness) -> None:
        meta = (await harness.later(_action("enrichPerson"), PHONE)).meta
        harness.control.fail(path="webhook_result", status=503, times=9, body={"error": "Maintenance"})
        later = await _again(harness, PHONE, meta)
        assert isinstance(later, Later) and later.seconds == 60.0 and "Maintenance" in later.reason
        assert later.meta["kept"]["name"] == "Ada Lovelace"

    async def test_a_person_who_could_be_anyone_is_not_sent(self, harness: Harness) -> None:
        failure = await harness.failed(
            _action("enrichPerson"), {"parameters": {"first_name": "Ada", "last_name": " ", "domain": "acme.example"}}
        )
        assert "`email`" in failure.message and harness.control.sent() == []

    async def test_organisations_are_distinguished_when_some_are_missing(self, harness: Harness) -> None:
        harness.control.add_organization("Beta", "beta.example")
        domains = ["nowhere.example", "www.beta.example", "acme.example"]
        outcomes = await harness.act_on_rows(_action("enrichOrganization"), [{"domain": domain} for domain in domains])
        names = [
            outcome.output["organization"] and outcome.output["organization"]["name"] for outcome in outcomes if isinstance(outcome, Done)
        ]
        assert names == [None, "Beta", "Acme"] and harness.control.charged == {"organizations": 2}

    async def test_an_organisation_that_is_nobodys_is_given_to_no_one(self, harness: Harness) -> None:
        answer = {"organizations": [{"id": "1", "name": "Other"}]}
        harness.control.fail(path="bulk_enrich", status=200, body=answer)
        outcomes = await harness.act_on_rows(_action("enrichOrganization"), [{"domain": "a.example"}, {"domain": "b.example"}])
        assert all(isinstance(outcome, Failed) and outcome.reason == "unexpectedAnswer" for outcome in outcomes)

    async def test_saved_companies_are_found_among_the_others(self, harness: Harness) -> None:
        saved = harness.control.add_organization("Acme Two", "two.example", saved=True)
        done = await harness.done(_action("searchOrganizations"), {"filters": {"q_organization_name": "acme"}})
        assert {record["name"] for record in done.output["records"]} == {"Acme", "Acme Two"}
        assert saved["id"] in {record["id"] for record in done.output["records"]}

    async def test_a_contact_is_found_by_its_address_and_left_alone_when_nothing_changes(self, harness: Harness) -> None:
        config = {"email": "grace@acme.example", "mappings": {"title": "Lead", "first_name": None}}
        operations = [(await harness.done(_action("upsertContact"), config)).output["operation"] for _ in range(2)]
        config["mappings"] = {"title": "Chief"}
        operations.append((await harness.done(_action("upsertContact"), config)).output["operation"])
        assert operations == ["created", "unchanged", "updated"] and len(harness.control.contacts) == 1
        only = await harness.done(_action("upsertContact"), {"email": "eve@acme.example", "matchPolicy": "updateOnly"})
        assert only.output["operation"] == "skipped" and len(harness.control.contacts) == 1

    async def test_a_contact_who_is_in_a_sequence_is_not_added_again(self, harness: Harness) -> None:
        config = SUBJECT.examples["addContactToSequence"].config
        _contact(harness.control)
        added, again = [await harness.done(_action("addContactToSequence"), config) for _ in range(2)]
        assert added.output["added"] and not again.output["added"] and "already" in again.output["reason"]

    async def test_a_key_without_the_endpoint_says_what_to_do(self, harness: Harness) -> None:
        harness.control.scopes = set()
        failure = await harness.failed(_action("searchEmailAccounts"), {})
        assert failure.reason == "forbidden" and "master key" in failure.message

    async def test_credits_that_are_used_up_fail_with_what_to_do(self, harness: Harness) -> None:
        harness.control.credits = 0
        failure = await harness.failed(_action("enrichOrganization"), {"domain": "acme.example"})
        assert failure.reason == "planLimit" and "buy some" in failure.message

    async def test_an_error_that_is_json_in_a_text_is_read(self, harness: Harness) -> None:
        harness.control.fail(status=422, body='"{\\n \\"error\\": \\"Nothing to enrich\\"\\n}"')
        failure = await harness.failed(_action("enrichOrganization"), {"domain": "acme.example"})
        assert failure.message.endswith("Nothing to enrich")


def test_each_endpoint_has_three_windows_of_its_own() -> None:
    def windows(path: str) -> list[tuple[int, float]]:
        return [(policy.max, policy.per_seconds) for policy in POLICIES if policy.covers(CallShape("", "POST", path))]

    assert windows("/people/bulk_match") == [(1_000, 60), (60_000, 3_600), (1_440_000, 86_400)]
    assert windows("/contacts/search") == [(200, 60), (600, 3_600), (6_000, 86_400)]
    ids = {endpoint_of(CallShape("", "PATCH", f"/contacts/64a7ff0cc4dfae00013df1{number:02x}")) for number in range(20)}
    assert ids == {"PATCH /contacts/*"} and endpoint_of(CallShape("", "GET", "/webhook_result/-12")) == "GET /webhook_result/*"


def test_what_answers_say_corrects_each_window_and_unlimited_ones_say_nothing() -> None:
    control = Control(Numbers(minute=200, hourly=600, day=0))
    headers = control.admit("/contacts/search")
    policies = [policy for policy in POLICIES if policy.covers(CallShape("", "POST", "/contacts/search"))]
    assert [reading.of(policy, headers) for policy in policies] == [Reading(199, 200), Reading(599, 600), None]


def test_the_simulator_counts_three_windows() -> None:
    control = Control(Numbers(minute=5, hourly=3, day=0))
    for left in (2, 1, 0):
        headers = control.admit("/contacts")
        assert headers["x-hourly-requests-left"] == str(left) and headers["x-rate-limit-24-hour"] == ""
    with pytest.raises(Exception, match="per hourly"):
        control.admit("/contacts")
