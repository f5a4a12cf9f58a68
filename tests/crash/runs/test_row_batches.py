"""Rows of many runs in one call, across deaths: none is missing, what may be repeated has the same key, what must not is not."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.conftest import IN_FLIGHT, MakeServer, end, proven_once
from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of

RECORDS = 500
OWN = Path(__file__).parents[2] / "kit" / "own_integrations"

pytestmark = pytest.mark.slow


def rows_graph(connector: str, action: str) -> list[Node]:
    """start → a row → end."""
    named = {"kind": "connector", "integrationSlug": "ledger", "connectorUuid": connector, "actionSlug": action}
    return [node("start", children=("write",)), node("write", None, ("end",), config={"value": "{{nodes.start._id}}"}, **named), end()]


def started(make_server: MakeServer, service: CountingService, action: str, **environment: str) -> tuple[RealServer, str]:
    """A server that knows the integration of these tests, and a workflow that calls the action."""
    server = make_server(BATCH_SLOTS="1", **environment)
    server.wait_for_workers()
    fields = {"integrationSlug": "ledger", "slug": "ledger", "name": "Ledger", "config": {"baseUrl": service.url}}
    connector = str(server.call("connection.connector.create", **fields)["connector"]["uuid"])
    return server, server.tool(rows_graph(connector, action))


def written(service: CountingService) -> Counter[str]:
    """How often the row of each key was sent."""
    return Counter(str(row["key"]) for call in service.calls for row in json.loads(call.body)["rows"])


@pytest.fixture(autouse=True)
def own_integrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of these tests have the integration `ledger`."""
    monkeypatch.setenv("PYTHONPATH", str(OWN))


@pytest.mark.parametrize(("point", "repeats"), [("rows before call:2", False), ("rows after call:2", True), ("after effect:130", True)])
def test_a_worker_dies_around_a_call_of_many_rows(
    make_server: MakeServer, service: CountingService, tmp_path: Path, point: str, repeats: bool
) -> None:
    once = tmp_path / "once"
    server, workflow = started(make_server, service, "writeManyUpsert", CRASH_AT=f"{point}@{once}")
    service.latency = 0.05
    once.touch()
    batch = server.batch(workflow, csv_of(RECORDS))
    server.finished(batch, 60)
    assert not once.exists(), "the worker did not die"
    proven_once(server, batch, RECORDS, ("start", "write", "end"))
    times = written(service)
    again = [key for key, count in times.items() if count > 1]
    assert len(times) == RECORDS and max(times.values()) <= 2 and len(again) <= IN_FLIGHT
    assert bool(again) or not repeats
    assert len(service.calls) <= 2 * RECORDS // 100 + 4, "calls are full"


def test_what_must_not_be_repeated_is_not_and_says_so(make_server: MakeServer, service: CountingService, tmp_path: Path) -> None:
    once = tmp_path / "once"
    server, workflow = started(make_server, service, "writeManyNone", CRASH_AT=f"rows after call:2@{once}")
    service.latency = 0.05
    once.touch()
    batch = server.batch(workflow, csv_of(RECORDS))
    found = server.finished(batch, 60)
    assert not once.exists(), "the worker did not die"
    assert set(written(service).values()) == {1}, "a row was sent twice"
    statement = "select e.status, e.reason, count(*)::int as n from executions e join runs r on r.uuid = e.run_uuid "
    rows = server.rows(f"{statement} where r.batch_uuid = %s and e.node_slug = 'write' group by 1, 2", batch)
    counts = {(row["status"], row["reason"]): row["n"] for row in rows}
    unknown = counts.pop(("error", "outcomeUnknown"))
    assert 1 <= unknown <= IN_FLIGHT and counts == {("success", None): RECORDS - unknown}
    assert found["failedRunsCount"] == unknown and found["executedRunsCount"] == RECORDS


def test_both_workers_are_killed_in_the_middle_of_many_rows(make_server: MakeServer, service: CountingService) -> None:
    server, workflow = started(make_server, service, "writeManyKey")
    service.latency = 0.4
    batch = server.batch(workflow, csv_of(RECORDS))
    service.wait_for(2)
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGKILL)
    service.latency = 0.0
    server.finished(batch, 60)
    proven_once(server, batch, RECORDS, ("start", "write", "end"))
    times = written(service)
    assert len(times) == RECORDS and max(times.values()) <= 2 and sum(count > 1 for count in times.values()) <= 2 * IN_FLIGHT
