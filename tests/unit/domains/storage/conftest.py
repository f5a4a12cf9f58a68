"""The storage room by real requests: somebody who asks, a stranger next door, models to try things on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kit import asker as asker_kit
from tests.kit.asker import Body

COMPANIES = [
    {"slug": "domain", "type": "string", "label": "Domain"},
    {"slug": "name", "type": "string", "label": "Name"},
    {"slug": "employees", "type": "number", "label": "Employees"},
    {"slug": "founded", "type": "date", "label": "Founded"},
    {"slug": "is_public", "type": "boolean", "label": "Is public"},
    {"slug": "facts", "type": "object", "label": "Facts"},
    {"slug": "tags", "type": "array", "label": "Tags"},
]


class Asker(asker_kit.Asker):
    """Somebody who has models."""

    async def dataset(self) -> str:
        """The uuid of the workspace's own dataset."""
        found = await self.ask("storage.dataset.all")
        return str(next(one["uuid"] for one in found["datasets"] if one["kind"] == "native"))

    async def model(self, slug: str = "companies", extractor: str = "defineObject", **config: Any) -> str:
        """The uuid of a new model; without a config one of companies by domain."""
        config = config or {"columns": COMPANIES, "idColumnSlug": "domain", "titleColumnSlug": "name"}
        made = await self.ask(
            "storage.model.create",
            slug=slug,
            name=slug.title(),
            datasetUuid=await self.dataset(),
            extractorSlug=extractor,
            config=config,
        )
        return str(made["model"]["uuid"])

    async def column(self, model: str, **column: Any) -> Body:
        """A new column of a model."""
        made: Body = (await self.ask("storage.column.create", modelUuid=model, column={"label": "", "type": "string", **column}))["column"]
        return made

    async def add(self, model: str, *records: Body) -> list[Body]:
        """New records."""
        made = await self.ask("storage.record.createBulk", modelUuid=model, records=[{"data": one} for one in records])
        found: list[Body] = made["records"]
        return found

    async def records(self, model: str, **page: Any) -> list[Body]:
        """The records of a model by id."""
        found = await self.ask("storage.record.list", modelUuid=model, sort={"kind": "asc", "columnSlug": "_id"}, **page)
        listed: list[Body] = found["records"]
        return listed


@pytest.fixture
def asker(client: httpx.AsyncClient) -> Asker:
    """The first workspace's admin."""
    return Asker(client)


@pytest.fixture
def stranger(other_client: httpx.AsyncClient) -> Asker:
    """The admin of another workspace."""
    return Asker(other_client)
