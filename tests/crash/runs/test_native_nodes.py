"""Native nodes that keep something, across deaths: nothing is counted twice, no one is asked twice, a decision is never lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.crash.conftest import MakeServer, end, proven_once
from tests.kit.graphs import node
from tests.kit.processes.real_server import csv_of, wait_until

RECORDS = 60

pytestmark = [pytest.mark.slow]


def test_workers_that_die_between_effect_and_flush_count_once_and_ask_once(make_server: MakeServer, tmp_path: Path) -> None:
    counted, asked = tmp_path / "counted", tmp_path / "asked"
    points = f"effect ask:10@{asked},after effect:20@{counted}"
    server = make_server(CRASH_AT=points, BATCH_SLOTS="1")
    server.wait_for_workers()
    count = node("count", "memory", ("ask",), config={"operation": "increment", "key": "n", "scope": "workspace"})
    ask = node("ask", "humanReview", ("end", None), config={"title": "{{nodes.start._id}}"})
    workflow = server.tool([node("start", children=("count",)), count, ask, end()])
    counted.touch()
    asked.touch()
    batch = server.batch(workflow, csv_of(RECORDS))
    parked = "select count(*) from runs where batch_uuid = %s and status = 'idle'"
    wait_until(lambda: server.value(parked, batch) == RECORDS, 90, "all runs to wait for people")
    assert not counted.exists() and not asked.exists()
    assert server.value("select value::text from memories where key = 'n'") == str(RECORDS)
    reviews = server.call("orchestration.review.list", batchUuid=batch, statuses=["pending"], limit=1000)["reviews"]
    assert sorted(one["title"] for one in reviews) == sorted(f"r{at}" for at in range(RECORDS))
    for one in reviews[:10]:
        server.call("orchestration.review.approve", uuid=one["uuid"])
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGKILL)
    for one in reviews[10:]:
        server.call("orchestration.review.approve", uuid=one["uuid"])
    server.finished(batch, 90)
    proven_once(server, batch, RECORDS, ("start", "count", "ask", "end"))
    assert server.value("select count(*) from reviews where batch_uuid = %s", batch) == RECORDS
