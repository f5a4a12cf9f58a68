"""addColumn: a custom column for a model that has all companies."""

from __future__ import annotations

import sys

import psycopg

from bench import report
from bench.data.companies_server import ROWS, CompaniesServer, run, seconds
from bench.report import Json

TIMES = 9


def measure() -> Json:
    """Medians of nine: the statement alone, and the whole operation over HTTP, which also creates the view again and checks the rest."""
    alone, whole = list[float](), list[float]()
    with CompaniesServer(workers=1) as server:
        model = server.loaded()
        for number in range(TIMES):
            column = {"slug": f"extra_{number}", "type": "number", "label": "Extra", "kind": "custom"}
            whole.append(seconds(lambda column=column: server.api.post("/storage/columns", {"modelUuid": model, "column": column})))
        table = server.table(model)
        with psycopg.connect(server.url, autocommit=True) as connection:
            for number in range(TIMES):
                statement = f"alter table {table} add column bare_{number} double precision"
                alone.append(seconds(lambda statement=statement: run(connection, statement)))
    return report.figure(
        [report.at_most("milliseconds of ADD COLUMN", report.median(alone) * 1000, 10)],
        {"rows": ROWS, "statement": report.milliseconds(alone), "operation": report.milliseconds(whole)},
    )


if __name__ == "__main__":
    sys.exit(report.alone("addColumn", measure))
