"""Templates with services: each made by one command, and run against imitations of what it calls."""

from __future__ import annotations

import asyncio
import itertools
import json
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.simulators.hubspot import server as hubspot
from tests.simulators.hunter import server as hunter
from tests.simulators.hunter.control import Person
from tests.simulators.people_data_labs import server as people_data_labs
from tests.simulators.slack import server as slack
from tests.simulators.zero_bounce import server as zero_bounce

pytestmark = pytest.mark.asyncio(loop_scope="module")
OWNERS = {"enterprise_owner_id": "41629779", "mid_market_owner_id": "41629780", "small_owner_id": "41629781"}


@dataclass
class Services:
    """What templates call."""

    hunter: hunter.Running
    pdl: people_data_labs.Running
    zero_bounce: zero_bounce.Running
    slack: slack.Running
    hubspot: hubspot.Running

    @property
    def addresses(self) -> str:
        """Where the server finds them."""
        named = {"hunter": self.hunter, "peopleDataLabs": self.pdl, "zeroBounce": self.zero_bounce, "slack": self.slack}
        return ",".join(f"{slug}={service.url}" for slug, service in {**named, "hubspot": self.hubspot}.items())

    def reset(self) -> None:
        """New accounts."""
        for service in (self.hunter, self.pdl, self.zero_bounce, self.slack, self.hubspot):
            service.control.reset()

    def charged(self) -> tuple[int, int, int]:
        """What was paid to Hunter, People Data Labs and ZeroBounce."""
        return tuple(sum(one.control.charged.values()) for one in (self.hunter, self.pdl, self.zero_bounce))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with ExitStack() as stack:
        started = [stack.enter_context(one.running()) for one in (hunter, people_data_labs, zero_bounce, slack, hubspot)]
        yield Services(*started)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A server that finds the imitations, with a connector of each but the last in the list below."""
    with databases.lent() as url:
        folder = tmp_path_factory.mktemp("backend")
        async with running_backend(url, folder, CARGO_AI_SERVICE_ADDRESSES=services.addresses) as running:
            for slug, config in (
                ("hunter", {"apiKey": services.hunter.key}),
                ("peopleDataLabs", {"apiKey": services.pdl.key}),
                ("slack", {"botToken": services.slack.key}),
                ("hubspot", {"method": "privateApp", "accessToken": services.hubspot.key}),
            ):
                await running.admin.connector(slug.lower(), integrationSlug=slug, name=slug, config=config)
            yield running


async def apply(backend: Backend, slug: str, **fields: Any) -> Body:
    return await backend.admin.call("orchestration.template.apply", slug=slug, **fields)


async def refused(backend: Backend, slug: str, **fields: Any) -> tuple[str, str, Any]:
    _, body = await backend.admin.refusal("orchestration.template.apply", slug=slug, **fields)
    return body["reason"], body["errorMessage"], body.get("fix")


async def model(backend: Backend, template: str, slug: str, id_column: str) -> str:
    """A model with the columns that a template needs."""
    needs = (await backend.admin.call("orchestration.template.get", slug=template))["template"]["needs"]["columns"]
    columns = [{"slug": name, "type": kind, "label": name} for name, kind in needs.items()]
    return await backend.admin.model(slug, columns=columns, idColumnSlug=id_column)


async def run_play(backend: Backend, applied: Body) -> Body:
    """The play on its whole segment."""
    play = applied["play"]
    data = {"kind": "segment", "segmentUuid": play["segmentUuid"]}
    started = await backend.admin.call("orchestration.batch.create", workflowUuid=play["workflowUuid"], data=data)
    batch: Body = (await backend.ended("batches", started["batch"]["uuid"]))["batch"]
    return batch


async def until(value: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Wait for a value."""
    deadline, found = clock.seconds() + 30, None
    while clock.seconds() < deadline:
        found = await value()
        if found == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{found}, not {wanted}")


