"""Alerts: create, try, show, change and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.lookup import found_or_refuse
from cargo_ai.context.removal import usages
from cargo_ai.contract.observability import alert as contract
from cargo_ai.contract.observability.condition import ModelScope, OrchestrationQueryScope, Scope, StorageQueryScope, Threshold
from cargo_ai.domains.observability import evaluation, event, schedule
from cargo_ai.domains.observability.tables import Alert, AlertEvent
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public as workspace
from cargo_ai.engine.dispatch.timers.schedule import ScheduleState
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import ByUuid, JsonObject, Nothing, Removed

MAX = 200
"""Alerts of one workspace: each is a query every few minutes."""
_LIST = "cargo-ai observability alert list"
_SCOPE: TypeAdapter[Scope] = TypeAdapter(Scope)
_Saving = Operation[Any, Any, Any]


def scope_of(stored: JsonObject) -> Scope:
    """A scope as it is stored."""
    return _SCOPE.validate_python(stored)


async def _reply(ctx: Context, row: Alert) -> contract.AlertReply:
    return contract.AlertReply(alert=(await _to_responses(ctx, [row]))[0])


async def _to_responses(ctx: Context, rows: Sequence[Alert]) -> list[contract.Alert]:
    states = await schedule.states(ctx.db, ctx.workspace, [row.uuid for row in rows])
    newest = await event.newest(ctx.db, [row.uuid for row in rows])
    return [_to_response(row, states, newest.get(row.uuid)) for row in rows]


def _to_response(row: Alert, states: Mapping[uuid.UUID, ScheduleState], last: AlertEvent | None) -> contract.Alert:
    state = states.get(row.uuid)
    return contract.Alert(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        user_uuid=str(row.user_uuid),
        name=row.name,
        description=row.description,
        is_enabled=row.is_enabled,
        schedule=contract.AlertSchedule.model_validate(row.schedule | {"nextFireAt": state.next_fire_at if state else None}),
        scope=row.scope,
        threshold=row.threshold,
        actions=row.actions,
        last_evaluated_at=row.last_evaluated_at,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        last_event=event.to_response(last) if last is not None else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=None,
    )


async def _find(ctx: Context, operation: _Saving, text: str, *, locked: bool = False) -> Alert:
    query = select(Alert).where(Alert.uuid == ids.parse(text))
    row = await ctx.db.scalar(query.with_for_update() if locked else query)
    return found_or_refuse(operation, row, "alertNotFound", uuid=text, fix=_LIST)


@handles(contract.create)
async def create(ctx: Context, request: contract.CreateAlert) -> contract.AlertReply:
    """Save an alert whose condition can be evaluated now; its first window begins now."""
    # Those who create one at the same time take turns, so that the limit holds.
    await ctx.db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(ctx.workspace), 14))))
    if (await ctx.db.scalar(select(func.count()).select_from(Alert)) or 0) >= MAX:
        contract.create.refuse("tooManyAlerts", most=MAX, fix=_LIST)
    schedule.validate(contract.create, request.cron)
    await _check_condition(ctx, contract.create, request.scope, request.threshold)
    await _check_actions(ctx, contract.create, request.actions)
    row = Alert(
        uuid=ids.new(),
        workspace_uuid=ctx.workspace,
        user_uuid=ctx.who.user_uuid,
        name=request.name,
        description=request.description,
        is_enabled=request.is_enabled and not request.disabled,
        schedule={},
        scope=request.scope.stored(),
        threshold=request.threshold.stored(),
        actions=[action.stored() for action in request.actions],
        folder_uuid=await _folder(ctx, contract.create, request.folder_uuid),
        watched_from=clock.now(),
    )
    await schedule.put(ctx.db, row, request.cron)
    ctx.db.add(row)
    await ctx.db.flush()
    await _record_usages(ctx.db, row)
    return await _reply(ctx, row)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdateAlert) -> contract.AlertReply:
    """Change what is given; null clears description and folder. An alert that is enabled again begins its window again."""
    row = await _find(ctx, contract.update, request.uuid, locked=True)
    fields = request.model_fields_set
    if request.cron is not None:
        schedule.validate(contract.update, request.cron)
    if request.scope is not None or request.threshold is not None:
        scope = request.scope or scope_of(row.scope)
        threshold = request.threshold or Threshold.model_validate(row.threshold)
        await _check_condition(ctx, contract.update, scope, threshold)
        row.scope, row.threshold = scope.stored(), threshold.stored()
    if request.actions is not None:
        await _check_actions(ctx, contract.update, request.actions)
        row.actions = [action.stored() for action in request.actions]
    if "folder_uuid" in fields:
        row.folder_uuid = await _folder(ctx, contract.update, request.folder_uuid)
    if request.name is not None:
        row.name = request.name
    if "description" in fields:
        row.description = request.description
    if request.is_enabled is not None and request.is_enabled != row.is_enabled:
        row.is_enabled = request.is_enabled
        row.watched_from = clock.now()
    await schedule.put(ctx.db, row, request.cron or str(row.schedule["cron"]))
    row.updated_at = clock.now()
    await ctx.db.flush()
    await _record_usages(ctx.db, row)
    return await _reply(ctx, row)


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.AlertReply:
    """One alert."""
    return await _reply(ctx, await _find(ctx, contract.get, request.uuid))


@handles(contract.list_)
async def list_(ctx: Context, _request: Nothing) -> contract.AlertsReply:
    """Every alert, the newest first."""
    rows = list(await ctx.db.scalars(select(Alert).order_by(Alert.uuid.desc())))
    return contract.AlertsReply(alerts=await _to_responses(ctx, rows))


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> Removed:
    """Remove an alert, its schedule and its events."""
    row = await _find(ctx, contract.remove, request.uuid, locked=True)
    await schedule.take_away(ctx.db, row)
    await usages.replace(ctx.db, ctx.workspace, "alert", row.uuid, [])
    await ctx.db.execute(delete(Alert).where(Alert.uuid == row.uuid))
    return Removed(uuid=str(row.uuid))


@handles(contract.preview)
async def preview(ctx: Context, request: contract.PreviewAlert) -> contract.Preview:
    """What an evaluation would find now; nothing is stored."""
    _require_permission(ctx, contract.preview, request.scope)
    await _check_workflow(ctx, request.scope)
    ends = clock.now()
    try:
        measured = await evaluation.measure(ctx, request.scope, request.threshold, (ends - timedelta(minutes=request.window_minutes), ends))
    except evaluation.NotComputed as problem:
        return contract.Preview(outcome="notComputed", compute_error_message=str(problem), error_message=str(problem))
    if measured.value is None:
        return contract.Preview(outcome="empty", total=measured.total, failed=measured.failed)
    breached = evaluation.is_breached(request.threshold, measured.value)
    return contract.Preview(outcome="computed", value=measured.value, total=measured.total, failed=measured.failed, is_breached=breached)


def _require_permission(ctx: Context, operation: _Saving, scope: Scope) -> None:
    """Who has an alert look at something must be permitted to look at it."""
    permission = "storage:read" if isinstance(scope, ModelScope | StorageQueryScope) else "orchestration:workflow:read"
    _require(ctx, operation, permission, f"the scope {scope.kind}")


def _require(ctx: Context, operation: _Saving, permission: str, what: str) -> None:
    if not ctx.who.may(permission):
        operation.refuse("forbidden", permission=permission, what=what, details={"permission": permission})


async def _check_condition(ctx: Context, operation: _Saving, scope: Scope, threshold: Threshold) -> None:
    """Refuse a condition that could never be evaluated. A query is run once, so that what is wrong with it is said now."""
    _require_permission(ctx, operation, scope)
    problem = evaluation.mismatch(scope, threshold)
    if problem is not None:
        operation.refuse("mismatchedThreshold", cause=problem)
    await _check_workflow(ctx, scope)
    if isinstance(scope, ModelScope):
        await _check_model(ctx, operation, scope)
    if isinstance(scope, OrchestrationQueryScope | StorageQueryScope):
        now = clock.now()
        try:
            await evaluation.measure(ctx, scope, threshold, (now - timedelta(minutes=1), now))
        except evaluation.NotComputed as error:
            operation.refuse("invalidSql", cause=str(error))


async def _check_workflow(ctx: Context, scope: Scope) -> None:
    """An alert about a workflow that is not there would be healthy forever."""
    text = getattr(scope, "workflow_uuid", None)
    workflow = None if text is None else ids.parse(text)
    if text is not None and (workflow is None or not await orchestration.workflow_exists(ctx.db, workflow)):
        message = "is not a workflow of this workspace: cargo-ai orchestration tool list and play list show them as workflowUuid"
        raise invalid_input([{"path": "scope.workflowUuid", "message": message}])


async def _check_model(ctx: Context, operation: _Saving, scope: ModelScope) -> None:
    model = ids.parse(scope.model_uuid)
    if model is None or not await storage.model_exists(ctx.db, model):
        operation.refuse("modelNotFound", uuid=scope.model_uuid, fix="cargo-ai storage model list")
    try:
        await segmentation.validate_filter(ctx.db, ctx.workspace, model, scope.filter)
    except segmentation.InvalidFilter as error:
        raise invalid_input([{"path": "scope.filter", "message": f"cannot be used: {error}"}]) from None


async def _check_actions(ctx: Context, operation: _Saving, actions: contract.Actions) -> None:
    if actions:
        _require(ctx, operation, "orchestration:workflow:write", "actions of alerts")
    for number, action in enumerate(actions, 1):
        problem = await orchestration.problem_of_action(ctx, action)
        if problem is not None:
            operation.refuse("actionNotFound", number=number, cause=problem, fix="cargo-ai orchestration action list")


async def _folder(ctx: Context, operation: _Saving, text: str | None) -> uuid.UUID | None:
    if text is None:
        return None
    folder = ids.parse(text)
    if folder is None or not await workspace.folder_exists(ctx.db, folder, "alert"):
        operation.refuse("folderNotFound", uuid=text, fix="cargo-ai workspace folder list")
    return folder


async def _record_usages(db: AsyncSession, row: Alert) -> None:
    """Store what an alert uses, so that it is not removed meanwhile: its folder, its model, and what its actions run."""
    targets = [("folder", row.folder_uuid)]
    targets.append((storage.MODEL, ids.parse(str(row.scope.get("modelUuid") or ""))))
    for action in row.actions:
        targets.append(("tool", ids.parse(str(action.get("toolUuid") or ""))))
        targets.append(("connector", ids.parse(str(action.get("connectorUuid") or ""))))
        targets.append(("agent", ids.parse(str(action.get("agentUuid") or ""))))
    named = [(kind, uid) for kind, uid in targets if uid is not None]
    await usages.replace(db, row.workspace_uuid, "alert", row.uuid, named)
