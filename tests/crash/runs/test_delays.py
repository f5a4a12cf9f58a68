"""Runs that wait hold no worker, outlive all of them, and go on in time."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime

import pytest

from tests.crash.conftest import MakeServer, delay_graph, proven_once
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

MINUTES = 0.05
SECONDS = MINUTES * 60

pytestmark = pytest.mark.slow


def moment(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def parked(server: RealServer, count: int) -> None:
    """Return when this many runs wait and no shard is held."""

    def so() -> bool:
        idle = server.value("select count(*) from runs where status = 'idle' and wake_ms is not null")
        return idle == count and server.value("select count(*) from shards where state <> 'done'") == 0

    wait_until(so, 10, f"{count} parked runs")


def waited(server: RealServer) -> list[float]:
    """How long each run took from its creation to its end."""
    return [row["took"] / 1000 for row in server.rows("select finished_ms - created_ms as took from runs")]


def test_a_single_run_parks_and_goes_on_in_time(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()
    run = server.run(server.tool(delay_graph(MINUTES)), {"_id": "r0"})
    parked(server, 1)
    found = server.call("orchestration.run.get", uuid=run)["run"]
    assert found["status"] == "idle" and found["finishedAt"] is None
    assert [(entry["nodeSlug"], entry["status"]) for entry in found["executions"]] == [("start", "success"), ("wait", "pending")]
    found = server.run_finished(run, 15)["run"]
    assert found["status"] == "success"
    assert [entry["nodeSlug"] for entry in found["executions"]] == ["start", "wait", "end"]
    assert SECONDS <= moment(found["finishedAt"]) - moment(found["createdAt"]) <= SECONDS + 1.5


def test_a_batch_of_fifty_parks_and_goes_on_in_time(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()
    batch = server.batch(server.tool(delay_graph(MINUTES)), csv_of(50))
    parked(server, 50)
    assert server.get_batch(batch)["status"] == "running"
    server.finished(batch, 20)
    proven_once(server, batch, 50, ("start", "wait", "end"))
    assert all(SECONDS <= took <= SECONDS + 1.5 for took in waited(server))


def test_what_waits_outlives_the_death_of_all_workers(make_server: MakeServer) -> None:
    server = make_server()
    pids = server.wait_for_workers()
    workflow = server.tool(delay_graph(MINUTES))
    batch, run = server.batch(workflow, csv_of(50)), server.run(workflow, {"_id": "r0"})
    parked(server, 51)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert server.run_finished(run, 15)["run"]["status"] == "success"
    server.finished(batch, 20)
    proven_once(server, batch, 50, ("start", "wait", "end"))
    assert all(SECONDS <= took <= SECONDS + 1.5 for took in waited(server)), sorted(waited(server))[-3:]


def test_what_waits_outlives_a_restart_of_the_whole_server(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    workflow = server.tool(delay_graph(0.2))
    batch, run = server.batch(workflow, csv_of(50)), server.run(workflow, {"_id": "r0"})
    parked(server, 51)
    assert server.stop() == 0
    server.start()
    began = time.monotonic()
    assert server.run_finished(run, 30)["run"]["status"] == "success"
    server.finished(batch, 30)
    assert time.monotonic() - began < 15
    proven_once(server, batch, 50, ("start", "wait", "end"))
    assert all(took >= 12 for took in waited(server))