async def test_what_is_missing_is_asked_for_by_name(backend: Backend, services: Services) -> None:
    reason, message, fix = await refused(backend, "email-waterfall")
    assert reason == "connectorNotFound" and "ZeroBounce (zeroBounce)" in message and "Hunter" not in message
    words = "--integration-slug zeroBounce --slug zerobounce --name ZeroBounce --secret apiKey"
    assert fix == f"cargo-ai connection connector create {words}"
    assert (await refused(backend, "nothing"))[0] == "templateNotFound"
    assert (await refused(backend, "slack-alert", model="leads"))[1].startswith('Say with --values \'{"channel":"…"}\'')
    reason, message, _ = await refused(backend, "slack-alert", values={"chanel": "#sales"})
    assert reason == "invalidValues" and "it takes channel" in message
    reason, message, _ = await refused(backend, "slack-alert", values={"channel": "{{nodes.start.x}}"})
    assert reason == "invalidValues" and "without {{" in message
    channel = {"channel": "#general"}
    said = "Say with --model on the records of which model the play runs: one."
    assert (await refused(backend, "slack-alert", values=channel, connectors=["hunter"]))[:2] == ("modelNotFound", said)
    await backend.admin.model("some")
    reason, message, _ = await refused(backend, "slack-alert", values=channel, connectors=["hunter"], model="some")
    assert reason == "connectorNotUsed" and "is one of hunter" in message
    assert (await refused(backend, "slack-alert", values=channel, connectors=["nobody"], model="some"))[0] == "connectorNotFound"
    reason, _, fix = await refused(backend, "lead-routing", values=OWNERS, model="nowhere")
    words = dict(itertools.pairwise(shlex.split(fix)))
    config = json.loads(words["--config"])
    await backend.admin.call(
        "storage.model.create",
        slug=words["--slug"],
        name=words["--name"],
        datasetUuid=words["--dataset-uuid"],
        extractorSlug=words["--extractor-slug"],
        config=config,
    )
    assert reason == "modelNotFound" and config["idColumnSlug"] == "email"
    reason, _, fix = await refused(backend, "crm-sync-in", values={"target_model": "nowhere"}, model="contacts")
    assert reason == "modelNotFound" and "--extractor-slug fetchRecords" in fix and '{"objectType":"contacts"}' in fix
    reason, message, fix = await refused(backend, "lead-routing", values=OWNERS, model="some")
    assert reason == "modelNotCompatible" and "owner_id (string)" in message and "storage column create" in fix
    assert (await refused(backend, "list-clean-up", model="some"))[0] == "modelNotCompatible"
    assert (await backend.admin.call("orchestration.tool.all"))["tools"] == []
    assert (await backend.admin.call("orchestration.play.list"))["plays"] == []


async def test_connectors_of_another_workspace_are_unknown(backend: Backend) -> None:
    mine = (await backend.admin.call("connection.connector.list", integrationSlug="slack"))["connectors"][0]["uuid"]
    other = backend.other_api
    await other.model("theirs")
    fields = {"slug": "slack-alert", "values": {"channel": "#x"}, "model": "theirs"}
    assert (await other.refused("orchestration.template.apply", **fields, connectors=[mine]))[1] == "connectorNotFound"
    assert (await other.refused("orchestration.template.apply", **fields))[1] == "connectorNotFound"
    assert (await other.refused("orchestration.template.apply", slug="slack-alert", values={"channel": "#x"}, model="some"))[
        1
    ] == "modelNotFound"


