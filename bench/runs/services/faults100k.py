"""faults100k: 100,000 records while both workers are killed, one is paused past its heartbeat and the database crashes."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable

import psycopg

from bench import graphs, processes, report
from bench.report import Json
from bench.runs.native10k import NODES, lasted
from bench.temporary_server import MeasurementFailed, TemporaryServer

RECORDS = 100_000
PLAIN = 25_000
STALLED_SECONDS = 2
PAUSE_SECONDS = 5
PATIENCE_SECONDS = 400
COUNTS = """
select (select count(*) from runs where batch_uuid = %(batch)s and status = 'success'),
    (select count(distinct record_id) from runs where batch_uuid = %(batch)s),
    (select count(*) from executions e join runs r on r.uuid = e.run_uuid where r.batch_uuid = %(batch)s and e.status = 'success')
"""


class _Faults:
    """What befalls a server, each at its share of the records, in an order of its own."""

    def __init__(self, server: TemporaryServer, seed: int) -> None:
        chance = random.Random(seed)
        self._server = server
        self._paused, self._until = 0, 0.0
        workers = processes.of(server)["workers"]
        faults: list[Callable[[], None]] = [lambda pid=pid: os.kill(pid, signal.SIGKILL) for pid in workers]
        faults += [self._pause, self._crash]
        chance.shuffle(faults)
        self.coming = list(zip(sorted(chance.uniform(0.05, 0.75) for _ in faults), faults, strict=True))

    def strike(self, share: float) -> None:
        """Whatever is due; who was paused long enough goes on."""
        while self.coming and share >= self.coming[0][0]:
            self.coming.pop(0)[1]()
        if self._paused and time.monotonic() > self._until:
            self.over()

    def over(self) -> None:
        """Let who is paused go on."""
        if self._paused in processes.of(self._server)["workers"]:
            os.kill(self._paused, signal.SIGCONT)
        self._paused = 0

    def _pause(self) -> None:
        self._paused, self._until = processes.of(self._server)["workers"][0], time.monotonic() + PAUSE_SECONDS
        os.kill(self._paused, signal.SIGSTOP)

    def _crash(self) -> None:
        os.kill(self._server.database().pid, signal.SIGKILL)


def _watched(server: TemporaryServer, batch: str, faults: _Faults) -> Json:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            found: Json = server.api.send("GET", f"/orchestration/batches/{batch}")["batch"]
        except MeasurementFailed:
            time.sleep(0.1)  # The database is away.
            continue
        if found["finishedAt"] is not None:
            return server.finish_batch(batch, RECORDS)
        faults.strike(found["executedRunsCount"] / RECORDS)
        time.sleep(0.1)
    raise MeasurementFailed(f"The batch did not end within {PATIENCE_SECONDS} s.")


def _check(server: TemporaryServer, batch: str) -> None:
    with psycopg.connect(server.database().owner_url) as database:
        counted = database.execute(COUNTS, {"batch": batch}).fetchone()
    if counted != (RECORDS, RECORDS, RECORDS * NODES):
        raise MeasurementFailed(f"Runs, records and executions are {counted}, not {(RECORDS, RECORDS, RECORDS * NODES)}.")


def measure() -> Json:
    """The time of a quarter of the records without faults, then of all with them, as times per record."""
    seed = random.SystemRandom().randrange(1_000_000)
    with TemporaryServer(workers=2, STALLED_AFTER_SECONDS=str(STALLED_SECONDS)) as server:
        workflow = server.deploy(graphs.five_native())
        file, few = server.upload(graphs.companies(RECORDS)), server.upload(graphs.companies(PLAIN))
        report.say(f"faults100k: {PLAIN:,} records without faults")
        plain = lasted(server.finish_batch(server.start_batch(workflow, few), PLAIN)) / PLAIN
        report.say(f"faults100k: {RECORDS:,} records with faults (seed {seed})")
        faults = _Faults(server, seed)
        batch = server.start_batch(workflow, file)
        try:
            took = lasted(_watched(server, batch, faults))
        finally:
            faults.over()
        if faults.coming:
            raise MeasurementFailed("The batch was over before everything had happened.")
        _check(server, batch)
    return report.figure(
        [report.at_most("seconds with faults", took, 180)],
        {
            "seed": seed,
            "seconds": report.rounded(took),
            "timesWithoutFaults": report.rounded(took / RECORDS / plain),
            "recordsPerSecond": report.rounded(RECORDS / took),
            "recordsPerSecondWithoutFaults": report.rounded(1 / plain),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("faults100k", measure))
