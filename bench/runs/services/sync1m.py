"""sync1m: 1,000,000 records from a service that throttles into a model, while three workers are killed: none lost, none twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

from bench import processes, report
from bench.data.companies_server import ROWS
from bench.report import Json
from bench.runs.age.memory100k import Sample, growth
from bench.temporary_server import ROOT, MeasurementFailed, TemporaryServer

OWN = ROOT / "tests" / "kit" / "own_integrations"
PAGE = 500
MAX_PER_SECOND = 25
"""Calls that the service takes in a second: more are answered 429."""
KILLS = 3
EVERY_SECONDS = 2.0
MAX_MEGABYTES = 700
MAX_GROWTH = 0.1
LEAST_SHARE = 0.3


@contextmanager
def service(count: int) -> Generator[str]:
    """The service in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "tests.simulators.people", "--count", str(count), "--most", str(MAX_PER_SECOND)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def _reported(url: str) -> Json:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/_report", timeout=10) as answer:
        found: Json = json.loads(answer.read())
        return found


def _model(server: TemporaryServer, url: str) -> str:
    account = {"integrationSlug": "people", "slug": "people", "name": "People", "config": {"baseUrl": url}}
    connector = server.api.post("/connection/connectors", account)["connector"]["uuid"]
    datasets = server.api.send("GET", "/storage/datasets/list")["datasets"]
    dataset = next(one["uuid"] for one in datasets if one["connectorUuid"] == connector)
    asked: Json = {"slug": "everybody", "name": "Everybody", "datasetUuid": dataset, "extractorSlug": "listPeople", "config": {}}
    return str(server.api.post("/storage/models", asked)["model"]["uuid"])


def _watch(server: TemporaryServer, model: str) -> tuple[Json, list[Sample]]:
    """The sync when it has ended; a worker is killed at each quarter."""
    samples: list[Sample] = []
    kills = 0
    began = time.perf_counter()
    while True:
        run: Json = server.api.send("GET", f"/storage/runs/list?modelUuid={model}")["runs"][0]
        progress = (run["recordsDone"] or 0) / ROWS
        groups = processes.of(server)
        samples.append(Sample(progress, {group: processes.memory(pids) for group, pids in groups.items()}))
        if run["finishedAt"] is not None:
            return run, samples
        if kills < KILLS and progress > (kills + 1) / (KILLS + 1) and groups["workers"]:
            # Which of them does it is not known: all are killed.
            for worker in groups["workers"]:
                os.kill(worker, signal.SIGKILL)
            kills += 1
        time.sleep(max(0.0, EVERY_SECONDS - (time.perf_counter() - began) % EVERY_SECONDS))


def measure() -> Json:
    """Records in a second against what the service's limit allows; memory every two seconds; pages that were asked for more than once."""
    with service(ROWS) as url, TemporaryServer(workers=2, python_path=str(OWN)) as server:
        report.say(f"sync1m: {ROWS:,} records")
        began = time.perf_counter()
        run, samples = _watch(server, _model(server, url))
        took = time.perf_counter() - began
        if run["status"] != "success":
            raise MeasurementFailed(f"The sync ended as {run['status']}: {run['errorMessage']}")
        query = "SELECT COUNT(*) AS n, COUNT(DISTINCT _id) AS ids FROM people.everybody"
        counted = server.api.post("/storage/query", {"query": query})["rows"][0]
        reported = _reported(url)
    peak = max(samples, key=lambda sample: sample.all)
    own = growth([sample.progress for sample in samples], [sample.own for sample in samples])
    wrong = abs(counted["n"] - ROWS) + abs(counted["ids"] - ROWS) + abs(run["counts"]["added"] - ROWS)
    return report.figure(
        [
            report.at_most("records lost, twice or counted twice", wrong, 0),
            report.at_most("pages asked for again, for each worker that died", (reported["calls"] - reported["pages"]) / KILLS, 2),
            report.at_most("peak megabytes of all processes (sum of PSS)", peak.all, MAX_MEGABYTES),
            report.at_most("growth from 30 % to 90 %, without PostgreSQL's buffers", own, MAX_GROWTH),
            report.at_least("share of the calls that the service allows", ROWS / PAGE / took / MAX_PER_SECOND, LEAST_SHARE),
        ],
        {
            "records": ROWS,
            "seconds": report.rounded(took),
            "recordsPerSecond": report.rounded(ROWS / took),
            "refused": reported["refused"],
            "peakByGroup": {group: report.rounded(memory.all) for group, memory in peak.groups.items()},
            "samples": len(samples),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("sync1m", measure))
