"""replay: 1,000 runs are replayed from their middle node; the nodes before it make no call."""

from __future__ import annotations

import sys

from bench import graphs, report, slow_service
from bench.report import Json
from bench.runs.native10k import lasted
from bench.runs.services.http1k import connector
from bench.temporary_server import MeasurementFailed, TemporaryServer

RUNS = 1_000
CALL_SECONDS = 0.05
ROUNDS = 3


def measure() -> Json:
    """A batch whose runs make two calls each, then repetitions of it from the second call on: medians of three rounds."""
    with slow_service.running(CALL_SECONDS) as url, TemporaryServer(workers=2) as server:
        workflow, file = server.deploy(graphs.two_calls(connector(server, url))), server.upload(graphs.companies(RUNS))
        report.say("replay: the batch")
        first = server.start_batch(workflow, file)
        whole = lasted(server.finish_batch(first, RUNS))
        again = list[float]()
        for turn in range(ROUNDS):
            report.say(f"replay: round {turn + 1} of {ROUNDS}")
            before = slow_service.calls(url)
            batch = str(server.api.post(f"/orchestration/batches/{first}/replay", {"fromNode": "second"})["batch"]["uuid"])
            again.append(lasted(server.finish_batch(batch, RUNS)))
            if (made := slow_service.calls(url) - before) != RUNS:
                raise MeasurementFailed(f"{RUNS} repetitions from the second call on made {made} calls.")
    took = report.median(again)
    return report.figure(
        [report.at_most("times the batch itself", took / whole, 1)],
        {
            "runs": RUNS,
            "batchSeconds": report.rounded(whole),
            "replaySeconds": report.rounded(took),
            "runsPerSecond": report.rounded(RUNS / took),
            "callsRepeated": 0,
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("replay", measure))
