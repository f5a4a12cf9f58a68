"""memory100k: the memory of all processes of a server while 100,000 records go through five nodes."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass

from bench import graphs, processes, report
from bench.processes import Memory
from bench.report import Json
from bench.runs.native10k import NODES, lasted
from bench.temporary_server import TemporaryServer

RECORDS = 100_000
EVERY_SECONDS = 0.5
MAX_MEGABYTES = 700
MAX_GROWTH = 0.1
MIDDLE = (0.3, 0.9)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: the share of the records that are done, and the memory by group."""

    progress: float
    groups: dict[str, Memory]

    @property
    def all(self) -> float:
        """Megabytes of everything."""
        return sum(memory.all for memory in self.groups.values())

    @property
    def own(self) -> float:
        """Megabytes without PostgreSQL's buffers, which fill up to their fixed size."""
        return sum(memory.all - memory.shared for memory in self.groups.values())


def _look(server: TemporaryServer, progress: float) -> Sample:
    return Sample(progress, {group: processes.memory(pids) for group, pids in processes.of(server).items()})


def _watch(server: TemporaryServer, batch: str) -> list[Sample]:
    samples: list[Sample] = []
    began = time.perf_counter()
    while True:
        found = server.api.send("GET", f"/orchestration/batches/{batch}")["batch"]
        samples.append(_look(server, found["executedRunsCount"] / RECORDS))
        if found["finishedAt"] is not None:
            return samples
        time.sleep(max(0.0, EVERY_SECONDS - (time.perf_counter() - began) % EVERY_SECONDS))


def growth(progress: list[float], megabytes: list[float]) -> float:
    """What the straight line through the samples gains over the middle of the batch, as a share of their mean."""
    inside = [(at, value) for at, value in zip(progress, megabytes, strict=True) if MIDDLE[0] <= at <= MIDDLE[1]]
    if len({at for at, _ in inside}) < 3:
        raise RuntimeError("The batch was over before its memory could be looked at often enough.")
    line = statistics.linear_regression([at for at, _ in inside], [value for _, value in inside])
    return line.slope * (MIDDLE[1] - MIDDLE[0]) / statistics.mean(value for _, value in inside)


def measure() -> Json:
    """A look every half second; the peak of the sum, and how far it grows between 30 % and 90 % of the records."""
    with TemporaryServer(workers=2) as server:
        workflow, file = server.deploy(graphs.five_native()), server.upload(graphs.companies(RECORDS))
        idle = _look(server, 0)
        report.say("memory100k: 100,000 records")
        batch = server.start_batch(workflow, file)
        samples = _watch(server, batch)
        took = lasted(server.finish_batch(batch, RECORDS))
    peak = max(samples, key=lambda sample: sample.all)
    progress = [sample.progress for sample in samples]
    own = growth(progress, [sample.own for sample in samples])
    return report.figure(
        [
            report.at_most("peak megabytes of all processes (sum of PSS)", peak.all, MAX_MEGABYTES),
            report.at_most("growth from 30 % to 90 %, without PostgreSQL's buffers", own, MAX_GROWTH),
        ],
        {
            "growthWithBuffers": report.rounded(growth(progress, [sample.all for sample in samples])),
            "peakByGroup": {group: report.rounded(memory.all) for group, memory in peak.groups.items()},
            "peakBuffers": report.rounded(sum(memory.shared for memory in peak.groups.values())),
            "idleMegabytes": report.rounded(idle.all),
            "samples": len(samples),
            "recordsPerSecond": report.rounded(RECORDS / took),
            "nodeExecutionsPerSecond": report.rounded(RECORDS * NODES / took),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("memory100k", measure))
