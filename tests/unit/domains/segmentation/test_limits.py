"""Limits of conditions in SQL: their memory, and that slow ones of one workspace leave the connections to others."""

from __future__ import annotations

import asyncio
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from cargo_ai.contract.segmentation.filter import EVERYTHING
from cargo_ai.domains.segmentation import select_records
from cargo_ai.domains.workspace import public
from cargo_ai.server.api.state import State
from cargo_ai.store.connections.turns import Turns
from tests.kit.api_client import ApiClient
from tests.unit.domains.segmentation.conftest import segment_of, where

BIG = "length(replace(replace(domain, 'c', repeat('x', 50000)), 'x', repeat('y', 5000))) > 0"


def condition(clause: str) -> dict[str, Any]:
    return where({"kind": "sql", "clause": clause})


@pytest.fixture
async def companies(api: ApiClient) -> str:
    """A model of three companies."""
    model = await api.model()
    await api.add(model, *({"domain": f"c{number}", "employees": number} for number in range(3)))
    return model


@pytest.mark.slow
@pytest.mark.alone
async def test_slow_conditions_of_a_workspace_leave_the_connections_to_others(
    api: ApiClient, other_client: httpx.AsyncClient, companies: str, state: State
) -> None:
    state.database.turns = Turns(2, 2, seconds=0.3)
    slow = condition(" or ".join(["1 in unnest(generate_array(2, 1000000 - employees))"] * 10))
    flood = [asyncio.create_task(api.send("segmentation.segment.fetch", modelUuid=companies, filter=slow)) for _ in range(22)]
    loop = asyncio.get_running_loop()
    slowest, asked = 0.0, 0
    while not all(task.done() for task in flood):
        began = loop.time()
        assert (await other_client.get("/v1/workspaceManagement/workspaces/current")).status_code == 200
        slowest, asked = max(slowest, loop.time() - began), asked + 1
        await asyncio.wait(flood, timeout=0.05)
    responses = [task.result() for task in flood]
    assert {response.status_code for response in responses} == {200, 429}
    refused = next(response for response in responses if response.status_code == 429)
    assert (refused.json()["reason"], refused.headers["Retry-After"]) == ("tooManyRequests", "2")
    # Without turns each of them waits for one of the four connections: as long as all that is in front.
    assert slowest < 1.5, f"{slowest:.1f} s at worst of {asked}"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
async def test_a_condition_that_eats_memory_is_refused_and_its_connection_lives_on(
    api: ApiClient, companies: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cargo_ai.user_sql.run.memory_limit.MAX_BYTES", 64 * 1024 * 1024)
    greedy = condition(BIG)
    for operation, fields in (
        ("segmentation.segment.fetch", {"modelUuid": companies, "filter": greedy}),
        ("segmentation.segment.create", {"modelUuid": companies, "filter": greedy, "name": "Greedy"}),
    ):
        status, body = await api.refusal(operation, **fields)
        assert (status, body["reason"]) == (400, "invalidFilter")
        assert "more memory" in body["errorMessage"]
    sleeper = await segment_of(api, companies, condition(f"case when name = 'go' then {BIG} else true end"))
    await api.call("storage.record.update", modelUuid=companies, id="c0", data={"name": "go"})
    assert (await api.refused("segmentation.change.create", segmentUuid=sleeper)) == (400, "invalidFilter")
    with psycopg.connect(state.database.url) as connection:
        pids = connection.execute("select pid from pg_stat_activity where application_name = 'cargo-ai'").fetchall()
    assert pids
    assert {_address_space_limit(pid) for (pid,) in pids} == {"unlimited"}


def _address_space_limit(pid: int) -> str:
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()
    return next(line.split()[3] for line in limits if line.startswith("Max address space"))


async def test_a_compiled_filter_has_no_values_outside_of_its_limits(
    companies: str, state: State, first_workspace: public.Bootstrap
) -> None:
    workspace = first_workspace.workspace_uuid
    async with state.database.session(workspace) as db:
        selection = await select_records.select(db, workspace, uuid.UUID(companies), EVERYTHING, None, None)
    assert selection is not None
    with pytest.raises(RuntimeError, match="without limits"):
        _ = selection.scope.params


async def test_long_conditions_are_read_beside_the_loop_and_have_a_sum(api: ApiClient, companies: str) -> None:
    # The kit fails a request that holds up the loop; reading this takes seconds.
    long = " and ".join(["employees > 0"] * 500)
    page = await api.call("segmentation.segment.fetch", modelUuid=companies, filter=condition(long))
    assert page["count"] == 2
    many = where(*({"kind": "sql", "clause": f"{long} and employees > {number}"} for number in range(10)))
    assert "more than 50,000 characters" in await api.refusal_message("segmentation.segment.fetch", modelUuid=companies, filter=many)
