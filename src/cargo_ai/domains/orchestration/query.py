"""Queries: SQL over what has run in the workspace, behind the guard of all user SQL."""

from __future__ import annotations

from cargo_ai.contract.orchestration import query as contract
from cargo_ai.domains.orchestration import query_tables
from cargo_ai.domains.system_of_record import door as system_of_record
from cargo_ai.roomkit.context import Context
from cargo_ai.roomkit.handlers import handles
from cargo_ai.warehouse.sql.refused import SqlRefused


@handles(contract.execute)
async def execute(ctx: Context, request: contract.ExecuteQuery) -> contract.QueryRows:
    """At most 10,000 rows; a warning when there are more."""
    tables = await query_tables.catalog(ctx.database, ctx.workspace)
    try:
        found = await system_of_record.fetch(ctx, request.query, limit=system_of_record.MOST_ROWS, over=tables, clickhouse=True)
    except SqlRefused as refused:
        contract.execute.refuse("invalidQuery", sentence=refused.sentence)
    if found.more:
        ctx.warn(f"Only the first {system_of_record.MOST_ROWS:,} rows are here: filter or aggregate more, or page with LIMIT and OFFSET.")
    return contract.QueryRows(rows=found.rows)
