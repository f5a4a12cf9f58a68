"""Runs of a connector that was stopped or is used up: they wait, say for what, and go on when it changes; none fails and none is lost."""

from __future__ import annotations

import pytest

from cargo_ai.domains.connection.accounts import accounts, waiting_runs
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.counting_service import counting_service

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker believes what it knows of a connector for a moment only, and late runs are looked for soon after it."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.2)
    monkeypatch.setattr(waiting_runs, "LATE_SECONDS", 1)


def graph(connector: str) -> list[Body]:
    """start → one call of the connector → end."""
    call = {
        **node("call", children=("end",), config={"url": "x"}),
        "kind": "connector",
        "integrationSlug": "http",
        "actionSlug": "request",
        "connectorUuid": connector,
    }
    return [node("start", children=("call",)), call, node("end")]


async def test_runs_of_a_stopped_connector_wait_and_go_on_at_once_when_it_is_started(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_runs, "AT_ONCE", 2)  # so that the rest is woken by a job
    with counting_service() as service:
        connector = (await backend.admin.connector("stopped", config={"baseUrl": service.url}))["uuid"]
        tool, _ = await backend.admin.deployed(graph(connector))
        stopped = (await backend.admin.call("connection.connector.stop", uuid=connector))["connector"]
        assert (stopped["status"], stopped["stoppedAt"] is not None) == ("stopped", True)
        assert (await backend.admin.call("connection.connector.stop", uuid=connector))["connector"]["stoppedAt"] == stopped["stoppedAt"]
        batch = await backend.start_batch([{"_id": str(number)} for number in range(5)], workflowUuid=tool["workflowUuid"])
        runs = await backend.idle(batch["uuid"], 5)
        queue = await backend.admin.call("orchestration.queue.get")
        item = next(item for item in queue["items"] if item["batchUuid"] == batch["uuid"])
        assert (item["reason"], item["runsCount"], item["nodeSlug"]) == ("connectorStopped", 5, "call")
        assert (item["connectorUuid"], item["fix"]) == (connector, f"cargo-ai connection connector start {connector}")
        explanation = (await backend.admin.call("orchestration.run.explain", uuid=runs[0]))["explanation"]
        assert explanation["reason"] == "waitingForConnector" and explanation["fix"] == item["fix"]
        assert service.calls == []
        started = (await backend.admin.call("connection.connector.start", uuid=connector))["connector"]
        assert (started["status"], started["stoppedAt"]) == ("active", None)
        ended = (await backend.ended("batches", batch["uuid"]))["batch"]
        assert (ended["executedRunsCount"], ended["failedRunsCount"]) == (5, 0)
        assert len(service.calls) == 5 and not service.repeated()


async def test_runs_that_wait_for_a_rate_limit_go_on_at_once_when_it_is_raised(backend: Backend) -> None:
    with counting_service() as service:
        limit = {"unit": "day", "max": 1}
        connector = (await backend.admin.connector("limited", config={"baseUrl": service.url}, rateLimit=limit))["uuid"]
        tool, _ = await backend.admin.deployed(graph(connector))
        batch = await backend.start_batch([{"_id": str(number)} for number in range(4)], workflowUuid=tool["workflowUuid"])
        runs = await backend.idle(batch["uuid"], 3)
        queue = await backend.admin.call("orchestration.queue.get")
        item = next(item for item in queue["items"] if item["batchUuid"] == batch["uuid"])
        assert (item["reason"], item["runsCount"], item["connectorUuid"], item["fix"]) == ("rateLimit", 3, connector, None)
        explanation = (await backend.admin.call("orchestration.run.explain", uuid=runs[0]))["explanation"]
        assert explanation["reason"] == "waitingForRateLimit"
        await backend.admin.call("connection.connector.update", uuid=connector, rateLimit={"unit": "second", "max": 100})
        ended = (await backend.ended("batches", batch["uuid"]))["batch"]
        assert (ended["executedRunsCount"], ended["failedRunsCount"]) == (4, 0)
        assert len(service.calls) == 4 and not service.repeated()


async def test_a_connector_of_another_workspace_can_be_neither_stopped_nor_started(backend: Backend) -> None:
    connector = (await backend.admin.connector("own"))["uuid"]
    for name in ("stop", "start"):
        assert await backend.other_api.refused(f"connection.connector.{name}", uuid=connector) == (404, "connectorNotFound")
