"""The log of users' queries and what they took."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import func, select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.system_of_record import log as contract
from cargo_ai.domains.system_of_record.system_of_record import uuid_of
from cargo_ai.domains.system_of_record.tables import SqlLog


def reply(row: SqlLog) -> contract.Log:
    """A query on the wire."""
    return contract.Log.model_validate(
        {
            "uuid": row.uuid,
            "workspace_uuid": row.workspace_uuid,
            "system_of_record_uuid": uuid_of(row.workspace_uuid),
            "query": row.query,
            "status": row.status,
            "processed_bytes_count": row.processed_bytes_count,
            "error_message": row.error_message,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "created_at": row.created_at,
        }
    )


@handles(contract.get_all)
async def get_all(ctx: Context, request: contract.ListLogs) -> contract.LogsReply:
    """The newest first."""
    query = select(SqlLog).order_by(SqlLog.created_at.desc(), SqlLog.uuid.desc()).limit(request.limit).offset(request.offset)
    if request.statuses:
        query = query.where(SqlLog.status.in_(request.statuses))
    if request.query:
        query = query.where(func.strpos(func.lower(SqlLog.query), request.query.lower()) > 0)
    return contract.LogsReply(logs=[reply(row) for row in await ctx.db.scalars(query)])


@handles(contract.get_metrics)
async def get_metrics(ctx: Context, request: contract.GetLogMetrics) -> contract.MetricsReply:
    """By day of UTC, in order."""
    day = func.date_trunc("day", SqlLog.created_at, "UTC")
    seconds = func.sum(func.extract("epoch", SqlLog.finished_at - SqlLog.started_at))
    query = (
        select(day, seconds, func.sum(SqlLog.processed_bytes_count), func.count())
        .where(SqlLog.created_at >= request.since, SqlLog.created_at < request.until)
        .group_by(day)
        .order_by(day)
    )
    days = (await ctx.db.execute(query)).all()
    return contract.MetricsReply(
        metrics=[
            contract.Usage(
                date=row[0].astimezone(UTC), processed_seconds_count=float(row[1]), processed_bytes_count=int(row[2]), queries_count=row[3]
            )
            for row in days
        ]
    )
