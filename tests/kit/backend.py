"""The whole application and a worker in this process, for all tests of a module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.api.state import State
from cargo_ai.server.key_rotation.installation_key import secret_key
from cargo_ai.server.processes.worker import Worker
from tests.kit.api_client import ApiClient, Body
from tests.kit.application import bootstrap, make_state, signed_in
from tests.kit.data.first_workspace import add_workspace


@dataclass(frozen=True)
class Backend:
    """An application and a worker. Tests share them, and each makes workflows of its own."""

    admin: ApiClient
    other_api: ApiClient
    state: State
    workspace: str
    app: Starlette

    async def ended(self, noun: str, uuid: str, api: ApiClient | None = None) -> Body:
        """The response about a run or a batch when it has ended."""
        body: Body = {}
        for _ in range(4):
            response = await (api or self.admin).http.get(f"/v1/orchestration/{noun}/{uuid}", headers={"Prefer": "wait=20"})
            assert response.status_code == 200, response.text
            body = response.json()
            if body[{"runs": "run", "batches": "batch"}[noun]]["finishedAt"] is not None:
                return body
        raise AssertionError(f"{noun} {uuid} did not end: {body}")

    async def run(self, data: Body | None = None, **fields: Any) -> Body:
        """A run that has ended, with its context."""
        response = await self.admin.call("orchestration.run.create", data=data or {}, **fields)
        return await self.ended("runs", response["run"]["uuid"])

    async def start_batch(self, records: list[Body], **fields: Any) -> Body:
        """A batch of inline records."""
        response = await self.admin.call("orchestration.batch.create", data={"kind": "records", "records": records}, **fields)
        batch: Body = response["batch"]
        return batch

    async def batch(self, records: list[Body], **fields: Any) -> Body:
        """A batch of inline records that has ended."""
        started = await self.start_batch(records, **fields)
        batch: Body = (await self.ended("batches", started["uuid"]))["batch"]
        return batch

    async def upload(self, name: str, content: bytes) -> str:
        """A file of the workspace, by its key."""
        key = self.state.files.new_key(self.workspace, "uploads", name)
        await self.state.files.put(key, content)
        return key

    async def idle(self, batch: str, count: int) -> list[str]:
        """The runs of a batch that wait at a node, oldest first, as soon as there are `count`."""
        deadline, runs = clock.seconds() + 60, list[str]()
        while clock.seconds() < deadline:
            page = await self.admin.call("orchestration.run.list", batchUuid=batch, statuses=["idle"])
            runs = [run["uuid"] for run in page["runs"]][::-1]
            if len(runs) == count:
                return runs
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(runs)} runs of batch {batch} wait, not {count}")

    async def parked(self, run: str) -> Body:
        """A run that waits at a node."""
        return await self.reached(run, "idle")

    async def reached(self, uuid: str, status: str) -> Body:
        """A run when it has this status."""
        deadline, run = clock.seconds() + 60, Body()
        while clock.seconds() < deadline:
            run = (await self.admin.call("orchestration.run.get", uuid=uuid))["run"]
            if run["status"] == status:
                return run
            await asyncio.sleep(0.02)
        raise AssertionError(f"run {uuid} is {run['status']}, not {status}")


@asynccontextmanager
async def running_backend(url: str, folder: Path, **more: str) -> AsyncGenerator[Backend]:
    """A backend on that database, with its files in that folder, and more in its environment."""
    environment = {"CARGO_AI_DATA_DIR": str(folder), "CARGO_AI_STRICT_REFUSALS": "1", "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1", **more}
    settings = Settings(environment)
    # The worker and the application open each other's secrets.
    state = replace(make_state(url, settings), secrets=secret_key(settings))
    first = await bootstrap(state)
    async with state.database.session(None) as db:
        other = await add_workspace(db, "Other", "stranger@example.com")
        await db.commit()
    app = application.build(state)
    worker = Worker(settings, url)
    working = asyncio.create_task(worker.run())
    async with app.router.lifespan_context(app), signed_in(app, first.token) as http, signed_in(app, other.token) as other_http:
        try:
            yield Backend(ApiClient(http), ApiClient(other_http), state, str(first.workspace_uuid), app)
        finally:
            worker.stop()
            await asyncio.wait_for(working, 60)
