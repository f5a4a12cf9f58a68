"""Reports: keep and list what users report."""

from __future__ import annotations

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.workspace import report as contract
from cargo_ai.domains.workspace.tables import Report
from cargo_ai.kernel import ids

MAX = 10_000


def to_response(row: Report) -> contract.Report:
    """The report on the wire."""
    return contract.Report(
        uuid=str(row.uuid),
        user_uuid=str(row.user_uuid),
        workspace_uuid=str(row.workspace_uuid),
        title=row.title,
        description=row.description,
        created_at=row.created_at,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateReport) -> contract.ReportReply:
    """Keep a report."""
    if (await ctx.db.scalar(select(func.count()).select_from(Report)) or 0) >= MAX:
        contract.create.refuse("tooManyReports", most=MAX)
    row = Report(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        title=request.title,
        description=request.description,
    )
    ctx.db.add(row)
    await ctx.db.flush()
    return contract.ReportReply(report=to_response(row))


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListReports) -> contract.ReportsReply:
    """A page of the reports."""
    rows = await ctx.db.scalars(select(Report).order_by(Report.uuid.desc()).limit(request.limit).offset(request.offset))
    return contract.ReportsReply(reports=[to_response(row) for row in rows])
