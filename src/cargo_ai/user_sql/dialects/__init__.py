"""The three spellings that a query may have, each as what it changes in the translation to PostgreSQL."""

from __future__ import annotations

from cargo_ai.user_sql.dialects.bigquery import BIGQUERY, COMMON_FUNCTIONS
from cargo_ai.user_sql.dialects.clickhouse import CLICKHOUSE
from cargo_ai.user_sql.translate.compiler import Dialect
from cargo_ai.user_sql.translate.shapes import Spelling

POSTGRES = Dialect("postgres", COMMON_FUNCTIONS)
DIALECTS: dict[Spelling, Dialect] = {"postgres": POSTGRES, "bigquery": BIGQUERY, "clickhouse": CLICKHOUSE}
