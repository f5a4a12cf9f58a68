"""Orchestration by real requests: somebody who asks operations by name, a stranger next door, and small graphs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import load_domains, secret_key
from cargo_ai.server.processes.worker import Worker
from tests.conftest import bootstrap, make_state, signed_in
from tests.kit import asker as asker_kit
from tests.kit.asker import Body
from tests.kit.databases import Databases


class Asker(asker_kit.Asker):
    """Somebody who has tools."""

    async def warned(self, name: str, /, **fields: Any) -> list[str]:
        """The warnings of a reply that must be 200."""
        reply = await self.send(name, fields)
        assert reply.status_code == 200, reply.text
        found: list[str] = json.loads(reply.headers.get("x-cargo-warnings", "[]"))
        return found

    async def refused(self, name: str, /, **fields: Any) -> tuple[int, Body]:
        """Status and body of a refusal."""
        return await self.no(name, **fields)

    async def tool(self, name: str = "Tier") -> Body:
        """A fresh tool."""
        return (await self.ask("orchestration.tool.create", name=name))["tool"]

    async def deployed(self, nodes: list[Body], name: str = "Tier") -> tuple[Body, Body]:
        """A fresh tool and its first release, with these nodes."""
        made = await self.tool(name)
        release = await self.ask("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=nodes, formFields=None)
        return made, release["release"]


@pytest.fixture
async def asker(client: httpx.AsyncClient) -> Asker:
    """The admin of the first workspace."""
    return Asker(client)


@pytest.fixture
def stranger(other_client: httpx.AsyncClient) -> Asker:
    """The admin of another workspace."""
    return Asker(other_client)


def node(slug: str, action: str | None = None, children: tuple[str, ...] = (), **more: Any) -> Body:
    """A native node whose uuid is its slug."""
    return {
        "uuid": slug,
        "slug": slug,
        "kind": "native",
        "actionSlug": action or slug,
        "config": {},
        "childrenUuids": list(children),
        "fallbackOnFailure": False,
        "position": {"x": 0, "y": 0},
        **more,
    }


@pytest.fixture
def graph() -> list[Body]:
    """start → end with one variable."""
    variables = [{"name": "domain", "type": "string", "value": "{{nodes.start.domain}}"}]
    return [node("start", children=("end",)), node("end", config={"variables": variables})]


@dataclass(frozen=True)
class Place:
    """A server and a worker that works, for all tests of a module: each test makes a workflow of its own in it."""

    admin: Asker
    stranger: Asker
    state: State
    workspace: str

    async def ended(self, noun: str, uuid: str, asker: Asker | None = None) -> Body:
        """The reply about a run or a batch when it has ended."""
        found: Body = {}
        for _ in range(4):
            reply = await (asker or self.admin).http.get(f"/v1/orchestration/{noun}/{uuid}", headers={"Prefer": "wait=20"})
            assert reply.status_code == 200, reply.text
            found = reply.json()
            if found[{"runs": "run", "batches": "batch"}[noun]]["finishedAt"] is not None:
                return found
        raise AssertionError(f"{noun} {uuid} did not end: {found}")

    async def run(self, data: Body | None = None, **fields: Any) -> Body:
        """A run that has ended, with its context."""
        made = await self.admin.ask("orchestration.run.create", data=data or {}, **fields)
        return await self.ended("runs", made["run"]["uuid"])

    async def start_batch(self, records: list[Body], **fields: Any) -> Body:
        """A batch of inline records."""
        made = await self.admin.ask("orchestration.batch.create", data={"kind": "records", "records": records}, **fields)
        found: Body = made["batch"]
        return found

    async def batch(self, records: list[Body], **fields: Any) -> Body:
        """A batch of inline records that has ended."""
        made = await self.start_batch(records, **fields)
        found: Body = (await self.ended("batches", made["uuid"]))["batch"]
        return found

    async def upload(self, name: str, content: bytes) -> str:
        """A file of the workspace, by its key."""
        key = self.state.files.new_key(self.workspace, "uploads", name)
        await self.state.files.put(key, content)
        return key

    async def idle(self, batch: str, count: int) -> list[str]:
        """The runs of a batch that wait at a node, oldest first, as soon as there are so many."""
        deadline, found = clock.seconds() + 60, list[str]()
        while clock.seconds() < deadline:
            listed = await self.admin.ask("orchestration.run.list", batchUuid=batch, statuses=["idle"])
            found = [run["uuid"] for run in listed["runs"]][::-1]
            if len(found) == count:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(found)} runs of batch {batch} wait, not {count}")

    async def parked(self, run: str) -> Body:
        """A run that waits at a node."""
        return await self.seen(run, "idle")

    async def seen(self, run: str, status: str) -> Body:
        """A run when it has this status."""
        deadline, found = clock.seconds() + 60, Body()
        while clock.seconds() < deadline:
            found = (await self.admin.ask("orchestration.run.get", uuid=run))["run"]
            if found["status"] == status:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"run {run} is {found['status']}, not {status}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """The whole application and a worker in this process, on a database of the module's."""
    with databases.lent() as url:
        async with _place(url, tmp_path_factory.mktemp("place")) as made:
            yield made


@asynccontextmanager
async def _place(url: str, folder: Path) -> AsyncIterator[Place]:
    environment = {"CARGO_AI_DATA_DIR": str(folder), "CARGO_AI_STRICT_REFUSALS": "1", "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}
    settings = Settings(environment)
    # The worker and the application open each other's secrets.
    state = replace(make_state(url, settings), secrets=secret_key(settings))
    # What a workspace is born with is known to the rooms.
    load_domains()
    born = await bootstrap(state)
    async with state.database.session(None) as db:
        other = await public.add_workspace(db, name="Other", email="stranger@example.com")
        await db.commit()
    app = application.build(state)
    worker = Worker(settings, url)
    working = asyncio.create_task(worker.run())
    async with app.router.lifespan_context(app), signed_in(app, born.token) as ours, signed_in(app, other.token) as theirs:
        yield Place(Asker(ours), Asker(theirs), state, str(born.workspace_uuid))
        worker.stop()
        await asyncio.wait_for(working, 30)


__all__ = ["Asker", "Body", "Place", "node"]
