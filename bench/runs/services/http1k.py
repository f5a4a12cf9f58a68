"""http1k: 1,000 records with one HTTP call of 50 ms each, 100 at a time, against the same calls over bare asyncio streams."""

from __future__ import annotations

import sys

from bench import graphs, report, slow_service
from bench.report import Json
from bench.runs.native10k import lasted
from bench.runs.services import bare_calls
from bench.temporary_server import MeasurementFailed, TemporaryServer

RECORDS = 1_000
CALL_SECONDS = 0.05
CONCURRENCY = 100
ROUNDS = 5


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


def _by_turns(url: str, records: list[Json]) -> tuple[list[float], list[float]]:
    """Seconds of the engine (one worker, one shard at a time) and of bare streams, by turns: what else is running slows both."""
    engine: list[float] = []
    streams: list[float] = []
    with TemporaryServer(workers=1, BATCH_SLOTS="1") as server:
        workflow, file = _deployed(server, url, records)
        for _ in range(ROUNDS):
            streams.append(bare_calls.by_streams(url, RECORDS, CONCURRENCY))
            engine.append(counted_batch(server, url, workflow, file, RECORDS))
    return engine, streams


def _as_started_by_default(url: str, records: list[Json]) -> float:
    with TemporaryServer(workers=2) as server:
        workflow, file = _deployed(server, url, records)
        return report.median([counted_batch(server, url, workflow, file, RECORDS) for _ in range(ROUNDS)])


def _deployed(server: TemporaryServer, url: str, records: list[Json]) -> tuple[str, str]:
    """The workflow and the file of records, after a small batch that opens what stays open."""
    workflow, file = server.deploy(graphs.one_call(connector(server, url))), server.upload(records)
    counted_batch(server, url, workflow, server.upload(records[:CONCURRENCY]), CONCURRENCY)
    return workflow, file


def measure() -> Json:
    """Medians of five rounds; httpx, which takes ten times as long, once."""
    records = graphs.companies(RECORDS)
    with slow_service.running(CALL_SECONDS) as url:
        report.say("http1k: a bare client with httpx")
        bare_calls.by_streams(url, CONCURRENCY, CONCURRENCY)
        by_httpx = bare_calls.by_httpx(url, RECORDS, CONCURRENCY)
        report.say("http1k: bare streams and the engine, 100 at a time")
        engine, streams = _by_turns(url, records)
        report.say("http1k: engine as it is started by default")
        default = _as_started_by_default(url, records)
    took, bare = report.median(engine), report.median(streams)
    return report.figure(
        [report.at_least("calls per second, as a share of those over bare asyncio streams", bare / took, 0.7)],
        {
            "callsPerSecond": report.rounded(RECORDS / took),
            "bareStreamsCallsPerSecond": report.rounded(RECORDS / bare),
            "bareHttpxCallsPerSecond": report.rounded(RECORDS / by_httpx),
            "perfectCallsPerSecond": report.rounded(CONCURRENCY / CALL_SECONDS),
            "defaultServerCallsPerSecond": report.rounded(RECORDS / default),
            "rounds": [report.rounded(seconds) for seconds in engine],
            "bareStreamsRounds": [report.rounded(seconds) for seconds in streams],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("http1k", measure))