async def test_the_waterfall_ends_at_the_first_verified_address_and_pays_nothing_after_it(backend: Backend, services: Services) -> None:
    services.reset()
    config = {"apiKey": services.zero_bounce.key}
    await backend.admin.connector("zerobounce", integrationSlug="zeroBounce", name="ZeroBounce", config=config)
    services.hunter.control.people.append(Person("alan@acme.example", "Alan", "Turing", "Acme", status="accept_all"))
    services.pdl.control.add_person("alan turing", "turing@acme.example")
    services.zero_bounce.control.verdicts |= {"grace@acme.example": ("valid", ""), "turing@acme.example": ("valid", "")}
    tool = (await apply(backend, "email-waterfall"))["tool"]

    async def find(first: str, last: str, domain: str = "https://www.Acme.example/team") -> tuple[Body, tuple[int, int, int]]:
        before = services.charged()
        data = {"first_name": first, "last_name": last, "domain": domain}
        ended = await backend.run(data, workflowUuid=tool["workflowUuid"])
        assert ended["run"]["status"] == "success", ended["run"]["errorMessage"]
        context, paid = ended["runContext"], [after - was for was, after in zip(before, services.charged(), strict=True)]
        return context.get("end") or context.get("not_found") or context["incomplete"], (paid[0], paid[1], paid[2])

    ada = {"found": True, "email": "ada@acme.example", "source": "hunter", "verified_by": "hunter"}
    assert await find("Ada", "Lovelace") == (ada, (1, 0, 0))
    grace = {"found": True, "email": "grace@acme.example", "source": "hunter", "verified_by": "zeroBounce"}
    assert await find("Grace", "Hopper") == (grace, (1, 0, 1))
    turing = {"found": True, "email": "turing@acme.example", "source": "peopleDataLabs", "verified_by": "zeroBounce"}
    assert await find("Alan", "Turing") == (turing, (1, 1, 2))
    unknown, paid = await find("No", "Body")
    assert (unknown["found"], unknown["unverified"], unknown["reason"], paid) == (False, None, "No provider has an address.", (0, 0, 0))
    assert (await find("Ada", "", "acme.example"))[1] == (0, 0, 0)
    services.hunter.control.restricted = True
    services.pdl.control.add_person("kay one", "kay@acme.example")
    gone, paid = await find("Kay", "One")
    assert (gone["unverified"], gone["reason"]) == ("kay@acme.example", "ZeroBounce says invalid of the last address.")
    assert paid == (0, 1, 1)


async def test_list_enrichment_falls_back_and_never_overwrites_a_value_with_nothing(backend: Backend, services: Services) -> None:
    services.reset()
    services.hunter.control.people.append(Person("kim@bolt.example", "Kim", "Bolt", "Bolt"))
    companies = await model(backend, "list-enrichment", "companies", "domain")
    rows = [{"domain": "acme.example", "country": "UK"}, {"domain": "bolt.example", "industry": "tools"}, {"domain": "nobody.example"}]
    await backend.admin.call("storage.record.createBulk", modelUuid=companies, records=[{"data": row} for row in rows])
    applied = await apply(backend, "list-enrichment", model="companies", connectors=["hunter", "peopledatalabs"])
    assert applied["play"]["isEnabled"] is False and "is-enabled true" in applied["next"][1]
    assert (await run_play(backend, applied))["failedRunsCount"] == 0
    names = ("name", "industry", "employee_count", "country", "enriched_from")
    found = {row["domain"]: tuple(row[name] for name in names) for row in await backend.admin.records(companies)}
    assert found == {
        "acme.example": ("acme", "computer software", 25, "UK", "peopleDataLabs"),
        "bolt.example": ("Bolt", "tools", None, None, "hunter"),
        "nobody.example": (None, None, None, None, "none"),
    }
    paid = services.charged()
    await run_play(backend, applied)
    assert services.charged() == paid
    services.pdl.control.keys = set()
    await backend.admin.call("storage.record.create", modelUuid=companies, data={"domain": "unlucky.example"})
    await run_play(backend, applied)
    unlucky = next(row for row in await backend.admin.records(companies) if row["domain"] == "unlucky.example")
    assert unlucky["enriched_from"] is None


async def test_an_alert_is_sent_for_what_enters_and_routing_gives_leads_an_owner(backend: Backend, services: Services) -> None:
    services.reset()
    leads = await model(backend, "lead-routing", "leads", "email")
    routing = await apply(backend, "lead-routing", model=leads, values=OWNERS, name="Route", enable=True)
    assert routing["play"]["isEnabled"] is True and routing["play"]["name"] == "Route"
    await apply(backend, "slack-alert", model="leads", values={"channel": "#sales"}, enable=True)
    sizes = {"a@acme.example": 5000, "b@acme.example": 100, "c<x>@acme.example": None}
    records = [{"data": {"email": email, "employee_count": size}} for email, size in sizes.items()]
    await backend.admin.call("storage.record.createBulk", modelUuid=leads, records=records)

    async def owners() -> dict[str, str]:
        return {row["email"]: row["owner_id"] for row in await backend.admin.records(leads)}

    wanted = dict(zip(sizes, OWNERS.values(), strict=True))
    await until(owners, wanted)
    contacts = services.hubspot.control.account.type_named("contacts").records.values()
    assert {record.values["email"]: record.values["hubspot_owner_id"] for record in contacts} == wanted
    channel = next(one for one in services.slack.control.channels.values() if one.name == "sales")

    async def count() -> int:
        return len(channel.messages)

    await until(count, 3)
    texts = [str(message["text"]) for message in channel.messages]
    assert any("*c&lt;x&gt;@acme.example*" in text and "• email: " in text for text in texts), json.dumps(texts)


