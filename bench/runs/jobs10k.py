"""jobs10k: 10,000 jobs of 100 ms with two workers as a share of perfect, and 40 light runs in sequence, as other engines publish them."""

from __future__ import annotations

import sys
import time

from bench import graphs, report, slow_service
from bench.report import Json
from bench.runs.moments.single_run import one
from bench.runs.native10k import lasted
from bench.runs.services.http1k import connector, counted_batch
from bench.temporary_server import TemporaryServer
from cargo_ai.engine.worker.driven_shard import CONCURRENT_RUNS
from cargo_ai.kernel import settings

JOBS = 10_000
JOB_SECONDS = 0.1
WORKERS = 2
LIGHT_RUNS = 40


def measure() -> Json:
    """Perfect is what the jobs would take if all places were always taken and nothing else cost time."""
    records = graphs.companies(JOBS)
    places = WORKERS * settings.read().batch_slots * CONCURRENT_RUNS
    perfect = JOBS * JOB_SECONDS / places
    with slow_service.running(JOB_SECONDS) as url, TemporaryServer(workers=WORKERS) as server:
        calling = server.deploy(graphs.one_call(connector(server, url)))
        sleeping = server.deploy(graphs.one_sleep(JOB_SECONDS))
        file, few = server.upload(records), server.upload(records[:places])
        counted_batch(server, url, calling, few, places)
        report.say("jobs10k: jobs that call a service")
        calls = counted_batch(server, url, calling, file, JOBS)
        report.say("jobs10k: jobs that sleep")
        sleeps = lasted(server.finish_batch(server.start_batch(sleeping, file), JOBS))
        report.say("jobs10k: light runs")
        light = server.deploy(graphs.five_native())
        one(server.api, light, records[0])
        began = time.perf_counter()
        for record in records[:LIGHT_RUNS]:
            one(server.api, light, record)
        in_sequence = time.perf_counter() - began
    return report.figure(
        [],
        {
            "places": places,
            "perfectSeconds": report.rounded(perfect),
            "callsSeconds": report.rounded(calls),
            "callsShareOfPerfect": report.rounded(perfect / calls),
            "sleepsSeconds": report.rounded(sleeps),
            "sleepsShareOfPerfect": report.rounded(perfect / sleeps),
            "lightRuns": LIGHT_RUNS,
            "lightRunsSeconds": report.rounded(in_sequence),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("jobs10k", measure))
