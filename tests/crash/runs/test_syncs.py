"""Workers are killed while they fill a model from a service that throttles: the sync goes on behind the last page it saved."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.processes.real_server import Json, RealServer, wait_until
from tests.simulators.people import Running

OWN = Path(__file__).parents[2] / "kit" / "own_integrations"
PEOPLE = 100_000
PAGES = PEOPLE // 500
KILLS = 3

pytestmark = [pytest.mark.slow]


@pytest.fixture
def people() -> Iterator[Running]:
    running = Running(PEOPLE, most=22)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def server(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> RealServer:
    monkeypatch.setenv("PYTHONPATH", str(OWN))
    return make_server(workers=1, CARGO_AI_OUTBOUND_ALLOW="127.0.0.1")


def test_three_killed_workers_lose_no_record_and_write_none_twice(server: RealServer, people: Running) -> None:
    made = server.call(
        "connection.connector.create", integrationSlug="people", slug="people", name="People", config={"baseUrl": people.url}
    )
    datasets = server.call("storage.dataset.all")["datasets"]
    dataset = next(one["uuid"] for one in datasets if one["connectorUuid"] == made["connector"]["uuid"])
    model = server.call("storage.model.create", slug="everybody", name="Everybody", datasetUuid=dataset, extractorSlug="listPeople")
    uid = model["model"]["uuid"]

    def run() -> Json:
        found: Json = server.call("storage.run.list", modelUuid=uid)["runs"][0]
        return found

    killed: list[int] = []
    for kill in range(1, KILLS + 1):
        wait_until(lambda: (run()["recordsDone"] or 0) >= kill * PEOPLE // 5, 120, "the sync to go on")  # noqa: B023 - waited for here
        (worker,) = server.wait_for_workers(1, other_than=killed)
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)
    wait_until(lambda: run()["finishedAt"] is not None, 120, "the sync to end")
    ended = run()
    assert (ended["status"], ended["errorMessage"]) == ("success", None)
    assert (ended["recordsDone"], ended["counts"]["added"], ended["counts"]["unchanged"]) == (PEOPLE, PEOPLE, 0)
    query = "SELECT COUNT(*) AS n, COUNT(DISTINCT _id) AS ids, MIN(_id) AS first, MAX(_id) AS last FROM people.everybody"
    rows = server.call("storage.query.execute", query=query)["rows"]
    assert rows == [{"n": PEOPLE, "ids": PEOPLE, "first": "p0000001", "last": f"p{PEOPLE:07}"}]
    assert len(people.people.pages) == PAGES
    # A page that was read and not written, and the one that was asked for beside it, for each of the dead.
    assert people.people.pages.total() <= PAGES + 2 * KILLS
    # It has throttled, and none of its refusals was a failure.
    assert ended["warnings"] == []
