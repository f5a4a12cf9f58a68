"""idlePlays: the statements that the database is asked in a minute in which nothing happens, with 40 plays."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg

from bench import report
from bench.report import Json
from bench.runs.moments import deals
from bench.temporary_server import MeasurementFailed, TemporaryServer

PLAYS = 40
SECONDS = 60
SETTLED_SECONDS = 3
TABLES = ("plays", "segments", "enrolments")
_BEGINS = re.compile(r"^\d{4}-\d\d-\d\d .*? LOG:  (?:statement|execute [^:]*): (.*)")
_LINE = re.compile(r"^\d{4}-\d\d-\d\d ")
_QUIET = re.compile(r"^(begin|commit|rollback|set|show|listen|savepoint|release)\b", re.IGNORECASE)


def statements(log: str, *, quiet: bool = True) -> list[str]:
    """The statements in a log of PostgreSQL, each on one line; `quiet`: without those of transactions."""
    found: list[str] = []
    goes_on = False
    for line in log.splitlines():
        if begins := _BEGINS.match(line):
            found.append(begins[1])
            goes_on = True
        elif _LINE.match(line):
            goes_on = False
        elif goes_on:
            found[-1] += f" {line.strip()}"
    return [one for one in found if not (quiet and _QUIET.match(one))]


def log_statements(server: TemporaryServer) -> Path:
    """Have the database log each of its statements; its log."""
    cluster = server.database()
    with psycopg.connect(cluster.admin_url, autocommit=True) as database:
        database.execute("alter system set log_statement = 'all'")
        database.execute("select pg_reload_conf()")
    time.sleep(1)
    return Path(f"/proc/{cluster.pid}/fd/2").resolve()


def statements_meanwhile(log: Path) -> list[str]:
    """The statements of `SECONDS`, from the log of a database that logs each of them."""
    begin = log.stat().st_size
    time.sleep(SECONDS)
    with log.open("rb") as file:
        file.seek(begin)
        return statements(file.read().decode(errors="replace"))


def measure() -> Json:
    """20 realtime plays and 20 by the clock on one model, which have run once; then a minute of silence, from the database's log."""
    with TemporaryServer(workers=2) as server:
        model = deals.model(server)
        for number in range(PLAYS // 2):
            deals.play(server, model, f"Realtime {number}", {"type": "realtime"})
            deals.play(server, model, f"Yearly {number}", {"type": "cron", "cron": "0 0 1 1 *"})
        deals.win(server, model, "d0")
        with psycopg.connect(server.database().owner_url, autocommit=True) as database:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                row = database.execute("select count(*) from runs where status = 'success'").fetchone()
                if row is not None and row[0] == PLAYS // 2:
                    break
                time.sleep(0.2)
            else:
                raise MeasurementFailed("Not all plays have run.")
        time.sleep(SETTLED_SECONDS)
        report.say(f"idlePlays: {SECONDS} idle seconds")
        heard = statements_meanwhile(log_statements(server))
    named = {table: sum(re.search(rf"\b{table}\b", one) is not None for one in heard) for table in TABLES}
    often = Counter(re.sub(r"\s+", " ", one)[:60] for one in heard).most_common(5)
    return report.figure(
        [report.at_most(f"statements on {', '.join(TABLES)} in {SECONDS} idle seconds", sum(named.values()), 0)],
        {
            "plays": PLAYS,
            "statements": len(heard),
            "statementsByTable": named,
            "mostOften": [{"statement": text, "times": times} for text, times in often],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("idlePlays", measure))
