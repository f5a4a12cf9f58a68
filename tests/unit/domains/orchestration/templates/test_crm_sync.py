"""A model and a CRM that are kept the same: both sides converge while both change, and a write-back does not wake itself forever."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.graphs import node
from tests.simulators.hubspot import server
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.records import ObjectType
from tests.simulators.hubspot.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLUMNS = {"first_name": "firstname", "last_name": "lastname", "phone": "phone", "job_title": "jobtitle", "company": "company"}
PROPERTIES = ["email", *COLUMNS.values()]
COUNT = 200
CHANGES_A_ROUND = 0.05
ROUNDS = 2


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Running]:
    with server.running(Numbers(ten_seconds=100_000, search=10_000), search_lag=0.0) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def backend(databases: Databases, hubspot: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    with databases.lent() as url:
        folder = tmp_path_factory.mktemp("backend")
        async with running_backend(url, folder, CARGO_AI_SERVICE_ADDRESSES=f"hubspot={hubspot.url}") as running:
            yield running


@dataclass
class Crm:
    """An account of HubSpot, and the model that its connector fills."""

    backend: Backend
    hubspot: Running
    model: str

    @property
    def contacts(self) -> ObjectType:
        """What the account holds."""
        return self.hubspot.control.account.type_named("contacts")

    @property
    def writes(self) -> int:
        """How many contacts were written to so far."""
        seen = self.hubspot.control.sent("POST", "contacts/batch/upsert$")
        return sum(len(call.body["inputs"]) for call in seen)

    async def sync(self) -> Body:
        """Bring what has changed into the model."""
        run = (await self.backend.admin.call("storage.run.create", modelUuid=self.model))["run"]
        deadline = clock.seconds() + 300
        while clock.seconds() < deadline:
            found: Body = (await self.backend.admin.call("storage.run.get", uuid=run["uuid"]))["run"]
            if found["finishedAt"] is not None:
                assert found["status"] == "success", found["errorMessage"]
                return found
            await asyncio.sleep(0.05)
        raise AssertionError("the sync does not end")


async def crm_of(backend: Backend, hubspot: Running, slug: str) -> Crm:
    """A connector, and its contacts as a model."""
    account = {"method": "privateApp", "accessToken": hubspot.key}
    made = await backend.admin.call("connection.connector.create", integrationSlug="hubspot", slug=slug, name=slug, config=account)
    config = {"objectType": "contacts", "columnSelectionMode": "selected", "properties": PROPERTIES}
    fields = {"slug": f"{slug}_contacts", "name": "Contacts", "datasetUuid": made["dataset"]["uuid"], "extractorSlug": "fetchRecords"}
    model = (await backend.admin.call("storage.model.create", **fields, config=config))["model"]["uuid"]
    crm = Crm(backend, hubspot, model)
    deadline = clock.seconds() + 300
    while clock.seconds() < deadline:
        runs = (await backend.admin.call("storage.run.list", modelUuid=model))["runs"]
        if runs and runs[0]["finishedAt"] is not None:
            return crm
        await asyncio.sleep(0.05)
    raise AssertionError("the first sync does not end")


async def runs_of(backend: Backend, workflow: str, least: int = 0) -> None:
    """Wait until this many runs of a workflow have begun, and all have ended."""
    deadline, count = clock.seconds() + 300, 0
    while clock.seconds() < deadline:
        batches = (await backend.admin.call("orchestration.batch.list", workflowUuid=workflow, limit=1000))["batches"]
        count = sum(batch["runsCount"] for batch in batches)
        if count >= least and all(batch["finishedAt"] is not None for batch in batches):
            assert count == least or not least, f"{count} runs, not {least}"
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the runs do not end: {count} of {least}")


async def test_a_play_that_writes_to_the_crm_its_model_comes_from_settles(backend: Backend, hubspot: Running) -> None:
    hubspot.control.reset()
    contacts = hubspot.control.account.type_named("contacts")
    records = [contacts.create({"email": f"c{at}@example.com", "phone": str(at + 1)}) for at in range(40)]
    crm = await crm_of(backend, hubspot, "settles")
    play = (
        await backend.admin.call(
            "orchestration.play.create",
            name="Write back",
            modelUuid=crm.model,
            changeKinds=["added", "updated"],
            schedule={"type": "realtime"},
        )
    )["play"]
    connector = (await backend.admin.call("connection.connector.list", integrationSlug="hubspot"))["connectors"][0]["uuid"]
    config = {
        "objectType": "contacts",
        "matchingPropertyName": "email",
        "matchingValue": "{{nodes.start.email}}",
        "mappings": {"company": "{{`Caller of ${nodes.start.phone}`}}"},
    }
    connected = {"kind": "connector", "integrationSlug": "hubspot", "connectorUuid": connector}
    nodes = [node("start", children=("write",)), node("write", "upsertRecords", ("end",), config=config, **connected), node("end")]
    workflow = play["workflowUuid"]
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=nodes)
    await backend.admin.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True)
    for record in records[:5]:
        contacts.update(record, {"phone": "0"})
    brought: list[int] = []
    for _ in range(3):
        counts = (await crm.sync())["counts"]
        brought.append(counts["added"] + counts["updated"])
        await runs_of(backend, workflow, 5)
    # The change, and what the play itself wrote, which starts nothing.
    assert brought == [5, 5, 0] and crm.writes == 5
    assert [record.values["company"] for record in records[:5]] == ["Caller of 0"] * 5
    # What others write to the same records does, also where they take back what the play wrote, or write beside it.
    contacts.update(records[0], {"company": "Other"})
    await crm.sync()
    await runs_of(backend, workflow, 6)
    contacts.update(records[1], {"phone": "8"})
    await crm.sync()
    await runs_of(backend, workflow, 7)
    contacts.update(records[1], {"firstname": "Ann"})
    await crm.sync()
    await runs_of(backend, workflow, 8)
    assert crm.writes == 8 and [record.values["company"] for record in records[:2]] == ["Caller of 0", "Caller of 8"]


class TwoSides:
    """People of a model and contacts of HubSpot, kept the same by the two plays of the templates."""

    def __init__(self, crm: Crm, people: str, plays: list[Body]) -> None:
        self.crm, self.people, self.plays = crm, people, plays
        self.api = crm.backend.admin
        self._random = random.Random(7)

    async def here(self) -> dict[str, tuple[str, ...]]:
        """The people by address."""
        found: dict[str, tuple[str, ...]] = {}
        while True:
            page = (await self.api.call("storage.record.list", modelUuid=self.people, limit=1000, offset=len(found)))["records"]
            found |= {row["email"]: tuple(row[name] or "" for name in COLUMNS) for row in page}
            if len(page) < 1000:
                return found

    def there(self) -> dict[str, tuple[str, ...]]:
        """The contacts by address."""
        records = self.crm.contacts.records.values()
        return {one.values["email"]: tuple(one.values.get(name) or "" for name in COLUMNS.values()) for one in records}

    async def change_both(self, number: int) -> None:
        """Some people and some contacts get another value of some field; a few of both are the same."""
        values = {address: str(at) for at, address in enumerate(await self.here())}
        chosen = self._random.sample(sorted(values), int(len(values) * CHANGES_A_ROUND))
        others = self._random.sample(sorted(values), int(len(values) * CHANGES_A_ROUND)) + chosen[: len(chosen) // 10]
        updates = [{"id": address, "data": {self._random.choice(list(COLUMNS)): f"ours {number}"}} for address in chosen]
        await self.api.call("storage.record.updateBulk", modelUuid=self.people, records=updates)
        by_address = {record.values["email"]: record for record in list(self.crm.contacts.records.values())}
        for address in others:
            if address in by_address:
                self.crm.contacts.update(by_address[address], {self._random.choice(list(COLUMNS.values())): f"theirs {number}"})

    async def settle(self) -> None:
        """Sync until both sides are the same and nothing is written any more."""
        deadline, same = clock.seconds() + 400, 0
        while clock.seconds() < deadline:
            before = self.crm.writes
            await self.crm.sync()
            for play in self.plays:
                await runs_of(self.crm.backend, play["workflowUuid"])
            await asyncio.sleep(0.2)
            same = same + 1 if self.crm.writes == before and await self.here() == self.there() else 0
            if same == 3:
                return
        here, there = await self.here(), self.there()
        different = [
            (address, here.get(address), there.get(address)) for address in here | there if here.get(address) != there.get(address)
        ]
        raise AssertionError(f"{len(different)} of {len(here)} and {len(there)} differ: {different[:5]}")


@pytest.mark.slow
async def test_two_sides_converge_while_both_change(backend: Backend, hubspot: Running) -> None:
    hubspot.control.reset()
    contacts = hubspot.control.account.type_named("contacts")
    for at in range(COUNT // 2, COUNT):
        contacts.create({"email": f"c{at}@example.com", "firstname": f"First {at}", "phone": str(at)})
    crm = await crm_of(backend, hubspot, "two_sides")
    columns = (await backend.admin.call("orchestration.template.get", slug="crm-sync-out"))["template"]["needs"]["columns"]
    listed = [{"slug": name, "type": kind, "label": name} for name, kind in columns.items()]
    people = await backend.admin.model("people", columns=listed, idColumnSlug="email")
    inward = await apply(backend, "crm-sync-in", model="two_sides_contacts", values={"target_model": "people"})
    sides = TwoSides(crm, people, [inward, await apply(backend, "crm-sync-out", model="people")])
    # A few people are on both sides from the beginning.
    rows = [{"data": {"email": f"c{at}@example.com", "last_name": f"Last {at}", "job_title": "CTO"}} for at in range(COUNT // 2 + 20)]
    await backend.admin.call("storage.record.createBulk", modelUuid=people, records=rows)
    data = {"kind": "segment", "segmentUuid": inward["segmentUuid"]}
    await backend.admin.call("orchestration.batch.create", workflowUuid=inward["workflowUuid"], data=data)
    for number in range(ROUNDS):
        await sides.change_both(number)
        await crm.sync()
    await sides.settle()
    here = await sides.here()
    said = " ".join(value for values in here.values() for value in values)
    assert len(here) == COUNT and "ours" in said and "theirs" in said


async def apply(backend: Backend, slug: str, **fields: Any) -> Body:
    play: Body = (await backend.admin.call("orchestration.template.apply", slug=slug, enable=True, **fields))["play"]
    return play
