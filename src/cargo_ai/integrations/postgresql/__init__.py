"""PostgreSQL: the integration `sql` under the name of one kind of database."""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.integrations import sql
from cargo_ai.integrations.sql.account import PostgresqlFields, account_of

INTEGRATION = replace(
    sql.INTEGRATION,
    slug="postgresql",
    name="PostgreSQL",
    description="Reads and writes the tables of a PostgreSQL database.",
    color="#336791",
    url="https://www.postgresql.org",
    account=account_of(PostgresqlFields),
    documentation=sql.INTEGRATION.documentation.replace("# SQL\n", "# PostgreSQL\n", 1),
)
