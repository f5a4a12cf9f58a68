"""apiWrites: writes and single runs that 40 clients send at once, with what each costs: CPU time of every process, and statements."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import graphs, processes, report
from bench.report import Json
from bench.runs.moments import deals
from bench.runs.moments.idle_plays import statements
from bench.temporary_server import Api, TemporaryServer

CLIENTS = 40
WARM_UP = 100
WRITES, RUNS = 1_200, 600
RECORDS = 50

Act = Callable[[Api, int], None]


@dataclass(frozen=True, slots=True)
class Rate:
    """What one kind of act came to: acts a second, the milliseconds of CPU of each by group of processes, and the statements of one."""

    per_second: float
    cpu: dict[str, float]
    statements: int

    def to_json(self) -> Json:
        """For the document."""
        cpu = {group: report.rounded(milliseconds) for group, milliseconds in self.cpu.items()}
        return {"perSecond": report.rounded(self.per_second), "cpuMilliseconds": cpu, "statements": self.statements}


def _put(api: Api, path: str, document: Json) -> None:
    api.send("PUT", path, json.dumps(document).encode(), **{"Content-Type": "application/json"})


def _at_once(server: TemporaryServer, act: Act, count: int) -> None:
    numbers, failures = iter(range(count)), list[BaseException]()
    turn = threading.Lock()

    def client() -> None:
        api = server.connect()
        try:
            while not failures:
                with turn:
                    number = next(numbers, None)
                if number is None:
                    return
                act(api, number)
        except BaseException as error:  # raised again where it is seen
            failures.append(error)
        finally:
            api.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _statements(server: TemporaryServer, act: Act) -> int:
    """The statements of one act, those that begin and end transactions included, from the database's log."""
    log = Path(f"/proc/{server.database().pid}/fd/2").resolve()
    with psycopg.connect(server.database().admin_url, autocommit=True) as database:
        database.execute("alter system set log_statement = 'all'")
        database.execute("select pg_reload_conf()")
        time.sleep(1)
        counts: list[int] = []
        # The fewest: others are of the idle server, or of a token that is looked up once a second.
        for number in range(10):
            begin = log.stat().st_size
            act(server.api, number)
            with log.open("rb") as file:
                file.seek(begin)
                counts.append(len(statements(file.read().decode(errors="replace"), quiet=False)))
        database.execute("alter system reset log_statement")
        database.execute("select pg_reload_conf()")
    return min(counts)


def _rate(server: TemporaryServer, name: str, act: Act, count: int) -> Rate:
    report.say(f"apiWrites: {name}")
    _at_once(server, act, WARM_UP)
    before, began = processes.cpu_seconds(server), time.perf_counter()
    _at_once(server, act, count)
    took = time.perf_counter() - began
    after = processes.cpu_seconds(server)
    cpu = {group: (after[group] - before[group]) * 1000 / count for group in after}
    return Rate(count / took, cpu, _statements(server, act))


def measure() -> Json:
    """One round each after a hundred acts that warm up."""
    with TemporaryServer(workers=2) as server:
        api = server.api
        tools = [str(api.post("/orchestration/tools", {"name": "Benchmark"})["tool"]["uuid"]) for _ in range(CLIENTS)]
        model, workflow, record = deals.model(server), server.deploy(graphs.five_native()), graphs.companies(1)[0]
        for number in range(RECORDS):
            api.post("/storage/records/create", {"modelUuid": model, "data": {"id": f"d{number}", "stage": "new"}})

        def update_tool(api: Api, number: int) -> None:
            _put(api, f"/orchestration/tools/{tools[number % CLIENTS]}", {"name": f"Benchmark {number}"})

        def update_record(api: Api, number: int) -> None:
            change = {"modelUuid": model, "id": f"d{number % RECORDS}", "data": {"stage": f"stage {time.monotonic_ns()}"}}
            _put(api, "/storage/records/update", change)

        def run(api: Api, _number: int) -> None:
            submitted = api.post("/orchestration/runs", {"workflowUuid": workflow, "data": record})["run"]
            api.final(f"/orchestration/runs/{submitted['uuid']}")

        rates = {
            "toolUpdate": _rate(server, "tool update", update_tool, WRITES),
            "recordUpdate": _rate(server, "record update", update_record, WRITES),
            "run": _rate(server, "runs", run, RUNS),
        }
    writes = [rates["toolUpdate"], rates["recordUpdate"]]
    return report.figure(
        [
            report.at_least("writes a second, the slower kind", min(rate.per_second for rate in writes), 400),
            report.at_most("milliseconds of the API's CPU a write, the dearer kind", max(rate.cpu["api"] for rate in writes), 3),
            report.at_most("statements of a write, the dearer kind", max(rate.statements for rate in writes), 4),
            report.at_least("single runs a second", rates["run"].per_second, 150),
        ],
        {"clients": CLIENTS, **{name: rate.to_json() for name, rate in rates.items()}},
    )


if __name__ == "__main__":
    sys.exit(report.alone("apiWrites", measure))
