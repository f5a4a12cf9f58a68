"""Queries: run SQL on models; a query that cannot be run is refused."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.storage import query as contract
from cargo_ai.domains.system_of_record import public as system_of_record
from cargo_ai.user_sql.errors import SqlRefused


@handles(contract.execute)
async def execute(ctx: Context, request: contract.ExecuteQuery) -> contract.QueryRows:
    """At most 10,000 rows; a warning when there are more."""
    try:
        result = await system_of_record.fetch(ctx, request.query, limit=system_of_record.MAX_ROWS)
    except SqlRefused as refused:
        contract.execute.refuse("invalidQuery", sentence=refused.sentence)
    if result.more:
        ctx.warn(f"Only the first {system_of_record.MAX_ROWS:,} rows are shown: take all with `cargo-ai storage query download`.")
    return contract.QueryRows(rows=result.rows, is_refreshing=result.is_refreshing)


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadQuery) -> contract.QueryFile:
    """The URL of a file of all rows."""
    try:
        url, is_refreshing = await system_of_record.sign_download(ctx, request.query, request.format)
    except SqlRefused as refused:
        contract.download.refuse("invalidQuery", sentence=refused.sentence)
    return contract.QueryFile.of(url, is_refreshing=is_refreshing)
