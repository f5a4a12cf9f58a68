"""Evaluation: measure what a condition is about, and say whether its threshold is reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.contract.observability.condition import (
    ModelScope,
    OrchestrationQueryScope,
    RecordsScope,
    RunsScope,
    Scope,
    SpansScope,
    StorageQueryScope,
    Threshold,
)
from cargo_ai.domains.observability import telemetry
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.system_of_record import public as system_of_record
from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.user_sql.errors import SqlRefused

METRICS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("spans", "runs", "records"), ("errorRate", "duration", "credits", "count")),
    **dict.fromkeys(("orchestrationQuery", "storageQuery"), ("query",)),
    "model": ("recordsCount", "recordsShare", "freshness", "syncDuration"),
}
"""What can be measured of each kind of scope."""


class NotComputed(Exception):
    """The condition cannot be evaluated; the message, for people, says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. `value`: None where there was nothing to measure, which is healthy. total, failed: of what was counted."""

    value: float | None
    total: int | None = None
    failed: int | None = None


def mismatch(scope: Scope, threshold: Threshold) -> str | None:
    """Why this threshold does not belong to this scope; None when it fits."""
    allowed = METRICS[scope.kind]
    if threshold.metric in allowed:
        return None
    return f"The metric {threshold.metric} does not belong to the scope {scope.kind}: give {' or '.join(allowed)}."


def is_breached(threshold: Threshold, value: float) -> bool:
    """Whether a value is unhealthy."""
    return value >= threshold.value if threshold.operator == "gte" else value <= threshold.value


async def measure(ctx: Context, scope: Scope, threshold: Threshold, window: tuple[datetime, datetime]) -> Measured:
    """The value of a condition now; `window` is for what has a time. Raises NotComputed."""
    problem = mismatch(scope, threshold)
    if problem is not None:
        raise NotComputed(problem)
    try:
        match scope:
            case SpansScope() | RunsScope() | RecordsScope():
                return await _telemetry(ctx, scope, threshold, window)
            case OrchestrationQueryScope():
                return _first_value(await orchestration.query(ctx, scope.query, limit=1))
            case StorageQueryScope():
                return _first_value((await system_of_record.fetch(ctx, scope.query, limit=1)).rows)
            case ModelScope():
                return await _model(ctx, scope, threshold)
    except SqlRefused as refused:
        raise NotComputed(refused.sentence) from None
    except SourceFailed as failed:
        raise NotComputed(str(failed)) from None


async def _telemetry(ctx: Context, scope: telemetry.TelemetryScope, threshold: Threshold, window: tuple[datetime, datetime]) -> Measured:
    (row,) = await orchestration.query(ctx, telemetry.write(scope, threshold, window), limit=1)
    total, failed = int(row["total"]), int(row["failed"])
    if threshold.metric == "count":
        return Measured(total, total, failed)
    if not total:
        return Measured(None, 0, 0)
    value = 100 * failed / total if threshold.metric == "errorRate" else row["value"]
    return Measured(None if value is None else float(value), total, failed)


def _first_value(rows: list[JsonObject]) -> Measured:
    """The first value of a result; raises NotComputed where it is not a number."""
    value: Any = next(iter(rows[0].values()), None) if rows else None
    if value is None:
        return Measured(None)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if number - number != 0:  # neither infinite nor not-a-number
        raise NotComputed("The first value of the first row is compared, and it is not a number: select count(*), say.")
    return Measured(number)


async def _model(ctx: Context, scope: ModelScope, threshold: Threshold) -> Measured:
    model = ids.parse(scope.model_uuid)
    relation = await storage.relation(ctx.db, model) if model is not None else None
    if model is None or relation is None:
        raise NotComputed(f"There is no model with uuid {scope.model_uuid}.")
    if threshold.metric == "syncDuration":
        last = await storage.last_refresh(ctx.db, model)
        return Measured(None if last is None else last.seconds)
    if threshold.metric == "freshness":
        last = await storage.last_refresh(ctx.db, model)
        newest = last.ended_at if last is not None else await _newest_write(ctx, f"{relation.dataset}.{relation.slug}")
        return Measured(None if newest is None else max(0.0, (clock.now() - newest).total_seconds() / 60))
    count = await segmentation.count_filter(ctx.database, ctx.workspace, model, (scope.filter, None, None))
    if threshold.metric == "recordsCount":
        return Measured(count, count)
    total = await segmentation.count_filter(ctx.database, ctx.workspace, model, (None, None, None))
    return Measured(None if not total else 100 * count / total, total)


async def _newest_write(ctx: Context, table: str) -> datetime | None:
    """When a record of a model that has no source was written last."""
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    page = await system_of_record.fetch(ctx, f"SELECT max(_updated_at) AS newest FROM {quoted}", limit=1)  # noqa: S608 - slugs of models
    value: Any = page.rows[0]["newest"] if page.rows else None
    return datetime.fromisoformat(value) if isinstance(value, str) else value
