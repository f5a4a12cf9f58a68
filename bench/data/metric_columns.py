"""metricColumns: the average of three orders for each company: for those that a filter leaves, and for all in its order, against DuckDB.

Without indexes, and with those that the server makes for the filter and over what the orders are joined and averaged by.
"""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import psycopg

from bench import report
from bench.data.companies_server import ROUNDS, ROWS, CompaniesServer, run, seconds
from bench.data.filter_rows import FILTER
from bench.report import Json
from bench.temporary_server import MeasurementFailed

EACH = 3
DUCK = "from t where country in ('FR', 'DE') and employees > 50000 and contains(lower(name), 'fintech') and not is_public"


def _orders(path: Path) -> None:
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "company_id", "amount"])
        writer.writerows([f"o{number:09d}", f"c{number // EACH:09d}", f"{chance.random() * 1000:.2f}"] for number in range(EACH * ROWS))


def _ready(server: CompaniesServer, path: Path) -> tuple[str, str]:
    """Companies and their orders as models, with a metric; the uuids of both."""
    companies = server.loaded()
    columns = [
        {"slug": slug, "type": kind, "label": slug} for slug, kind in (("id", "string"), ("company_id", "string"), ("amount", "number"))
    ]
    orders = server.model("orders", columns=columns)
    server.ingest(orders, server.put(path))
    link = {"fromModelUuid": orders, "toModelUuid": companies, "fromColumnSlug": "company_id", "toColumnSlug": "id"}
    relationship = server.slow.post("/storage/relationships", link)["relationships"][0]["uuid"]
    metric = {"kind": "metric", "slug": "average", "type": "number", "label": "Average", "relationshipUuid": relationship}
    metric["aggregation"] = {"function": "AVG", "columnSlug": "amount"}
    server.slow.post("/storage/columns", {"modelUuid": companies, "column": metric})
    with psycopg.connect(server.url, autocommit=True) as connection:
        for model in (companies, orders):
            run(connection, f"vacuum analyze {server.table(model)}")
    return companies, orders


def measure() -> Json:
    """Three rounds by turns; medians. The reply has the hundred with the highest average, and the count of them all."""
    bare, few, all_, duck_few, duck_all = list[float](), list[float](), list[float](), list[float](), list[float]()
    with CompaniesServer(workers=1) as server:
        path = server.files / "orders.csv"
        _orders(path)
        (companies, orders), duck = _ready(server, path), server.duck_companies()
        duck.execute(f"create table o as select * from read_csv('{path}', header = true)")
        above = {"kind": "number", "columnSlug": "average", "operator": "greaterThan", "value": 500}
        few_of = FILTER["groups"][0]
        selective: Json = {"conjonction": "and", "groups": [few_of | {"conditions": [*few_of["conditions"], above]}]}

        def ours(filter: Json) -> int:
            sort = [{"columnSlug": "average", "kind": "desc"}]
            asked: Json = {"modelUuid": companies, "filter": filter, "sort": sort, "fetchingLimit": 100}
            return int(server.slow.post("/segmentation/segments/fetch", asked)["count"])

        def theirs(which: str, having: str) -> int:
            every = f"select c.id, avg(o.amount) as average from ({which}) as c left join o on o.company_id = c.id group by c.id {having}"
            first = "order by average desc nulls last, m.id limit 100"
            duck.execute(f"select t.*, m.average from ({every}) as m join t on t.id = m.id {first}").fetchall()
            found = duck.execute(f"select count(*) from ({every})").fetchone()
            return int(found[0]) if found else 0

        everything: Json = {"conjonction": "and", "groups": []}
        picked, having = f"select id {DUCK}", "having avg(o.amount) > 500"
        if (ours(selective), ours(everything)) != (theirs(picked, having), ROWS):
            raise MeasurementFailed("The two sides do not count the same companies.")
        bare += [seconds(lambda: ours(selective)) for _ in range(ROUNDS)]
        server.index(companies, filter=selective)
        server.index(orders, columnSlugs=["company_id", "amount"])
        for _ in range(ROUNDS):
            few.append(seconds(lambda: ours(selective)))
            duck_few.append(seconds(lambda: theirs(picked, having)))
            all_.append(seconds(lambda: ours(everything)))
            duck_all.append(seconds(lambda: theirs("select id from t", "")))
        duck.close()
    return report.figure(
        [
            report.at_most("for a selective filter, times DuckDB", report.median(few) / report.median(duck_few), 1),
            report.at_most("for all companies, times DuckDB", report.median(all_) / report.median(duck_all), 4),
        ],
        {
            "rows": ROWS,
            "related": EACH * ROWS,
            "milliseconds": report.milliseconds(few),
            "withoutIndexesMilliseconds": report.milliseconds(bare),
            "duckdbMilliseconds": report.milliseconds(duck_few),
            "allMilliseconds": report.milliseconds(all_),
            "duckdbAllMilliseconds": report.milliseconds(duck_all),
        },
    )


if __name__ == "__main__":
    sys.exit(report.alone("metricColumns", measure))
