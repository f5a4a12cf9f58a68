"""Effects across deaths and stops: no call is missing, at most those in flight are repeated, always under the same key."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.crash.conftest import IN_FLIGHT, MakeServer, effect_graph, proven_once, two_effects_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import csv_of, wait_until

RECORDS = 600

pytestmark = pytest.mark.slow


def test_a_worker_dies_between_effect_and_flush(make_server: MakeServer, service: CountingService, tmp_path: Path) -> None:
    once = tmp_path / "once"
    server = make_server(CRASH_AT=f"after effect:40@{once}", BATCH_SLOTS="1")
    server.wait_for_workers()
    service.latency = 0.1
    workflow = server.tool(effect_graph(server.connector(service.url)))
    once.touch()
    batch = server.batch(workflow, csv_of(RECORDS))
    server.finished(batch, 60)
    assert not once.exists()
    proven_once(server, batch, RECORDS, ("start", "first", "end"))
    counted = service.count()
    assert len(counted) == RECORDS and "" not in counted
    assert 1 <= len(service.repeated()) <= IN_FLIGHT and max(counted.values()) == 2


def test_an_effect_is_durable_before_the_next_one_of_its_run_begins(
    make_server: MakeServer, service: CountingService, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    server = make_server(CRASH_AT=f"after effect:300@{once}", BATCH_SLOTS="1")
    server.wait_for_workers()
    service.latency = 0.1
    workflow = server.tool(two_effects_graph(server.connector(service.url)))
    once.touch()
    batch = server.batch(workflow, csv_of(RECORDS))
    server.finished(batch, 90)
    assert not once.exists()
    proven_once(server, batch, RECORDS, ("start", "first", "second", "end"))
    firsts, seconds = service.times("/first"), service.times("/second")
    assert len(firsts) == len(seconds) == RECORDS
    of_run = {key.split(":")[0]: min(times) for key, times in seconds.items()}
    late = [key for key, times in firsts.items() if max(times) > of_run[key.split(":")[0]]]
    assert not late, "the first call of a run was made again after its second had begun"
    assert len(service.repeated()) <= IN_FLIGHT


def test_sigterm_drains_and_the_next_start_goes_on_without_repeating_a_call(make_server: MakeServer, service: CountingService) -> None:
    server = make_server()
    server.wait_for_workers()
    service.latency = 0.5
    workflow = server.tool(two_effects_graph(server.connector(service.url)))
    batch = server.batch(workflow, csv_of(RECORDS))
    service.wait_for(150)
    began = time.monotonic()
    assert server.stop(45) == 0
    assert time.monotonic() - began < 20
    made = len(service.calls)
    assert made < 2 * RECORDS, "the batch was over before the stop"
    assert not server.strays()
    service.latency = 0.02
    server.start()
    server.finished(batch, 90)
    proven_once(server, batch, RECORDS, ("start", "first", "second", "end"))
    assert len(service.count()) == 2 * RECORDS and not service.repeated()


def test_a_drain_that_takes_too_long_gives_the_effects_back(make_server: MakeServer, service: CountingService) -> None:
    server = make_server(DRAIN_SECONDS="2")
    server.wait_for_workers()
    service.latency = 25
    workflow = server.tool(effect_graph(server.connector(service.url)))
    batch = server.batch(workflow, csv_of(40))
    service.wait_for(40)
    began = time.monotonic()
    assert server.stop(30) == 0
    assert time.monotonic() - began < 12
    service.latency = 0
    server.start()
    began = time.monotonic()
    server.finished(batch, 60)
    assert time.monotonic() - began < 10, "the work was given back, no one had to miss it first"
    proven_once(server, batch, 40, ("start", "first", "end"))
    assert len(service.count()) == 40


def test_every_single_worker_is_replaced_in_turn_and_no_call_is_repeated(make_server: MakeServer, service: CountingService) -> None:
    """A rolling restart: SIGTERM to one worker after the other."""
    server = make_server()
    service.latency = 0.2
    workflow = server.tool(effect_graph(server.connector(service.url)))
    first, second = server.wait_for_workers()
    batch = server.batch(workflow, csv_of(1_500))
    service.wait_for(150)
    os.kill(first, signal.SIGTERM)
    wait_until(lambda: first not in server.worker_pids(), 20, "the first worker to drain")
    server.wait_for_workers()
    os.kill(second, signal.SIGTERM)
    server.finished(batch, 90)
    proven_once(server, batch, 1_500, ("start", "first", "end"))
    assert len(service.count()) == 1_500 and not service.repeated()


def test_failures_of_the_service_are_tried_again_under_the_same_key(make_server: MakeServer, service: CountingService) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()

    def failing(path: str, times: int) -> int | None:
        return 500 if times <= 2 and path.endswith(("1", "3")) else None

    service.failing = failing
    workflow = server.tool(effect_graph(server.connector(service.url)))
    batch = server.batch(workflow, csv_of(100))
    server.finished(batch, 60)
    proven_once(server, batch, 100, ("start", "first", "end"))
    assert sorted(service.count().values()) == [1] * 80 + [3] * 20
