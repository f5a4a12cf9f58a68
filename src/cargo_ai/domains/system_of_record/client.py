"""Run SQL for clients; a query that cannot be run is a reply with an error, not a refusal."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.contract.system_of_record import client as contract
from cargo_ai.domains.system_of_record import documentation
from cargo_ai.domains.system_of_record.run_query import MAX_ROWS, catalog_of, fetch, sign_download
from cargo_ai.kernel.wire import Nothing
from cargo_ai.user_sql.errors import SqlRefused

SLUG = "postgres"


@handles(contract.query)
async def query(ctx: Context, request: contract.QueryClient) -> contract.Queried:
    """At most 10,000 rows; a warning when there are more."""
    try:
        page = await fetch(ctx, request.query, limit=MAX_ROWS)
    except SqlRefused as refused:
        return contract.Queried(outcome="notQueried", rows=[], error_message=refused.sentence)
    if page.more:
        ctx.warn(f"Only the first {MAX_ROWS:,} rows are shown: page with `client fetch`, or take all with `client download`.")
    return contract.Queried(outcome="queried", rows=page.rows, error_message=None)


@handles(contract.fetch)
async def fetch_page(ctx: Context, request: contract.FetchClient) -> contract.FetchedRows:
    """One page, and how many rows the query gives in all. Without an ORDER BY the pages may overlap."""
    try:
        page = await fetch(ctx, request.query, limit=request.limit, offset=request.offset, count=True)
    except SqlRefused as refused:
        return contract.FetchedRows(outcome="notQueried", records=[], rows=[], count=0, error_message=refused.sentence)
    return contract.FetchedRows(outcome="queried", records=page.rows, rows=page.rows, count=page.count or 0, error_message=None)


@handles(contract.download)
async def download(ctx: Context, request: contract.DownloadClient) -> DownloadReply:
    """The URL of a file of all rows."""
    try:
        url, _ = await sign_download(ctx, request.query, request.format)
    except SqlRefused as refused:
        contract.download.refuse("invalidQuery", sentence=refused.sentence)
    return DownloadReply.of(url)


@handles(contract.get_all)
async def get_all(_ctx: Context, _request: Nothing) -> contract.ClientsReply:
    """The one client that there is."""
    form = contract.ClientForm(json_schema={"type": "object", "properties": {}, "additionalProperties": False}, ui_schema={})
    description = "The PostgreSQL that holds the workspace's models. It takes SQL in its own spelling and in BigQuery's."
    return contract.ClientsReply(
        clients=[contract.Client(name="PostgreSQL", slug=SLUG, icon="database", description=description, config=form)]
    )


@handles(contract.get_documentation)
async def get_documentation(ctx: Context, request: contract.ClientBySlug) -> contract.Documentation:
    """How to write SQL here."""
    if request.slug != SLUG:
        contract.get_documentation.refuse("clientNotFound", slug=request.slug)
    return contract.Documentation(text=documentation.text(await catalog_of(ctx.services, ctx.workspace)))
