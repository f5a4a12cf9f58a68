"""importRows: a CSV file of a million companies into an empty model, against COPY of its bytes and against DuckDB."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import psycopg

from bench import report
from bench.data.companies_server import ROUNDS, ROWS, ApiGrowth, CompaniesServer, copy_file, duck_load, plain_table, run, seconds
from bench.report import Json
from bench.temporary_server import MeasurementFailed


def _raw(url: str, path: Path, number: int) -> float:
    with psycopg.connect(url) as connection:

        def work() -> None:
            run(connection, plain_table(f"raw_{number}", key=False))
            copy_file(connection, f"raw_{number}", path)
            run(connection, f"alter table raw_{number} add primary key (id)")
            connection.commit()

        took = seconds(work)
        run(connection, f"drop table raw_{number}")
    return took


def _duckdb(connection: duckdb.DuckDBPyConnection, path: Path) -> float:
    def work() -> None:
        connection.execute(duck_load(path))
        connection.execute("alter table t add primary key (id)")

    took = seconds(work)
    connection.close()
    return took


def measure() -> Json:
    """Three rounds by turns; medians. Ours is the request that reads the uploaded file: parse, check, COPY, key, ANALYZE."""
    ours, raw, duck, growth = list[float](), list[float](), list[float](), 0.0
    with CompaniesServer(workers=1) as server:
        path = server.companies()
        key = server.put(path)
        for number in range(ROUNDS):
            report.say(f"importRows: round {number + 1} of {ROUNDS}")
            model = server.model(f"companies_{number}")
            with ApiGrowth(server) as memory:
                ours.append(seconds(lambda model=model: server.ingest(model, key)))
            growth = max(growth, memory.megabytes)
            with psycopg.connect(server.url) as connection:
                count = run(connection, f"select count(*) from {server.table(model)}")
            if count != (ROWS,):
                raise MeasurementFailed(f"The model has {count} records, not {ROWS:,}.")
            server.api.send("DELETE", f"/storage/models/{model}")
            raw.append(_raw(server.url, path, number))
            duck.append(_duckdb(server.duck(), path))
    took, bare, quack = report.median(ours), report.median(raw), report.median(duck)
    return report.figure(
        [
            report.at_most("times raw COPY and key", took / bare, 2.0),
            report.at_most("times DuckDB with a key", took / quack, 3.5),
            report.at_most("megabytes that the API grows by", growth, 60),
        ],
        {
            "rows": ROWS,
            "seconds": [report.rounded(one) for one in ours],
            "rawCopySeconds": [report.rounded(one) for one in raw],
            "duckdbSeconds": [report.rounded(one) for one in duck],
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("importRows", measure))
