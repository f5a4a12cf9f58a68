"""Workers and supervisors die by SIGKILL in the middle of a batch of 10,000 records: every record is exactly once in the results."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.crash.conftest import PURE, MakeServer, proven_once, pure_graph
from tests.kit.processes.real_server import RealServer, csv_of, is_alive, wait_until

RECORDS = 10_000

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def under_way(server: RealServer, batch: str, part: float = 0.2) -> None:
    """Return when that part of the records is done, long before all are."""
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= RECORDS * part, 60, "the batch to be under way")


def test_a_killed_worker_is_replaced_and_its_work_is_taken_over_at_once(make_server: MakeServer) -> None:
    server = make_server()
    before = server.wait_for_workers()
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    under_way(server, batch)
    victim = server.busy_worker()
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    server.finished(batch, 60)
    took = time.monotonic() - killed
    proven_once(server, batch, RECORDS, PURE)
    assert took < 15, f"{took:.1f} s: no one waits for a heartbeat of 30 s"
    after = server.wait_for_workers()
    assert victim not in after and len(after) == 2 and set(before) - {victim} <= set(after)


def test_both_workers_are_killed(make_server: MakeServer) -> None:
    server = make_server()
    before = server.wait_for_workers()
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    under_way(server, batch)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    server.finished(batch, 60)
    assert time.monotonic() - killed < 15
    proven_once(server, batch, RECORDS, PURE)
    assert not set(server.wait_for_workers()) & set(before)


def test_the_supervisor_is_killed_and_the_next_server_finishes_the_batch(make_server: MakeServer) -> None:
    server = make_server()
    orphans = server.wait_for_workers()
    api = server.children("api")
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    under_way(server, batch, 0.05)
    server.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in (*orphans, *api)), 20, "workers and API to stop by themselves")
    # What it has left behind may name a pid that now belongs to someone else.
    left = server.data_dir / "server.json"
    left.write_text(json.dumps(json.loads(left.read_text()) | {"pid": os.getpid()}))
    server.start()
    began = time.monotonic()
    server.finished(batch, 60)
    assert time.monotonic() - began < 20
    proven_once(server, batch, RECORDS, PURE)


def test_everything_is_killed_and_the_next_server_goes_on_at_once(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    under_way(server, batch, 0.05)
    everything = server.children()
    server.kill()
    for pid in everything:
        os.kill(pid, signal.SIGKILL)
    server.start()
    began = time.monotonic()
    server.finished(batch, 60)
    assert time.monotonic() - began < 15, "no one waits for the heartbeats, of 30 s, of processes that this host knows to be dead"
    proven_once(server, batch, RECORDS, PURE)
