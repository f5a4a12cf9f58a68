"""singleRun: how long one run takes from being submitted to its result in hand, idle and while 100,000 records go through."""

from __future__ import annotations

import sys
import time

from bench import graphs, report
from bench.report import Json
from bench.temporary_server import Api, MeasurementFailed, TemporaryServer

TIMES = 200
WARM_UP = 20
LOAD_RECORDS = 100_000


def one(api: Api, workflow: str, record: Json) -> tuple[float, float]:
    """Seconds until a run was submitted, and until its result was there, both from the beginning, on one connection."""
    began = time.perf_counter()
    run = api.post("/orchestration/runs", {"workflowUuid": workflow, "data": record})["run"]
    submitted = time.perf_counter() - began
    found = api.final(f"/orchestration/runs/{run['uuid']}")
    took = time.perf_counter() - began
    if found["run"]["status"] != "success":
        raise MeasurementFailed(f"A run ended as {found['run']['status']}: {found['run']['errorMessage']}")
    return submitted, took


class Load:
    """Batches of 100,000 records, one after the other: there is always one under way."""

    def __init__(self, server: TemporaryServer, workflow: str, file: str) -> None:
        self._server, self._workflow, self._file = server, workflow, file
        self._batch = ""
        self.batches = 0

    def keep(self) -> None:
        """Start the next batch when no batch with records left is running."""
        if self._batch and self._is_busy():
            return
        self._batch = self._server.start_batch(self._workflow, self._file)
        self.batches += 1
        while not self._is_busy():
            time.sleep(0.05)

    def _is_busy(self) -> bool:
        batch = self._server.api.send("GET", f"/orchestration/batches/{self._batch}")["batch"]
        return batch["finishedAt"] is None and batch["executedRunsCount"] > 0

    def stop(self) -> None:
        """Cancel what is left."""
        if self._is_busy():
            self._server.api.post(f"/orchestration/batches/{self._batch}/cancel", {})


def measure() -> Json:
    """200 runs of five native nodes, one after the other, first alone, then beside a batch of the same graph."""
    record = graphs.companies(1)[0]
    with TemporaryServer(workers=2) as server:
        workflow, file = server.deploy(graphs.five_native()), server.upload(graphs.companies(LOAD_RECORDS))
        api = server.connect()
        for _ in range(WARM_UP):
            one(api, workflow, record)
        report.say("singleRun: idle")
        idle = [one(api, workflow, record) for _ in range(TIMES)]
        report.say("singleRun: under load")
        load = Load(server, workflow, file)
        busy: list[tuple[float, float]] = []
        while len(busy) < TIMES:
            if len(busy) % 10 == 0:
                load.keep()
            busy.append(one(api, workflow, record))
        load.stop()
        api.close()
    alone, beside = [took for _, took in idle], [took for _, took in busy]
    return report.figure(
        [
            report.at_most("milliseconds from submit to result, idle, p50", report.percentile(alone, 0.5) * 1000, 12),
            report.at_most("milliseconds from submit to result, under load, p95", report.percentile(beside, 0.95) * 1000, 100),
        ],
        {
            "idleMilliseconds": report.milliseconds(alone),
            "idleSubmitMilliseconds": report.milliseconds([submitted for submitted, _ in idle]),
            "underLoadMilliseconds": report.milliseconds(beside),
            "underLoadSubmitMilliseconds": report.milliseconds([submitted for submitted, _ in busy]),
            "loadBatches": load.batches,
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("singleRun", measure))
