"""http1k: 1,000 records with one HTTP call of 50 ms each, 100 at a time, against the same calls by a bare asyncio client."""

from __future__ import annotations

import sys

from bench import graphs, report, slow_service
from bench.report import Json
from bench.runs import bare_calls
from bench.runs.native10k import lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer

RECORDS = 1_000
CALL_SECONDS = 0.05
CONCURRENCY = 100
ROUNDS = 3


def connector(server: TemporaryServer, url: str) -> str:
    """A connector to the slow service; its uuid."""
    asked = {"integrationSlug": "http", "slug": "slow", "name": "Slow", "config": {"baseUrl": url}}
    return str(server.api.post("/connection/connectors", asked)["connector"]["uuid"])


def counted_batch(server: TemporaryServer, url: str, workflow: str, file: str, count: int) -> float:
    """Seconds of one batch whose every record made exactly one call."""
    before = slow_service.calls(url)
    took = lasted(server.finish_batch(server.start_batch(workflow, file), count))
    if (made := slow_service.calls(url) - before) != count:
        raise MeasurementFailed(f"{count} records made {made} calls.")
    return took


def _engine(url: str, records: list[Json], workers: int, **settings: str) -> list[float]:
    with TemporaryServer(workers=workers, **settings) as server:
        workflow, file = server.deploy(graphs.one_call(connector(server, url))), server.upload(records)
        few = server.upload(records[:CONCURRENCY])
        counted_batch(server, url, workflow, few, CONCURRENCY)
        return [counted_batch(server, url, workflow, file, RECORDS) for _ in range(ROUNDS)]


def measure() -> Json:
    """Medians of three rounds. At concurrency 100 the engine is one worker that drives one shard at a time."""
    records = graphs.companies(RECORDS)
    with slow_service.running(CALL_SECONDS) as url:
        report.say("http1k: bare clients")
        bare_calls.by_streams(url, CONCURRENCY, CONCURRENCY)
        by_httpx = report.median([bare_calls.by_httpx(url, RECORDS, CONCURRENCY) for _ in range(ROUNDS)])
        by_streams = report.median([bare_calls.by_streams(url, RECORDS, CONCURRENCY) for _ in range(ROUNDS)])
        report.say("http1k: engine, 100 at a time")
        alike = _engine(url, records, 1, BATCH_SLOTS="1")
        report.say("http1k: engine as it is started by default")
        default = _engine(url, records, 2)
    took = report.median(alike)
    return report.figure(
        [report.at_least("calls per second, as a share of a bare httpx client's", by_httpx / took, 0.7)],
        {
            "shareOfBareStreams": report.rounded(by_streams / took),
            "callsPerSecond": report.rounded(RECORDS / took),
            "bareHttpxCallsPerSecond": report.rounded(RECORDS / by_httpx),
            "bareStreamsCallsPerSecond": report.rounded(RECORDS / by_streams),
            "perfectCallsPerSecond": report.rounded(CONCURRENCY / CALL_SECONDS),
            "defaultServerCallsPerSecond": report.rounded(RECORDS / report.median(default)),
            "rounds": [report.rounded(seconds) for seconds in alike],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("http1k", measure))
