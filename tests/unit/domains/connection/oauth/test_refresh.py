"""Refreshing tokens: one process at a time does it, what it gets is kept, and a grant that is over lets runs wait for a person."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from cargo_ai.domains.connection.oauth import grants, token_endpoint
from cargo_ai.engine.graph.action import Done, Later
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.simulators.oauth import OAuthSimulator
from tests.unit.domains.connection.oauth.conftest import Process, connected, expire, shown


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for another process looks often."""
    monkeypatch.setattr(grants, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(grants, "AGAIN_SECONDS", 0.0)


async def test_two_processes_on_one_expiry_make_one_refresh(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    vendor.rotates = True
    connector = await connected(api, vendor)
    await expire(state)
    vendor.delay = 0.2
    outcomes = await asyncio.gather(*(process.perform(connector) for process in processes for _ in range(10)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert vendor.refreshes == 1


async def test_a_token_that_the_vendor_took_back_is_refreshed_once_by_all(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process]
) -> None:
    connector = await connected(api, vendor)
    vendor.access.clear()
    outcomes = await asyncio.gather(*(process.perform(connector) for process in processes for _ in range(10)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert vendor.refreshes == 1


async def test_a_token_is_refreshed_before_it_expires_and_used_meanwhile(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    connector = await connected(api, vendor)
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(text("update connector_grants set refresh_at = now() - interval '1 second'"))
        await db.commit()
    vendor.faults = ["outage"]
    assert isinstance(await processes[0].perform(connector), Done)
    assert isinstance(await processes[0].perform(connector), Done)
    assert vendor.refreshes == 1


async def test_a_grant_that_is_over_lets_runs_wait_and_deletes_nothing(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    connector = await connected(api, vendor)
    await expire(state)
    vendor.refresh.clear()
    outcomes = await asyncio.gather(*(process.perform(connector) for process in processes))
    assert [isinstance(outcome, Later) and (outcome.reason, outcome.waits_for) for outcome in outcomes] == [
        ("connectorDisconnected", f"connector:{connector}")
    ] * 2
    found = await shown(api, connector)
    assert found["status"] == "disconnected"
    assert found["disconnectedBecause"] == "127.0.0.1 answered 400: refresh token is invalid, expired or revoked"
    async with state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(text("select count(*) from connector_grants")) == 1
    assert await connected(api, vendor, uuid=connector) == connector
    assert isinstance(await processes[1].perform(connector), Done)


async def test_an_answer_that_was_lost_after_rotation_disconnects_once_the_token_is_over(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    vendor.rotates = True
    connector = await connected(api, vendor)
    await expire(state)
    vendor.faults = ["lost"]
    assert isinstance(await processes[0].perform(connector), Later)
    # It may have been the network alone: the former refresh token is tried again, and only the vendor's word disconnects.
    assert (await shown(api, connector))["status"] == "active"
    after = await processes[1].perform(connector)
    assert isinstance(after, Later) and after.reason == "connectorDisconnected"


async def test_a_token_endpoint_that_is_slower_than_the_lease_cannot_overwrite_its_successor(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    connector = await connected(api, vendor)
    await expire(state)
    vendor.delay = 0.5
    slow = asyncio.create_task(processes[0].perform(connector))
    await vendor.refreshing.wait()
    vendor.delay = 0.0
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(text("update connector_grants set lease_until = now() - interval '1 second'"))
        await db.commit()
    assert isinstance(await processes[1].perform(connector), Done)
    assert isinstance(await slow, Done)
    assert vendor.refreshes == 2
    async with state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(text("select version from connector_grants")) == 2
    assert token_endpoint.SECONDS < grants.LEASE_SECONDS, "a call ends before its lease does"


async def test_an_outage_of_the_vendor_lets_runs_wait_and_no_one_has_to_connect_again(
    api: ApiClient, vendor: OAuthSimulator, processes: list[Process], state: State
) -> None:
    connector = await connected(api, vendor)
    await expire(state)
    vendor.faults = ["outage"]
    waiting = await processes[0].perform(connector)
    assert isinstance(waiting, Later) and "answered 503" in waiting.reason
    assert isinstance(await processes[0].perform(connector), Done)
