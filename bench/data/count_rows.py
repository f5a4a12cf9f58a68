"""countRows: how many records a filter finds: exactly, and no further than 10,000, by the API, against DuckDB."""

from __future__ import annotations

import sys
from typing import Any

import psycopg

from bench import report
from bench.data.companies_server import ROWS, CompaniesServer, run, seconds
from bench.report import Json

TIMES = 7
CAP = 10_000
LOOSE: Json = {
    "conjonction": "and",
    "groups": [
        {
            "conjonction": "and",
            "conditions": [{"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 50_000}],
        }
    ],
}
"""Half of all companies."""


def measure() -> Json:
    """Medians of seven by turns. Each reply has a single record beside the count."""
    exact, capped, duck = list[float](), list[float](), list[float]()
    with CompaniesServer(workers=1) as server:
        model, other = server.loaded(), server.duck_companies()
        with psycopg.connect(server.url, autocommit=True) as connection:
            run(connection, f"vacuum analyze {server.table(model)}")

        def asked(**more: Any) -> Json:
            wanted = {"modelUuid": model, "filter": LOOSE, "fetchingLimit": 1, **more}
            return server.slow.post("/segmentation/segments/fetch", wanted)

        asked()
        for _ in range(TIMES):
            exact.append(seconds(asked))
            capped.append(seconds(lambda: asked(countUpTo=CAP)))
            duck.append(seconds(lambda: other.execute("select count(*) from t where employees > 50000").fetchall()))
        found = asked(countUpTo=CAP)
        other.close()
    goal = [report.at_most("milliseconds of a count up to 10,000", report.median(capped) * 1000, 20)]
    return report.figure(
        goal,
        {
            "rows": ROWS,
            "isExact": found["isCountExact"],
            "milliseconds": report.milliseconds(capped),
            "exactMilliseconds": report.milliseconds(exact),
            "duckdbMilliseconds": report.milliseconds(duck),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("countRows", measure))
