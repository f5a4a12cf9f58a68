"""Poison: a step that kills its worker each time fails after five deaths, with a clear message; everything else succeeds."""

from __future__ import annotations

import pytest

from tests.crash.conftest import MakeServer, call, end
from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import csv_of

RECORDS = 500

pytestmark = [pytest.mark.slow]


def poisoned_graph(connector: str, condition: str) -> list[Node]:
    """Records that meet the condition go through the call `poison`, all others through `harmless`."""
    return [
        node("start", children=("is_bad",)),
        node("is_bad", "branch", ("poison", "harmless"), config={"condition": condition}),
        call("poison", connector, "/poison/{{nodes.start._id}}", ("end",)),
        call("harmless", connector, "/harmless/{{nodes.start._id}}", ("end",)),
        end(),
    ]


@pytest.mark.parametrize(
    ("condition", "bad"), [("{{nodes.start.n == 42}}", [42]), ("{{nodes.start.n == 42 || nodes.start.n == 43}}", [42, 43])]
)
def test_the_poisoned_records_fail_and_the_batch_ends(
    make_server: MakeServer, service: CountingService, condition: str, bad: list[int]
) -> None:
    server = make_server(CRASH_AT="effect poison")
    server.wait_for_workers()
    service.latency = 0.02
    batch = server.batch(server.tool(poisoned_graph(server.connector(service.url), condition)), csv_of(RECORDS))
    found = server.finished(batch, 150)
    assert (found["status"], found["runsCount"], found["executedRunsCount"]) == ("success", RECORDS, RECORDS)
    assert found["failedRunsCount"] == len(bad)
    rows = {row["recordId"]: row for row in server.results(batch)}
    assert len(rows) == RECORDS
    failed = {key: row for key, row in rows.items() if row["status"] != "success"}
    assert sorted(failed) == [f"r{at}" for at in bad]
    assert all("The worker died" in row["errorMessage"] and "poison" in row["errorMessage"] for row in failed.values())
    assert 5 <= server.logged("a process died and is replaced") <= 5 * len(bad)
    calls = service.count()
    assert len(service.count("/harmless")) == RECORDS - len(bad) and not service.count("/poison")
    # Each death repeats what its worker had in flight; careful workers have one call at a time.
    assert max(calls.values()) <= 4


def test_a_poisoned_single_run_fails_and_others_go_on(make_server: MakeServer, service: CountingService) -> None:
    server = make_server(CRASH_AT="effect poison")
    server.wait_for_workers()
    workflow = server.tool(poisoned_graph(server.connector(service.url), "{{nodes.start.n == 42}}"))
    bad = server.run(workflow, {"_id": "bad", "n": 42})
    good = [server.run(workflow, {"_id": f"r{at}", "n": at}) for at in range(20)]
    found = server.run_finished(bad, 90)
    assert found["run"]["status"] == "error" and "The worker died 5 times in or around node poison" in found["run"]["errorMessage"]
    assert all(server.run_finished(run, 60)["run"]["status"] == "success" for run in good)
