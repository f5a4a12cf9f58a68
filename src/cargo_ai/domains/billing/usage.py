"""Usage: sum what was used by day and slug, from the ledger's projection and from new records that are not yet added up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, Decimal
from itertools import groupby
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Select, Text, Uuid, case, false, func, literal, null, select, union_all

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.contract.billing import usage as contract
from cargo_ai.contract.orchestration.fields import Number
from cargo_ai.domains.billing.tables import NewRecords
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.ledger.tables import ledger_labels as labels
from cargo_ai.ledger.tables import ledger_usage as used

RECORDS: contract.UsageUnit = "storage.records"
INSERT = "insert"
_UUIDS = ("workflow_uuid", "model_uuid", "connector_uuid", "agent_uuid", "user_uuid", "batch_uuid")
_NAMED_BY: Mapping[str, Sequence[str]] = {
    "workflow_uuid": ("play", "tool"),
    "connector_uuid": ("connector",),
    "model_uuid": ("model",),
    "agent_uuid": ("agent",),
}
_TEXTS = ("integration_slug", "slug")


Sums = Select[Any, Any, Any, Any, Any]


class _Row(NamedTuple):
    """A sum."""

    day: date
    unit: contract.UsageUnit
    slug: str
    group: str | None
    amount: Decimal


@handles(contract.get_metrics)
async def get_metrics(ctx: Context, request: contract.GetMetrics) -> contract.MetricsReply:
    """O(days × labels): neither executions nor charges are looked at. What another workspace has is not found, like what there is not."""
    for name in _UUIDS:
        text = cast("str | None", getattr(request, name))
        if text is not None and ids.parse(text) is None:
            ctx.warn(f"{text} is not a uuid: no usage matches it ({contract.GetMetrics.model_fields[name].alias}).")
    rows = [_Row(*row) for row in await ctx.db.execute(_sums(ctx.workspace, request))]
    if len(rows) > contract.MAX_ITEMS:
        contract.get_metrics.refuse("tooManyItems", most=f"{contract.MAX_ITEMS:,}")
    total_unit = request.unit or "billing.credits"
    total = sum((row.amount for row in rows if row.unit == total_unit), Decimal(0))
    names = await _names(ctx, request.group_by, {row.group for row in rows if row.group})
    return contract.MetricsReply(
        metrics=[_metric(day, list(of_day), names) for day, of_day in groupby(rows, lambda row: row.day)], total_usage=number(total)
    )


async def _names(ctx: Context, group: str | None, uuids: set[str]) -> dict[str, str]:
    """What the things of a group are called, as far as the caller may see them."""
    kinds, named = _NAMED_BY.get(group or "", ()), [uuid.UUID(text) for text in uuids] if group in _NAMED_BY else []
    found: dict[str, str] = {}
    for kind in ctx.services.hooks.search_kinds if named else ():
        if kind.kind in kinds and kind.names is not None and ctx.who.may(kind.permission):
            found |= {str(uid): name for uid, name in (await kind.names(ctx.db, named)).items()}
    return found


def _metric(day: date, rows: Sequence[_Row], names: Mapping[str, str]) -> contract.UsageMetric:
    items = [
        contract.UsageItem(
            slug=row.slug, count=number(row.amount), group_by=row.group, unit=row.unit, group_name=names.get(row.group or "")
        )
        for row in rows
    ]
    return contract.UsageMetric(date=datetime.combine(day, time(), UTC), items=items)


def number(amount: Decimal) -> Number:
    """An amount on the wire: whole where it is."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def price_cents(settings: Settings, credits: Decimal) -> int:
    """What credits cost, rounded up to whole cents."""
    return int((credits * Decimal(str(settings.credit_price_cents))).to_integral_value(ROUND_CEILING))


def _sums(workspace: uuid.UUID, request: contract.GetMetrics) -> Sums:
    amount = case((labels.c.unit == "billing.credits", used.c.amount), else_=used.c.count)
    columns = (used.c.day, labels.c.unit, labels.c.slug, _group(request), amount)
    named = (column.label(name) for column, name in zip(columns, ("day", "unit", "slug", "group", "amount"), strict=True))
    projected: Sums = (
        select(*named)
        .join_from(used, labels, labels.c.uuid == used.c.label_uuid)
        .where(used.c.workspace_uuid == workspace, used.c.day.between(request.since, request.until), *_filters(request))
    )
    parts = [projected]
    if request.unit in (None, RECORDS):
        parts.append(_new_records(workspace, request))
    rows = union_all(*parts).subquery()
    total = func.sum(rows.c.amount)
    return (
        select(rows.c.day, rows.c.unit, rows.c.slug, rows.c.group, total)
        .group_by(rows.c.day, rows.c.unit, rows.c.slug, rows.c.group)
        .having(total != 0)
        .order_by(rows.c.day, rows.c.unit, rows.c.slug, rows.c.group)
        .limit(contract.MAX_ITEMS + 1)
    )


def _group(request: contract.GetMetrics) -> ColumnElement[Any]:
    match request.group_by:
        case None:
            return null().cast(Text)
        case "day":
            return func.to_char(used.c.day, "YYYY-MM-DD")
        case "action_slug":
            return func.coalesce(
                func.substring(labels.c.slug, r"^integration\..*\.action\.(.*)$"), func.substring(labels.c.slug, r"^native\.(.*)$")
            )
        case name:
            return labels.c[name].cast(Text)


def _filters(request: contract.GetMetrics) -> Iterator[ColumnElement[bool]]:
    if request.unit is not None:
        yield labels.c.unit == request.unit
    for name in (*_UUIDS, *_TEXTS):
        text = cast("str | None", getattr(request, name))
        if text is None:
            continue
        if name in _TEXTS:
            yield labels.c[name] == text
        else:
            uid = ids.parse(text)
            yield false() if uid is None else labels.c[name] == uid


def _new_records(workspace: uuid.UUID, request: contract.GetMetrics) -> Sums:
    """Records that are not yet in the projection."""
    new = NewRecords.__table__.c
    group: ColumnElement[Any] = null().cast(Text)
    if request.group_by == "model_uuid":
        group = new.model_uuid.cast(Text)
    elif request.group_by == "day":
        group = func.to_char(new.day, "YYYY-MM-DD")
    unit, slug = cast("list[ColumnElement[Any]]", [literal(RECORDS, Text), literal(INSERT, Text)])
    return select(new.day, unit, slug, group, new.amount).where(
        new.workspace_uuid == workspace, new.day.between(request.since, request.until), *_record_filters(request)
    )


def _record_filters(request: contract.GetMetrics) -> Sequence[ColumnElement[bool]]:
    """New records belong to a model and to nothing else."""
    if any(getattr(request, name) is not None for name in (*_UUIDS, "integration_slug") if name != "model_uuid"):
        return [false()]
    conditions: list[ColumnElement[bool]] = []
    if request.slug is not None and request.slug != INSERT:
        return [false()]
    if request.model_uuid is not None:
        uid = ids.parse(request.model_uuid)
        conditions.append(false() if uid is None else NewRecords.__table__.c.model_uuid == literal(uid, Uuid))
    return conditions
