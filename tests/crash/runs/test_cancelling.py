"""Batches and runs are cancelled half-way: what has not begun never starts, and the counts add up."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import MakeServer, delay_graph, effect_graph, pure_graph, two_effects_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = pytest.mark.slow


def counts(server: RealServer, batch: str) -> dict[str, int]:
    """Runs of a batch by status."""
    return {
        row["status"]: row["n"] for row in server.rows("select status, count(*) as n from runs where batch_uuid = %s group by 1", batch)
    }


def adds_up(server: RealServer, batch: dict[str, Any]) -> dict[str, int]:
    """Every run of a cancelled batch has ended, and the batch has counted it."""
    found = counts(server, batch["uuid"])
    assert batch["status"] == "cancelled"
    assert set(found) <= {"success", "cancelled"} and sum(found.values()) == batch["runsCount"]
    assert found.get("success", 0) == batch["executedRunsCount"]
    assert server.value("select cancelled_count from batches where uuid = %s", batch["uuid"]) == found.get("cancelled", 0)
    assert server.value("select count(*) from shards where batch_uuid = %s", batch["uuid"]) == 0
    return found


def test_a_cancelled_batch_starts_nothing_more(make_server: MakeServer, service: CountingService) -> None:
    server = make_server()
    server.wait_for_workers()
    service.latency = 0.3
    batch = server.batch(server.tool(effect_graph(server.connector(service.url))), csv_of(5_000))
    # Nearly all of its runs are there by then, and few have begun.
    wait_until(lambda: server.get_batch(batch)["status"] == "running" and len(service.calls) >= 300, 30, "the batch to be under way")
    server.call("orchestration.batch.cancel", uuid=batch)
    asked = time.monotonic()
    found = server.finished(batch, 30)
    assert time.monotonic() - asked < 5
    by_status = adds_up(server, found)
    calls = len(service.calls)
    assert by_status["cancelled"] > 3_000
    # Calls that had been made when the cancellation came still count as made; no other ones were.
    assert by_status["success"] <= calls <= 5_000 - by_status["cancelled"] + 400
    assert not service.repeated()
    untouched = """select count(*) from runs r where r.batch_uuid = %s and r.status = 'cancelled'
        and not exists (select 1 from executions e where e.run_uuid = r.uuid)"""
    assert server.value(untouched, batch) > 3_000
    refused = server.send("orchestration.batch.cancel", uuid=batch)
    assert (refused.status_code, refused.json()["reason"]) == (409, "batchAlreadyFinished")
    assert server.run_finished(server.run(server.tool(pure_graph()), {"_id": "r0", "n": 1}), 10)["run"]["status"] == "success"


def test_a_batch_of_native_nodes_is_cancelled_half_way(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    batch = server.batch(server.tool(pure_graph()), csv_of(50_000))
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= 3_000, 30, "the batch to be under way")
    server.call("orchestration.batch.cancel", uuid=batch)
    adds_up(server, server.finished(batch, 30))


def test_a_batch_is_cancelled_while_its_file_is_read(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    batch = server.batch(server.tool(pure_graph()), csv_of(200_000))
    wait_until(lambda: server.get_batch(batch)["runsCount"] >= 4_000, 30, "the first chunks")
    assert server.get_batch(batch)["status"] == "querying"
    server.call("orchestration.batch.cancel", uuid=batch)
    found = server.finished(batch, 30)
    assert 4_000 <= found["runsCount"] < 200_000
    adds_up(server, found)
    wait_until(lambda: server.value("select count(*) from procrastinate_jobs") == 0, 15, "its jobs to end")
    assert server.get_batch(batch)["runsCount"] == found["runsCount"]


def test_parked_runs_are_cancelled_at_once(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()
    workflow = server.tool(delay_graph(60))
    run, batch = server.run(workflow, {"_id": "r0"}), server.batch(workflow, csv_of(50))
    wait_until(lambda: server.value("select count(*) from runs where status = 'idle'") == 51, 20, "parked runs")
    assert server.call("orchestration.run.cancel", workflowUuid=workflow, uuids=[run])["count"] == 1
    found = server.run_finished(run, 5)["run"]
    assert found["status"] == "cancelled" and [entry["nodeSlug"] for entry in found["executions"]] == ["start"]
    server.call("orchestration.batch.cancel", uuid=batch)
    assert adds_up(server, server.finished(batch, 5)) == {"cancelled": 50}
    metrics = server.call("orchestration.run.getMetrics", workflowUuid=workflow)["runMetrics"]
    assert sum(metric["idleExecutionsCount"] for metric in metrics) == 0


def test_some_runs_of_a_batch_are_cancelled_and_the_others_end(make_server: MakeServer, service: CountingService) -> None:
    server = make_server()
    server.wait_for_workers()
    service.latency = 0.2
    workflow = server.tool(two_effects_graph(server.connector(service.url)))
    batch = server.batch(workflow, csv_of(1_000))
    service.wait_for(150)
    rows = server.rows("select uuid::text as uuid from runs where batch_uuid = %s order by uuid", batch)
    # Some are in the middle of it, some are waiting for their turn.
    named = [row["uuid"] for row in rows[::10]]
    touched = server.call("orchestration.run.cancel", workflowUuid=workflow, batchUuid=batch, uuids=named)["count"]
    assert 50 <= touched <= 100
    found = server.finished(batch, 60)
    assert found["status"] == "success" and found["runsCount"] == 1_000
    by_status = counts(server, batch)
    assert set(by_status) == {"success", "cancelled"} and 50 <= by_status["cancelled"] <= touched
    assert found["executedRunsCount"] == by_status["success"]
    cancelled = {row["uuid"] for row in server.rows("select uuid::text as uuid from runs where status = 'cancelled'")}
    assert cancelled <= set(named)
    assert not service.repeated()


@pytest.mark.parametrize("act", ["runs", "batch"])
def test_much_that_is_cancelled_is_cancelled_once_though_everything_is_killed(make_server: MakeServer, tmp_path: Path, act: str) -> None:
    once, records = tmp_path / "once", 6_000
    point = "between parts of cancelled runs:2" if act == "runs" else "between parts of a cancelled batch:2"
    server = make_server(CRASH_AT=f"{point}@{once}")
    server.wait_for_workers()
    workflow = server.tool(delay_graph(60))
    batch = server.batch(workflow, csv_of(records))
    wait_until(lambda: server.value("select count(*) from runs where status = 'idle'") == records, 90, "parked runs")
    once.touch()
    if act == "runs":
        assert server.call("orchestration.run.cancel", workflowUuid=workflow)["count"] == 1_000, "there are more, which a job counts"
    else:
        server.call("orchestration.batch.cancel", uuid=batch)
    wait_until(lambda: not once.exists(), 60, "a worker dies")
    everything = server.children()
    server.kill()
    for pid in everything:
        # Some hear of their supervisor's end, and end by themselves.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.start()
    found = server.finished(batch, 90)
    assert (found["status"], found["runsCount"]) == ("success" if act == "runs" else "cancelled", records)
    assert counts(server, batch) == {"cancelled": records}
    assert server.value("select cancelled_count from batches where uuid = %s", batch) == records
    wait_until(lambda: server.value("select count(*) from cancellations") == 0, 30, "nothing is left to cancel")
