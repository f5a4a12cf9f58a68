"""guardSql: what it costs to check and translate a query of twenty lines before the database sees it."""

from __future__ import annotations

import sys
import uuid
from typing import cast

from bench import report
from bench.data.companies_server import COLUMNS, seconds
from bench.report import Json
from cargo_ai.contract.storage.columns import ColumnType
from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.user_sql import guard

TIMES = 100
QUERY = """
with recent as (
    select
        c.country,
        c.industry,
        c.employees,
        c.revenue,
        date_trunc(c.updated_at, month) as month,
        row_number() over (partition by c.country order by c.revenue desc) as place
    from `default.companies` as c
    where c.updated_at > timestamp_sub(current_timestamp(), interval 1000 day)
        and c.employees > 10
        and starts_with(c.domain, 'company')
)
select
    country,
    month,
    countif(employees > 1000) as large,
    safe_divide(sum(revenue), count(*)) as mean,
    string_agg(distinct industry, ', ') as industries
from recent
where place <= 100
group by country, month
order by mean desc
limit 50
"""


def measure() -> Json:
    """The median of a hundred, after ten that warm up."""
    columns = tuple(Column(name, cast("ColumnType", kind), "original") for name, kind, _, _ in COLUMNS)
    relation = Relation(uuid.UUID(int=1), "companies", "default", "ws", "m_companies", "v_companies", columns, "id", "name")
    catalog = Catalog(uuid.UUID(int=2), "reader", (relation,))
    for _ in range(10):
        guard.check(QUERY, catalog)
    taken = [seconds(lambda: guard.check(QUERY, catalog)) for _ in range(TIMES)]
    return report.figure(
        [report.at_most("milliseconds", report.median(taken) * 1000, 10)],
        {"lines": QUERY.count("\n") - 1, "took": report.milliseconds(taken)},
    )


if __name__ == "__main__":
    sys.exit(report.alone("guardSql", measure))
