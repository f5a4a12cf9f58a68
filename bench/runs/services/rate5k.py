"""rate5k: 5,000 records with one call each to a service that takes 50 calls in any second and counts them, with two workers."""

from __future__ import annotations

import itertools
import os
import sys
import time

import psycopg

from bench import graphs, limited_service, report
from bench.report import Json
from bench.temporary_server import TemporaryServer

RECORDS = int(os.environ.get("BENCH_CALLS", "5000"))
MAX = 50
SECONDS = 1.0


def busiest(times: list[float], window: float) -> int:
    """The most calls in any window."""
    most = start = 0
    for end, at in enumerate(times):
        while times[start] <= at - window:
            start += 1
        most = max(most, end - start + 1)
    return most


def longest_pause(times: list[float]) -> float:
    """Seconds."""
    return max(later - sooner for sooner, later in itertools.pairwise(times))


def _statements(server: TemporaryServer) -> int:
    with psycopg.connect(server.database().owner_url) as connection:
        row = connection.execute("select n_tup_upd + n_tup_ins from pg_stat_user_tables where relname = 'rate_buckets'").fetchone()
    return 0 if row is None else int(row[0])


def measure() -> Json:
    """The times are those of the service."""
    with limited_service.running(MAX, SECONDS) as url, TemporaryServer(workers=2) as server:
        asked = {"integrationSlug": "http", "slug": "limited", "name": "Limited", "config": {"baseUrl": url}}
        limit = {"unit": "second", "max": MAX, "strategy": "spread"}
        connector = str(server.api.post("/connection/connectors", {**asked, "rateLimit": limit})["connector"]["uuid"])
        workflow, file = server.deploy(graphs.one_call(connector)), server.upload(graphs.companies(RECORDS))
        report.say(f"rate5k: {RECORDS} calls, {MAX} a second")
        began = time.perf_counter()
        batch = server.finish_batch(server.start_batch(workflow, file), RECORDS)
        took = time.perf_counter() - began
        heard = limited_service.heard(url)
        writes = _statements(server)
    times = heard.times
    used = (len(times) - 1) / (times[-1] - times[0]) / (MAX / SECONDS)
    most = busiest(times, SECONDS)
    return report.figure(
        [
            report.at_most("calls in the busiest second, as a share of the limit", most / MAX, 1.05),
            report.at_least("share of the limit that was used", used, 0.95),
            report.at_most("refused calls (429)", len(heard.refused), 0),
        ],
        {
            "busiestSecond": most,
            "calls": len(times),
            "seconds": report.rounded(took),
            "longestPauseSeconds": report.rounded(longest_pause(times)),
            "bucketWritesPerSecond": report.rounded(writes / took),
            "batch": batch["status"],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("rate5k", measure))
