"""A server that calls a simulator of HubSpot, a connector of it, and what a worker does with a sync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.storage.sync.sync_job import SyncJob
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.simulators.hubspot import server
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.records import ObjectType, Record
from tests.simulators.hubspot.server import Running
from tests.simulators.hubspot.sign_in import SERVICE_KEY as KEY

CONFIG: dict[str, Any] = {"objectType": "contacts", "columnSelectionMode": "selected", "properties": ["city", "date_of_birth"]}


@pytest.fixture(scope="session")
def simulator() -> Iterator[Running]:
    with server.running(Numbers(ten_seconds=100_000, search=10_000), search_lag=0.0) as running:
        yield running


@pytest.fixture
def control(simulator: Running) -> Control:
    simulator.control.reset()
    return simulator.control


@pytest.fixture
def settings(tmp_path: Path, simulator: Running) -> Settings:
    addresses = {"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1", "CARGO_AI_SERVICE_ADDRESSES": f"hubspot={simulator.url}"}
    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1"} | addresses)


@dataclass
class Synced:
    """A workspace with a connector of HubSpot, and models that are filled from it."""

    api: ApiClient
    job: SyncJob
    control: Control
    connector: str
    dataset: str

    @property
    def contacts(self) -> ObjectType:
        """The contacts of the account."""
        return self.control.account.type_named("contacts")

    def add(self, count: int, *, hours_ago: float = 1) -> list[Record]:
        """Contacts that have not changed of late."""
        records = [self.contacts.create({"email": f"c{len(self.contacts.records)}@example.com", "city": "Bonn"}) for _ in range(count)]
        for record in records:
            record.created = record.updated = record.created - hours_ago * 3600
        return records

    async def model(self, slug: str = "contacts", **fields: Any) -> str:
        """A new model, which has not been read yet."""
        fields = {"slug": slug, "name": slug, "datasetUuid": self.dataset, "extractorSlug": "fetchRecords", "config": CONFIG} | fields
        return str((await self.api.call("storage.model.create", **fields))["model"]["uuid"])

    async def runs(self, model: str) -> list[Body]:
        """Its syncs, newest first."""
        return list((await self.api.call("storage.run.list", modelUuid=model))["runs"])

    async def work(self, model: str) -> Body:
        """What a worker does with the sync that is under way; the run afterwards."""
        run = (await self.runs(model))[0]
        await self.job.run(run["workspaceUuid"], run["uuid"])
        return (await self.runs(model))[0]

    async def sync(self, model: str, **how: Any) -> Body:
        """A sync, from its start to where the worker leaves it."""
        await self.api.call("storage.run.create", modelUuid=model, **how)
        return await self.work(model)

    async def filled(self, count: int, **fields: Any) -> str:
        """A model after its first sync."""
        self.add(count)
        model = await self.model(**fields)
        run = await self.work(model)
        assert run["status"] == "success", run
        return model


@pytest.fixture
async def synced(api: ApiClient, state: State, control: Control) -> Synced:
    config = {"method": "privateApp", "accessToken": KEY}
    made = await api.call("connection.connector.create", integrationSlug="hubspot", slug="crm", name="CRM", config=config)
    connector = made["connector"]["uuid"]
    datasets = (await api.call("storage.dataset.all"))["datasets"]
    dataset = next(one["uuid"] for one in datasets if one.get("connectorUuid") == connector)
    return Synced(api, SyncJob(state.services), control, connector, dataset)
