"""native10k: 10,000 records through five native nodes with two workers, against the plain-asyncio ceiling of the same run."""

from __future__ import annotations

import sys
import time
from datetime import datetime

import psycopg

from bench import graphs, processes, report
from bench.report import Json
from bench.runs import ceiling
from bench.temporary_server import MeasurementFailed, TemporaryServer

RECORDS = 10_000
NODES = 5
ROUNDS = 3
WARM_UP = 1_000


def lasted(batch: Json) -> float:
    """Seconds from a batch's creation to its end, by the server's own times."""
    return (datetime.fromisoformat(batch["finishedAt"]) - datetime.fromisoformat(batch["createdAt"])).total_seconds()


def check_journal(url: str, batch: Json) -> None:
    """MeasurementFailed unless the journal has every node of every record: a rate counts only what was kept."""
    count = "select count(*) from executions e join runs r on r.uuid = e.run_uuid where r.batch_uuid = %s and e.status = 'success'"
    with psycopg.connect(url) as connection:
        row = connection.execute(count, (batch["uuid"],)).fetchone()
    if row is None or row[0] != RECORDS * NODES:
        raise MeasurementFailed(f"The journal has {row and row[0]} executions, not {RECORDS * NODES}.")


def measure() -> Json:
    """Three rounds of engine and ceiling by turns, after a batch of 1,000 that warms both up; medians."""
    records, nodes = graphs.companies(RECORDS), graphs.five_native()
    engine, wall, bare = list[float](), list[float](), list[float]()
    cpu: dict[str, list[float]] = {"workers": [], "api": [], "postgres": []}
    with TemporaryServer(workers=2) as server:
        workflow, file = server.deploy(nodes), server.upload(records)
        few = server.upload(records[:WARM_UP])
        server.finish_batch(server.start_batch(workflow, few), WARM_UP)
        url = server.database().owner_url
        ceiling.seconds(url, nodes, records[:WARM_UP])
        for turn in range(ROUNDS):
            report.say(f"native10k: round {turn + 1} of {ROUNDS}")
            bare.append(ceiling.seconds(url, nodes, records))
            before, began = processes.cpu_seconds(server), time.perf_counter()
            batch = server.finish_batch(server.start_batch(workflow, file), RECORDS)
            wall.append(time.perf_counter() - began)
            after = processes.cpu_seconds(server)
            check_journal(url, batch)
            engine.append(lasted(batch))
            for group, values in cpu.items():
                values.append(after[group] - before[group])
    took, free = report.median(engine), report.median(bare)
    return report.figure(
        [report.at_least("records per second, as a share of the plain-asyncio ceiling", free / took, 0.6)],
        {
            "recordsPerSecond": report.rounded(RECORDS / took),
            "nodeExecutionsPerSecond": report.rounded(RECORDS * NODES / took),
            "recordsPerSecondByTheWall": report.rounded(RECORDS / report.median(wall)),
            "ceilingRecordsPerSecond": report.rounded(RECORDS / free),
            "rounds": [report.rounded(seconds) for seconds in engine],
            "ceilingRounds": [report.rounded(seconds) for seconds in bare],
            "cpuMillisecondsPerRecord": {group: report.rounded(report.median(values) / RECORDS * 1000) for group, values in cpu.items()},
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("native10k", measure))
