"""A worker is paused (SIGSTOP) past its heartbeat, another takes over, and the paused one comes back: nothing happens twice."""

from __future__ import annotations

import os
import signal

import pytest

from tests.crash.conftest import IN_FLIGHT, PURE, MakeServer, effect_graph, proven_once, pure_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def taken_over(server: RealServer, paused: int) -> None:
    """Return when the paused worker counts as dead."""
    wait_until(lambda: not server.rows("select 1 from workers where pid = %s", paused), 30, "the paused worker to be given up")


def works_again(server: RealServer, pid: int, workflow: str) -> None:
    """A worker that came back drives shards of a later batch."""
    server.wait_for_workers()
    later = server.batch(workflow, csv_of(20_000))
    owners = (
        "select 1 from shards s join workers w on w.uuid::text = s.owner where s.batch_uuid = %s and s.state = 'running' and w.pid = %s"
    )
    wait_until(lambda: bool(server.rows(owners, later, pid)), 30, "the resumed worker to work")
    server.finished(later, 120)
    proven_once(server, later, 20_000, PURE)


def test_a_worker_paused_past_its_heartbeat_is_fenced_and_goes_on_working(make_server: MakeServer) -> None:
    server = make_server(HUNG_AFTER_SECONDS="0", STALLED_AFTER_SECONDS="2")
    workflow = server.tool(pure_graph())
    server.wait_for_workers()
    batch = server.batch(workflow, csv_of(30_000))
    paused = server.busy_worker()
    os.kill(paused, signal.SIGSTOP)
    try:
        taken_over(server, paused)
        wait_until(lambda: server.value("select coalesce(max(epoch), 2) from shards") > 1, 30, "a shard to be taken over")
    finally:
        os.kill(paused, signal.SIGCONT)
    server.finished(batch, 120)
    proven_once(server, batch, 30_000, PURE)
    assert paused in server.worker_pids()
    works_again(server, paused, workflow)


def test_a_batch_ends_while_a_worker_stays_paused_in_any_moment_of_its_work(make_server: MakeServer) -> None:
    """Also one that was stopped in the middle of a transaction holds nothing up."""
    server = make_server(HUNG_AFTER_SECONDS="0", STALLED_AFTER_SECONDS="2")
    workflow, paused = server.tool(pure_graph()), 0
    for _ in range(3):
        server.wait_for_workers()
        batch = server.batch(workflow, csv_of(10_000))
        paused = server.busy_worker()
        os.kill(paused, signal.SIGSTOP)
        try:
            server.finished(batch, 60)
        finally:
            os.kill(paused, signal.SIGCONT)
        proven_once(server, batch, 10_000, PURE)
    works_again(server, paused, workflow)


def test_effects_of_a_paused_worker_are_repeated_under_the_same_keys_and_journalled_once(
    make_server: MakeServer, service: CountingService
) -> None:
    server = make_server(HUNG_AFTER_SECONDS="0", STALLED_AFTER_SECONDS="2", BATCH_SLOTS="1")
    service.latency = 0.1
    workflow = server.tool(effect_graph(server.connector(service.url)))
    server.wait_for_workers()
    batch = server.batch(workflow, csv_of(1_000))
    paused = server.busy_worker()
    service.wait_for(150)
    os.kill(paused, signal.SIGSTOP)
    try:
        taken_over(server, paused)
        wait_until(lambda: server.value("select coalesce(max(epoch), 9) from shards") > 1, 30, "its shard to be taken over")
    finally:
        os.kill(paused, signal.SIGCONT)
    server.finished(batch, 120)
    proven_once(server, batch, 1_000, ("start", "first", "end"))
    counted = service.count()
    assert len(counted) == 1_000 and "" not in counted
    assert len(service.repeated()) <= IN_FLIGHT and max(counted.values()) <= 2
