"""playLatency: from a write to a record until the first node of the run that a play starts for it."""

from __future__ import annotations

import sys
import time
from typing import Any

import psycopg

from bench import report
from bench.report import Json
from bench.runs.moments import deals
from bench.temporary_server import MeasurementFailed, TemporaryServer

WRITES = 50
WARM_UP = 3
PATIENCE_SECONDS = 20
STARTED = "select min(e.started_ms) from executions e join runs r on r.uuid = e.run_uuid where r.record_id = %s"


def _took(server: TemporaryServer, database: psycopg.Connection[Any], model: str, uid: str) -> float:
    began = time.time()
    deals.win(server, model, uid)
    while time.time() - began < PATIENCE_SECONDS:
        row = database.execute(STARTED, (uid,)).fetchone()
        if row is not None and row[0] is not None:
            return max(0.0, row[0] / 1000 - began)
        time.sleep(0.01)
    raise MeasurementFailed(f"No run began within {PATIENCE_SECONDS} s of the write of {uid}.")


def measure() -> Json:
    """Fifty writes, one after the other, each of a record that comes into the segment of a realtime play."""
    with TemporaryServer(workers=2) as server, psycopg.connect(server.database().owner_url, autocommit=True) as database:
        model = deals.model(server)
        deals.play(server, model, "Won", {"type": "realtime"})
        for number in range(WARM_UP):
            _took(server, database, model, f"first-{number}")
        report.say(f"playLatency: {WRITES} writes")
        took = [_took(server, database, model, f"d{number}") for number in range(WRITES)]
    return report.figure(
        [report.at_most("seconds from the write to the first node, p95", report.percentile(took, 0.95), 1)],
        {"milliseconds": report.milliseconds(took)},
    )


if __name__ == "__main__":
    sys.exit(report.alone("playLatency", measure))
