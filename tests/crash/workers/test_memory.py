"""Memory: 100,000 records through five nodes, and all processes together stay small and flat."""

from __future__ import annotations

import time

import pytest

from tests.crash.conftest import MakeServer, pure_graph
from tests.kit.processes.real_server import csv_of

RECORDS = 100_000
MAX_MEGABYTES = 700

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_a_hundred_thousand_records_leave_memory_flat(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    workflow = server.tool(pure_graph())
    content = csv_of(RECORDS)
    began = time.monotonic()
    batch = server.batch(workflow, content)
    seen: list[tuple[float, float]] = []
    while not (found := server.get_batch(batch))["finishedAt"]:
        assert time.monotonic() - began < 400, server.tail()
        seen.append((found["executedRunsCount"] / RECORDS, server.memory()))
        time.sleep(0.3)
    took = time.monotonic() - began
    assert (found["status"], found["executedRunsCount"]) == ("success", RECORDS)
    early = [megabytes for part, megabytes in seen if 0.3 <= part < 0.6]
    late = [megabytes for part, megabytes in seen if 0.6 <= part <= 0.9]
    peak = max(megabytes for _, megabytes in seen)
    print("records per second", round(RECORDS / took))
    print("peak MB", round(peak))
    print("30-60 %, 60-90 % MB", (round(max(early)), round(max(late))))
    assert peak < MAX_MEGABYTES
    assert max(late) < max(early) * 1.15
