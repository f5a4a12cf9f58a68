"""SQL queries over the workspace's runs, batches, spans and records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.orchestration.insight import query as contract
from cargo_ai.domains.orchestration.insight import query_tables
from cargo_ai.domains.orchestration.retention import archived_spans
from cargo_ai.domains.system_of_record import public as system_of_record
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.user_sql.errors import RefusalCause, SqlRefused
from cargo_ai.user_sql.run.executor import ResultPage

MAX_SCANNED = 10_000_000
"""Rows that a query may go through."""
CODES: Mapping[RefusalCause, tuple[int, str]] = {
    "table": (60, "UNKNOWN_TABLE"),
    "rows": (158, "TOO_MANY_ROWS"),
    "time": (159, "TIMEOUT_EXCEEDED"),
    "denied": (497, "ACCESS_DENIED"),
}
"""What ClickHouse calls the refusals that people's scripts tell apart."""


@handles(contract.execute)
async def execute(ctx: Context, request: contract.ExecuteQuery) -> contract.QueryRows:
    """At most 10,000 rows; a warning when there are more."""
    await archived_spans.prepare(ctx, request.query)
    try:
        result = await fetch(ctx, request.query, system_of_record.MAX_ROWS)
    except SqlRefused as refused:
        _refuse(refused)
    if result.more:
        ctx.warn(f"Only the first {system_of_record.MAX_ROWS:,} rows are shown: filter or aggregate more, or page with LIMIT and OFFSET.")
    return contract.QueryRows(rows=result.rows)


async def fetch(ctx: Context, text: str, limit: int) -> ResultPage:
    """The first rows of a query over what has run. Raises SqlRefused."""
    tables = await query_tables.catalog(ctx.database, ctx.workspace)
    return await system_of_record.fetch_over(ctx, text, tables, limit=limit, most_scanned=MAX_SCANNED)


async def query(ctx: Context, text: str, *, limit: int) -> list[JsonObject]:
    """The same as rows alone. Raises SqlRefused."""
    return (await fetch(ctx, text, limit)).rows


def _refuse(refused: SqlRefused) -> NoReturn:
    if refused.about not in CODES:
        contract.execute.refuse("invalidQuery", sentence=refused.sentence)
    code, name = CODES[refused.about]
    contract.execute.refuse("invalidQuery", sentence=f"Code: {code}. {refused.sentence} ({name})", details={"code": code})