async def test_crm_sync_merges_both_sides_field_by_field(backend: Backend, services: Services) -> None:
    """The model of the connector is filled by hand here, so that each side's state is known at each step."""
    services.reset()
    people = await model(backend, "crm-sync-out", "people", "email")
    mirror = await model(backend, "crm-sync-in", "hubspot_contacts", "hs_object_id")
    outward = await apply(backend, "crm-sync-out", model="people")
    inward = await apply(backend, "crm-sync-in", model="hubspot_contacts", values={"target_model": "people"})
    contacts = services.hubspot.control.account.type_named("contacts")

    async def put(model_uuid: str, key: str, **values: Any) -> None:
        await backend.admin.call("storage.record.update", modelUuid=model_uuid, id=key, data=values)

    async def look() -> None:
        """What a sync of the connector's model would bring."""
        known = {row["hs_object_id"] for row in await backend.admin.records(mirror)}
        for record in contacts.records.values():
            data = {name: record.values.get(name) for name in ("email", "firstname", "lastname", "phone", "jobtitle", "company")}
            if record.id in known:
                await put(mirror, record.id, **data)
            else:
                await backend.admin.add(mirror, {"hs_object_id": record.id, **data})

    async def person(email: str) -> tuple[Any, ...]:
        found = next(row for row in await backend.admin.records(people) if row["email"] == email)
        return found["first_name"], found["phone"], found["job_title"]

    def contact(email: str) -> tuple[Any, ...]:
        found = next(record.values for record in contacts.records.values() if record.values["email"] == email)
        return tuple(found.get(name) for name in ("firstname", "phone", "jobtitle"))

    await backend.admin.add(people, {"email": "ann@acme.example", "first_name": "Ann", "phone": "1", "job_title": "CTO"})
    contacts.create({"email": "bob@acme.example", "firstname": "Bob", "phone": "2"})
    await run_play(backend, outward)
    await look()
    await run_play(backend, inward)
    assert contact("ann@acme.example") == await person("ann@acme.example") == ("Ann", "1", "CTO")
    assert await person("bob@acme.example") == ("Bob", "2", None)
    calls = len(services.hubspot.control.sent("POST", "contacts/batch/upsert$"))
    for applied in (outward, inward, outward):
        assert (await run_play(backend, applied))["failedRunsCount"] == 0
    assert len(services.hubspot.control.sent("POST", "contacts/batch/upsert$")) == calls

    # Both sides change: another field each, the same field, and one is emptied.
    ann = next(record for record in contacts.records.values() if record.values["email"] == "ann@acme.example")
    contacts.update(ann, {"phone": "10", "firstname": "Anna"})
    await put(people, "ann@acme.example", job_title="CEO", first_name="Annie")
    await put(people, "bob@acme.example", phone=None, job_title="Buyer")
    await look()
    await run_play(backend, inward)
    await run_play(backend, outward)
    assert contact("ann@acme.example") == await person("ann@acme.example") == ("Anna", "10", "CEO")
    assert contact("bob@acme.example") == ("Bob", "2", "Buyer")
    await look()
    await run_play(backend, inward)
    await run_play(backend, outward)
    assert await person("bob@acme.example") == contact("bob@acme.example")
    reason, message, _ = await refused(backend, "crm-sync-in", model="hubspot_contacts", values={"target_model": "hubspot_contacts"})
    assert reason == "modelNotCompatible" and "crm_synced (string)" in message
