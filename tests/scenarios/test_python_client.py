"""A journey in Python: the asynchronous client builds a tool, waits, goes through pages, uploads, and repeats what was lost only once."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cargo_ai.sdk import AsyncCargo, Settings
from tests.kit.processes.real_server import RealServer
from tests.scenarios.story import graphs

pytestmark = pytest.mark.asyncio


class LosesTheFirstReply(httpx.AsyncHTTPTransport):
    """A line on which the reply to the first write is lost after the server has done it."""

    lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST" and not self.lost:
            self.lost += 1
            await response.aread()
            raise httpx.ReadError("the reply was lost", request=request)
        return response


async def test_a_tool_is_built_run_waited_for_and_its_runs_iterated(server: RealServer, tmp_path: Path) -> None:
    async with AsyncCargo.of(Settings(server.token, server.base_url)) as client:
        tool = (await client.orchestration.tool.create(name="From Python")).tool
        nodes = graphs.wait(0)
        await client.orchestration.draft_release.deploy(workflow_uuid=tool.workflow_uuid, nodes=nodes, form_fields=None)
        started = (await client.orchestration.run.create(workflow_uuid=tool.workflow_uuid, data={"name": "Ann"})).run
        done = await client.orchestration.run.wait(started.uuid, timeout=60)
        assert done.run.status == "success" and done.run_context["end"] == {"greeting": "Hello Ann"}

        companies = tmp_path / "names.csv"
        companies.write_text("name\n" + "".join(f"Person {at}\n" for at in range(25)), "utf-8")
        uploaded = await client.workspace.file.upload(companies)
        data = {"kind": "file", "s3Filename": uploaded.s3_filename}
        batch = (await client.orchestration.batch.create(workflow_uuid=tool.workflow_uuid, data=data)).batch
        assert batch is not None
        ended = (await client.orchestration.batch.wait(batch.uuid, timeout=60)).batch
        assert (ended.status, ended.runs_count, ended.failed_runs_count) == ("success", 25, 0)
        seen = [run.uuid async for run in client.orchestration.run.iterate(workflow_uuid=tool.workflow_uuid, page_size=10)]
        assert len(seen) == len(set(seen)) == 26 and started.uuid in seen
        first = [run.uuid async for run in client.orchestration.run.iterate(workflow_uuid=tool.workflow_uuid, page_size=10, max_rows=12)]
        assert first == seen[:12]


async def test_a_write_whose_reply_is_lost_is_done_once(server: RealServer) -> None:
    line = LosesTheFirstReply()
    async with AsyncCargo.of(Settings(server.token, server.base_url), transport=line) as client:
        made = (await client.orchestration.tool.create(name="Only one")).tool
        tools = [tool.uuid for tool in (await client.orchestration.tool.list()).tools if tool.name == "Only one"]
    assert line.lost == 1 and tools == [made.uuid]
