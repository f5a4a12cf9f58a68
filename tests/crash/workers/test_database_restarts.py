"""The database ends in the middle of a batch: the server starts it again by itself, and the batch ends as if nothing had been."""

from __future__ import annotations

import os
import signal

import pytest

from cargo_ai.store.embedded import postgres
from tests.crash.conftest import PURE, MakeServer, effect_graph, proven_once, pure_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = [pytest.mark.slow]


def status_of(server: RealServer) -> int:
    """The status of a request that needs the database."""
    return server.send("workspaceManagement.user.getCurrent").status_code


def end_database(server: RealServer, number: int) -> None:
    """End the postmaster by a signal, and see the server bring another one."""
    before = postgres.status(server.data_dir)
    assert before is not None
    os.kill(before.pid, number)

    def another_answers() -> bool:
        now = postgres.status(server.data_dir)
        return now is not None and now.pid != before.pid and status_of(server) == 200

    wait_until(another_answers, 60, "another database")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_outlives_its_database(make_server: MakeServer, number: int) -> None:
    server = make_server()
    before = server.wait_for_workers()
    workflow = server.tool(pure_graph())
    batch = server.batch(workflow, csv_of(30_000))
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= 2_000, 60, "the batch to be under way")
    end_database(server, number)
    server.finished(batch, 90)
    proven_once(server, batch, 30_000, PURE)
    for _ in range(3):
        found = server.run_finished(server.run(workflow, {"_id": "r0", "name": "Acme", "n": 1}), 15)
        assert found["run"]["status"] == "success"
    assert server.wait_for_workers() == before, "no worker had to be replaced"


def test_effects_outlive_the_database(make_server: MakeServer, service: CountingService) -> None:
    server = make_server()
    before = server.wait_for_workers()
    service.latency = 0.1
    workflow = server.tool(effect_graph(server.connector(service.url)))
    batch = server.batch(workflow, csv_of(2_000))
    service.wait_for(300)
    end_database(server, signal.SIGINT)
    server.finished(batch, 90)
    proven_once(server, batch, 2_000, ("start", "first", "end"))
    assert len(service.count()) == 2_000
    # The workers have lived on: what was in flight is written when the database is back, and not done again.
    assert not service.repeated()
    assert server.wait_for_workers() == before


def test_an_idle_server_works_after_its_database_ended_twice(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()
    workflow = server.tool(pure_graph())
    for _ in range(2):
        end_database(server, signal.SIGINT)
        found = server.run_finished(server.run(workflow, {"_id": "r0", "name": "Acme", "n": 1}), 15)
        assert found["run"]["status"] == "success"
        server.finished(server.batch(workflow, csv_of(500)), 30)
