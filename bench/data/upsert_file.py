"""upsertFile: a file of 10,000 rows, half new and half changed, into a model that has all companies, against COPY and ON CONFLICT."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import psycopg

from bench import report
from bench.data.companies_server import COLUMNS, ROWS, ApiGrowth, CompaniesServer, copy_file, plain_table, row, run, seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed

CHANGED = 5_000
ROUNDS = 9


def _file(path: Path, turn: int) -> None:
    """Rows spread over all of the companies, others at each turn, and as many behind them."""
    step = max(1, ROWS // CHANGED)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column[0] for column in COLUMNS)
        writer.writerows(row((number * step + turn) % ROWS, turn + 1) for number in range(CHANGED))
        writer.writerows(row(ROWS + turn * CHANGED + number) for number in range(CHANGED))


def _raw(connection: psycopg.Connection[Any], path: Path) -> None:
    sets = ", ".join(f"{name} = excluded.{name}" for name, *_ in COLUMNS[1:])
    run(connection, plain_table("pg_temp.stage", key=False).replace("create table pg_temp.", "create temp table "))
    copy_file(connection, "stage", path)
    run(connection, f"insert into raw select * from stage on conflict (id) do update set {sets}")
    connection.execute("drop table stage")
    connection.commit()


def measure() -> Json:
    """Nine rounds by turns, each with other rows; medians."""
    ours, raw = list[float](), list[float]()
    growth = 0.0
    with CompaniesServer(workers=1) as server:
        model = server.loaded()
        with psycopg.connect(server.url) as connection:
            run(connection, plain_table("raw", key=True))
            copy_file(connection, "raw", server.companies())
            connection.commit()
            connection.autocommit = True
            connection.execute("vacuum analyze raw")
            run(connection, f"vacuum analyze {server.table(model)}")
            connection.autocommit = False
            for turn in range(ROUNDS):
                path = server.files / f"changes-{turn}.csv"
                _file(path, turn)
                key = server.put(path)
                found: Json = {}
                with ApiGrowth(server) as memory:
                    ours.append(seconds(lambda key=key, found=found: found.update(server.ingest(model, key))))
                growth = max(growth, memory.megabytes)
                if (found["added"], found["updated"]) != (CHANGED, min(CHANGED, ROWS)):
                    raise MeasurementFailed(f"The file did something else: {found}")
                raw.append(seconds(lambda path=path: _raw(connection, path)))
    took, bare = report.median(ours), report.median(raw)
    return report.figure(
        [report.at_most("times raw COPY and ON CONFLICT", took / bare, 1.5), report.at_most("megabytes that the API grows by", growth, 20)],
        {"rows": ROWS, "seconds": [report.rounded(one) for one in ours], "rawSeconds": [report.rounded(one) for one in raw]},
    )


if __name__ == "__main__":
    sys.exit(report.alone("upsertFile", measure))
