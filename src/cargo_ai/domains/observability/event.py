"""Events of alerts: list, count and forget them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.process import Services
from cargo_ai.contract.observability import event as contract
from cargo_ai.domains.observability.tables import Alert, AlertEvent
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.store.session import ALL_WORKSPACES

KEPT = timedelta(days=90)


def to_response(row: AlertEvent) -> contract.Event:
    """The event on the wire."""
    return contract.Event(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        alert_uuid=str(row.alert_uuid),
        status=cast("contract.Status", row.status),
        value=row.value,
        error_message=row.error_message,
        scope=row.scope,
        threshold=row.threshold,
        actions=row.actions,
        run_uuids=row.run_uuids,
        window_started_at=row.window_started_at,
        window_ended_at=row.window_ended_at,
        created_at=row.created_at,
    )


async def newest(db: AsyncSession, alerts: Sequence[uuid.UUID]) -> dict[uuid.UUID, AlertEvent]:
    """The newest event of each of these alerts that has any."""
    if not alerts:
        return {}
    newest_first = select(AlertEvent).where(AlertEvent.alert_uuid.in_(alerts)).ext(distinct_on(AlertEvent.alert_uuid))
    rows = await db.scalars(newest_first.order_by(AlertEvent.alert_uuid, AlertEvent.uuid.desc()))
    return {row.alert_uuid: row for row in rows}


async def _conditions(ctx: Context, operation: Operation[Any, Any, Any], request: contract.CountEvents) -> list[Any]:
    alert = await ctx.db.scalar(select(Alert.uuid).where(Alert.uuid == ids.parse(request.alert_uuid)))
    alert = found_or_refuse(operation, alert, "alertNotFound", uuid=request.alert_uuid, fix="cargo-ai observability alert list")
    where: list[Any] = [AlertEvent.alert_uuid == alert]
    if request.statuses is not None:
        where.append(AlertEvent.status.in_(request.statuses))
    if request.created_after is not None:
        where.append(AlertEvent.created_at >= request.created_after)
    if request.created_before is not None:
        where.append(AlertEvent.created_at < request.created_before)
    return where


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListEvents) -> contract.EventsReply:
    """A page of the events of an alert, newest first."""
    where = await _conditions(ctx, contract.list_, request)
    count = await ctx.db.scalar(select(func.count()).select_from(AlertEvent).where(*where)) or 0
    page = select(AlertEvent).where(*where).order_by(AlertEvent.uuid.desc()).limit(request.limit).offset(request.offset)
    return contract.EventsReply(events=[to_response(row) for row in await ctx.db.scalars(page)], count=count)


@handles(contract.count)
async def count(ctx: Context, request: contract.CountEvents) -> contract.EventsCount:
    """How many events of an alert match."""
    where = await _conditions(ctx, contract.count, request)
    return contract.EventsCount(count=await ctx.db.scalar(select(func.count()).select_from(AlertEvent).where(*where)) or 0)


async def forget(services: Services) -> None:
    """Remove events that are older than 90 days."""
    async with services.database.session(ALL_WORKSPACES) as db:
        await db.execute(delete(AlertEvent).where(AlertEvent.created_at < clock.now() - KEPT))
        await db.commit()
