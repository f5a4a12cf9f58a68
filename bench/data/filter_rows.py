"""filterRows: four conditions, an order and the first hundred by the API, without an index and with the server's choice, against DuckDB."""

from __future__ import annotations

import sys

from bench import report
from bench.data.companies_server import ROWS, CompaniesServer, seconds
from bench.report import Json

TIMES = 7


def _condition(kind: str, slug: str, **more: object) -> Json:
    return {"kind": kind, "columnSlug": slug, **more}


FILTER: Json = {
    "conjonction": "and",
    "groups": [
        {
            "conjonction": "and",
            "conditions": [
                _condition("string", "country", operator="is", values=["FR", "DE"]),
                _condition("number", "employees", operator="greaterThan", value=50_000),
                _condition("string", "name", operator="contains", values=["fintech"]),
                _condition("boolean", "is_public", operator="isFalse"),
            ],
        }
    ],
}
DUCK = "from t where country in ('FR', 'DE') and employees > 50000 and contains(lower(name), 'fintech') and not is_public"


def measure() -> Json:
    """Medians of seven. The reply has the exact count; DuckDB is asked for both, too."""
    with CompaniesServer(workers=1) as server:
        model, duck = server.loaded(), server.duck_companies()
        asked = {"modelUuid": model, "filter": FILTER, "sort": [{"columnSlug": "score", "kind": "desc"}], "fetchingLimit": 100}

        def ours() -> float:
            return report.median([seconds(lambda: server.slow.post("/segmentation/segments/fetch", asked)) for _ in range(TIMES)])

        def theirs() -> None:
            duck.execute(f"select * {DUCK} order by score desc nulls last, id limit 100").fetchall()
            duck.execute(f"select count(*) {DUCK}").fetchall()

        found = server.slow.post("/segmentation/segments/fetch", asked)["count"]
        without = ours()
        columns = server.index(model, filter=FILTER, sort=asked["sort"])
        indexed, bare = ours(), report.median([seconds(theirs) for _ in range(TIMES)])
        duck.close()
    return report.figure(
        [report.at_most("with indexes, times DuckDB", indexed / bare, 1.0), report.at_most("without, times DuckDB", without / bare, 4.0)],
        {
            "rows": ROWS,
            "found": found,
            "index": columns,
            "milliseconds": report.rounded(without * 1000),
            "indexedMilliseconds": report.rounded(indexed * 1000),
            "duckdbMilliseconds": report.rounded(bare * 1000),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("filterRows", measure))
