"""Batches in stages on a real server whose workers are killed: they stop at their errors, go on when asked, and repeat no record."""

from __future__ import annotations

import os
import signal

import pytest

from tests.crash.conftest import MakeServer, effect_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

RECORDS = 2_000

pytestmark = [pytest.mark.slow]


def fails_early(path: str, _times: int) -> int | None:
    """Of the records 100 to 199 every call fails."""
    number = path.rpartition("/r")[2]
    return 400 if number.isdigit() and 100 <= int(number) < 200 else None


def kill_at(server: RealServer, batch: str, executed: int) -> None:
    """Kill the worker that is at it when this many runs have ended."""
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= executed, 60, f"{executed} runs to have ended")
    os.kill(server.busy_worker(), signal.SIGKILL)


def _never(_path: str, _times: int) -> None:
    """No call fails."""


def test_a_ramp_whose_workers_die_stops_at_its_errors_and_resume_repeats_nothing(make_server: MakeServer, service: CountingService) -> None:
    # So slow that the stage of 600 is still under way when its worker has been found.
    service.failing, service.latency = fails_early, 0.5
    server = make_server(CARGO_AI_OUTBOUND_ALLOW="127.0.0.1")
    server.wait_for_workers()
    workflow = server.tool(effect_graph(server.connector(service.url)))
    key = server.upload(csv_of(RECORDS))
    data = {"kind": "file", "s3Filename": key}
    made = server.call("orchestration.batch.create", workflowUuid=workflow, data=data, ramp=[1, 600, 900], stopOnErrorRate="5%")
    batch = made["batch"]["uuid"]
    kill_at(server, batch, 1)
    stopped = server.finished(batch)
    assert (stopped["status"], stopped["runsCount"]) == ("error", stopped["executedRunsCount"])
    # It stops within its stage of 600: 5 % of a hundred may fail, and of those in flight a hundred more.
    assert 5 < (failed := stopped["failedRunsCount"]) <= 105 and stopped["runsCount"] < 300
    assert stopped["pace"]["stoppedBy"] == "errorRate" and "Stopped in stage 2" in stopped["errorMessage"]
    service.failing = _never
    server.call("orchestration.batch.resume", uuid=batch)
    kill_at(server, batch, 700)
    found = server.finished(batch)
    assert (found["status"], found["runsCount"], found["executedRunsCount"], found["failedRunsCount"]) == (
        "success",
        RECORDS,
        RECORDS,
        failed,
    )
    rows = server.rows("select record_id from runs where batch_uuid = %s", batch)
    assert sorted(row["record_id"] for row in rows) == sorted(f"r{at}" for at in range(RECORDS))
    # A death may repeat calls that were in flight, with their keys; no record ever gets a second key.
    assert len(service.count()) == RECORDS
    assert server.value("select count(*) from shards where batch_uuid = %s", batch) == 0
