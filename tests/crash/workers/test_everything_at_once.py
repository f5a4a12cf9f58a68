"""Everything at once: during one batch each worker is killed, one is paused past its heartbeat, and the database crashes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.crash.conftest import MakeServer, call, end, text
from tests.crash.workers.test_database_restarts import end_database
from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

RECORDS = 100_000
CALLING_EVERY = 50
CALLING = RECORDS // CALLING_EVERY
MAX_MEGABYTES = 800
"""A little above what such a batch takes without faults: for a moment a worker and its successor are there together."""
EXECUTIONS = {"start": RECORDS, "chosen": RECORDS, "first": CALLING, "sized": RECORDS - CALLING, "end": RECORDS}

RUNS = "select status, count(*)::int as n, count(distinct record_id)::int as records from runs where batch_uuid = %s group by 1"
JOURNAL = """
select e.node_slug as slug, count(*)::int as n, count(distinct e.run_uuid)::int as runs,
    count(*) filter (where e.node_slug = 'end' and e.output ->> 'id' = r.record_id)::int as answered
from executions e join runs r on r.uuid = e.run_uuid where r.batch_uuid = %s group by 1
"""
METRICS = """
select node_uuid as slug, sum(total)::int as n, sum(success)::int as good, sum(idle)::int as idle from node_metrics
where batch_uuid = %s group by 1
"""


def branching_graph(connector: str) -> list[Node]:
    """start → a call for every 50th record, variables for the others → end, which gives `id`."""
    sized = {"variables": [text("size", "{{nodes.start.n >= 100 ? 'large' : 'small'}}")]}
    body = {"id": "{{nodes.start._id}}", "n": "{{nodes.start.n}}"}
    asked = {"method": "POST", "url": "/first/{{nodes.start._id}}", "body": body}
    return [
        node("start", children=("chosen",)),
        node("chosen", "branch", ("first", "sized"), config={"condition": "{{nodes.start.name == 'call'}}"}),
        call("first", connector, "", ("end",)) | {"config": asked},
        node("sized", "variables", ("end",), config=sized),
        end(),
    ]


@dataclass
class Trouble:
    """What befalls a server while a batch runs, each at its share of the records, and the most memory that was seen meanwhile."""

    server: RealServer
    chance: random.Random
    coming: list[tuple[float, str, Callable[[], None]]] = field(default_factory=list[tuple[float, str, Callable[[], None]]])
    paused: int = 0
    peak: float = 0.0

    def plan(self, workers: list[int]) -> None:
        """Choose the moments."""
        faults: list[tuple[str, Callable[[], None]]] = [
            (f"kill worker {number + 1}", lambda pid=pid: os.kill(pid, signal.SIGKILL)) for number, pid in enumerate(workers)
        ]
        faults += [("pause a worker", self._pause), ("crash the database", lambda: end_database(self.server, signal.SIGKILL))]
        self.chance.shuffle(faults)
        moments = sorted(self.chance.uniform(0.03, 0.8) for _ in faults)
        self.coming = [(at, name, strike) for at, (name, strike) in zip(moments, faults, strict=True)]
        print("faults, by share of the records:", ", ".join(f"{at:.2f} {name}" for at, name, _ in self.coming))

    def strike(self, done: int) -> None:
        """Whatever is due by now."""
        while self.coming and done >= self.coming[0][0] * RECORDS:
            self.coming.pop(0)[2]()
        if self.paused and not self.server.rows("select 1 from workers where pid = %s", self.paused):
            self._go_on()
        self.peak = max(self.peak, self.server.memory())

    def _pause(self) -> None:
        self.paused = self.server.busy_worker()
        os.kill(self.paused, signal.SIGSTOP)

    def _go_on(self) -> None:
        if self.paused in self.server.worker_pids():
            os.kill(self.paused, signal.SIGCONT)
        self.paused = 0

    def over(self) -> None:
        """Everything has struck; anyone who is still paused goes on."""
        assert not self.coming, "the batch was over too soon"
        if self.paused:
            self._go_on()


def watched(server: RealServer, batch: str, trouble: Trouble, seconds: float) -> dict[str, Any]:
    """The batch when it is over."""
    deadline = time.monotonic() + seconds
    while True:
        reply = server.send("orchestration.batch.get", uuid=batch)
        if reply.status_code == 200:
            found: dict[str, Any] = reply.json()["batch"]
            if found["finishedAt"]:
                return found
            trouble.strike(found["executedRunsCount"])
        assert time.monotonic() < deadline, f"the batch did not end in {seconds} s\n{server.state_of_work()}"
        time.sleep(0.1)


def proven_once(server: RealServer, batch: str, found: dict[str, Any]) -> None:
    """Every record has one run, which ended well once and went through each of its nodes once; all that counts says the same."""
    counts = (found["status"], found["runsCount"], found["executedRunsCount"], found["failedRunsCount"], found["skippedRunsCount"])
    assert counts == ("success", RECORDS, RECORDS, 0, 0), found
    assert server.rows(RUNS, batch) == [{"status": "success", "n": RECORDS, "records": RECORDS}]
    journal = {row["slug"]: row for row in server.rows(JOURNAL, batch)}
    assert {slug: row["n"] for slug, row in journal.items()} == EXECUTIONS
    assert {slug: row["runs"] for slug, row in journal.items()} == EXECUTIONS
    assert journal["end"]["answered"] == RECORDS
    metrics = server.rows(METRICS, batch)
    assert {row["slug"]: row["n"] for row in metrics} == EXECUTIONS
    assert {row["slug"]: row["good"] for row in metrics} == EXECUTIONS
    assert {row["idle"] for row in metrics} == {0}
    assert server.value("select count(*) from shards where batch_uuid = %s", batch) == 0


def called_once(service: CountingService) -> int:
    """Each record that calls has one key, and whatever was repeated was the same request under it; how many were."""
    said = service.said()
    assert "" not in said and len(said) == CALLING
    twofold = [asked for asked in said.values() if len(asked) > 1]
    assert not twofold, f"one key asked for two different things: {twofold[:3]}"
    wanted = {f"/first/r{at}" for at in range(0, RECORDS, CALLING_EVERY)}
    assert {path for asked in said.values() for path, _ in asked} == wanted
    repeated = service.repeated()
    # Once more by each fault at the most: two deaths, a pause, and a crash of the database.
    assert not repeated or max(repeated.values()) <= 5
    return len(repeated)


def test_a_hundred_thousand_records_end_exactly_once_through_every_fault(make_server: MakeServer, service: CountingService) -> None:
    seed = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
    print("FAULT_SEED", seed)
    server = make_server(STALLED_AFTER_SECONDS="2")
    workers = server.wait_for_workers()
    service.latency = 0.05
    workflow = server.tool(branching_graph(server.connector(service.url)))
    content = csv_of(RECORDS, lambda at: f"Company {at}" if at % CALLING_EVERY else "call")
    trouble = Trouble(server, random.Random(seed))
    trouble.plan(workers)
    began = time.monotonic()
    batch = server.batch(workflow, content)
    found = watched(server, batch, trouble, 400)
    took = time.monotonic() - began
    trouble.over()
    proven_once(server, batch, found)
    print("calls that were repeated", called_once(service))
    print("seconds", round(took), "with proofs", round(time.monotonic() - began))
    print("peak MB", round(trouble.peak))
    assert trouble.peak < MAX_MEGABYTES
    # Nothing is left behind, and anyone who lives works on.
    wait_until(lambda: server.value("select count(*) from procrastinate_jobs where task_name = 'drive'") == 0, 30, "the queue to be empty")
    assert not set(workers) & set(server.wait_for_workers())
    assert server.finished(server.batch(workflow, csv_of(400)), 60)["status"] == "success"
