"""A process of the server is stopped (SIGSTOP) and stays so: it is killed and replaced, and all work ends without a hand."""

from __future__ import annotations

import os
import signal
import time

import pytest

from cargo_ai.store.embedded import postgres
from tests.crash.conftest import IN_FLIGHT, PURE, MakeServer, call, effect_graph, end, proven_once, pure_graph
from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, is_alive, wait_until

RECORDS = 10_000
HUNG = "5"

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def under_way(server: RealServer, batch: str, runs: int = 1_000) -> None:
    """Return when this many records are done, long before all are."""
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= runs, 60, "the batch to be under way")


def stop_for_good(pid: int) -> None:
    """Stop a process, and see that it is ended."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: not is_alive(pid), 30, "the stopped process to be killed")


def test_a_hung_worker_is_replaced_and_its_batch_ends(make_server: MakeServer, service: CountingService) -> None:
    server = make_server(HUNG_AFTER_SECONDS=HUNG, BATCH_SLOTS="1")
    before = server.wait_for_workers()
    service.latency = 0.1
    batch = server.batch(server.tool(effect_graph(server.connector(service.url))), csv_of(1_500))
    victim = server.busy_worker()
    service.wait_for(200)
    stop_for_good(victim)
    server.finished(batch, 60)
    proven_once(server, batch, 1_500, ("start", "first", "end"))
    counted = service.count()
    assert len(counted) == 1_500 and "" not in counted
    assert len(service.repeated()) <= IN_FLIGHT and max(counted.values()) <= 2
    after = server.wait_for_workers()
    assert victim not in after and set(before) - {victim} <= set(after)
    assert server.logged("a process hangs and is killed") == 1


def test_a_hung_database_is_replaced(make_server: MakeServer) -> None:
    server = make_server(HUNG_AFTER_SECONDS=HUNG)
    workers = server.wait_for_workers()
    workflow = server.tool(pure_graph())
    batch = server.batch(workflow, csv_of(RECORDS))
    under_way(server, batch)
    cluster = postgres.status(server.data_dir)
    assert cluster is not None
    stop_for_good(cluster.pid)
    server.finished(batch, 60)
    proven_once(server, batch, RECORDS, PURE)
    assert server.wait_for_workers() == workers, "no worker had to be replaced"


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_backend_that_hangs_or_dies_holds_nothing_up(make_server: MakeServer, number: int) -> None:
    server = make_server(HUNG_AFTER_SECONDS=HUNG)
    server.wait_for_workers()
    workflow = server.tool(pure_graph())
    batch = server.batch(workflow, csv_of(RECORDS))
    under_way(server, batch)
    writer = server.rows("select pid from pg_stat_activity where application_name like 'cargo-ai journal %%' limit 1")[0]["pid"]
    os.kill(writer, number)
    wait_until(lambda: not is_alive(writer), 30, "the backend to be gone")
    server.finished(batch, 60)
    proven_once(server, batch, RECORDS, PURE)


def test_a_paused_supervisor_and_then_a_paused_machine_end_nothing(make_server: MakeServer) -> None:
    """All clocks jump by more than the limit: what was paused with everything else is not taken for hung."""
    server = make_server(HUNG_AFTER_SECONDS=HUNG, STALLED_AFTER_SECONDS="30")
    workers, api = server.wait_for_workers(), server.children("api")
    assert server.process is not None
    workflow = server.tool(pure_graph())
    batch = server.batch(workflow, csv_of(RECORDS))
    cluster = postgres.status(server.data_dir)
    assert cluster is not None
    for paused in ([server.process.pid], [server.process.pid, *workers, *api, cluster.pid]):
        for pid in paused:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2 * float(HUNG))
        # The supervisor first: it looks before the others can say anything.
        for pid in paused:
            os.kill(pid, signal.SIGCONT)
    server.finished(batch, 60)
    proven_once(server, batch, RECORDS, PURE)
    assert (server.wait_for_workers(), server.children("api")) == (workers, api)
    assert server.logged("hangs and is killed") == 0


def poisoned_graph(connector: str) -> list[Node]:
    """The record 42 goes through the call `poison`, all others through `harmless`."""
    return [
        node("start", children=("is_bad",)),
        node("is_bad", "branch", ("poison", "harmless"), config={"condition": "{{nodes.start.n == 42}}"}),
        call("poison", connector, "/poison/{{nodes.start._id}}", ("end",)),
        call("harmless", connector, "/harmless/{{nodes.start._id}}", ("end",)),
        end(),
    ]


def test_a_run_that_hangs_its_worker_each_time_fails_with_a_sentence_and_others_go_on(
    make_server: MakeServer, service: CountingService
) -> None:
    server = make_server(HUNG_AFTER_SECONDS=HUNG, CRASH_AT="effect poison!")
    server.wait_for_workers()
    workflow = server.tool(poisoned_graph(server.connector(service.url)))
    bad = server.run(workflow, {"_id": "bad", "n": 42})
    good = [server.run(workflow, {"_id": f"r{at}", "n": at}) for at in range(10)]
    found = server.run_finished(bad, 180)
    assert found["run"]["status"] == "error" and "The worker died 5 times in or around node poison" in found["run"]["errorMessage"]
    assert all(server.run_finished(run, 60)["run"]["status"] == "success" for run in good)


@pytest.mark.parametrize("place", ["walking", "reading"])
def test_a_run_that_hangs_its_worker_before_any_effect_ends_as_well(make_server: MakeServer, place: str) -> None:
    """While pure nodes are walked over it is known which run it is; while a shard is read, all of its runs end."""
    server = make_server(HUNG_AFTER_SECONDS=HUNG, CRASH_AT=f"{place}!")
    server.wait_for_workers()
    workflow = server.tool(pure_graph())
    bad = server.run(workflow, {"_id": "bad", "n": 1, "name": "x"})
    found = server.run_finished(bad, 240)
    sentence = "The worker died 5 times in or around node" if place == "walking" else "This run could not be finished in 12 tries"
    assert found["run"]["status"] == "error" and sentence in found["run"]["errorMessage"]
