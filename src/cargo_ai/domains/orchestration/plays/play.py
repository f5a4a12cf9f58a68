"""Plays: create them with their segment and workflow, change, enable, list and remove them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.removal import bin_kinds, usages
from cargo_ai.contract.orchestration.nodes.action import Action
from cargo_ai.contract.orchestration.workflows import play as contract
from cargo_ai.contract.segmentation.segment import CreateSegment, UpdateSegment
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.domains.orchestration.nodes import action
from cargo_ai.domains.orchestration.plays import play_schedule
from cargo_ai.domains.orchestration.removed import play_bin
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.orchestration.workflows import lookup, owners, validation
from cargo_ai.domains.segmentation import public as segmentation
from cargo_ai.domains.storage import public as storage
from cargo_ai.engine.dispatch.timers.schedule import ScheduleState
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.kernel.wire import ByUuid, JsonObject

SEGMENT_NAME = "GENERATED_PLAY_SEGMENT"
_SEGMENT_FIELDS = {"filter", "sort", "limit", "tracking_column_slugs"}


async def to_responses(ctx: Context, rows: Sequence[Play]) -> list[contract.Play]:
    """Plays on the wire, in the order of the rows; the states of their schedules are read in one statement."""
    states = await play_schedule.states(ctx.db, ctx.workspace, rows)
    enabled = [row.segment_uuid for row in rows if play_schedule.active_type(row) in play_schedule.COMPARED]
    preparing = await segmentation.still_read(ctx.db, enabled) if enabled else set[uuid.UUID]()
    return [_to_response(row, states.get(row.uuid), is_preparing=row.segment_uuid in preparing) for row in rows]


async def to_response(ctx: Context, row: Play) -> contract.PlayReply:
    """One play on the wire."""
    return contract.PlayReply(play=(await to_responses(ctx, [row]))[0])


def _to_response(row: Play, state: ScheduleState | None, *, is_preparing: bool) -> contract.Play:
    return contract.Play(
        uuid=str(row.uuid),
        workspace_uuid=str(row.workspace_uuid),
        workflow_uuid=str(row.workflow_uuid),
        user_uuid=str(row.user_uuid),
        model_uuid=str(row.model_uuid),
        segment_uuid=str(row.segment_uuid),
        change_kinds=row.change_kinds,
        run_creation_rule=cast("contract.RunCreationRule", row.run_creation_rule),
        name=row.name,
        description=row.description,
        schedule=play_schedule.to_response(row),
        is_enabled=row.is_enabled,
        health_threshold=int(row.health_threshold) if row.health_threshold.is_integer() else row.health_threshold,
        health_alert_actions=row.health_alert_actions,
        folder_uuid=str(row.folder_uuid) if row.folder_uuid else None,
        next_fire_at=state.next_fire_at if state else None,
        last_fire_at=state.last_fire_at if state else None,
        problem=state.problem if state else None,
        is_preparing=is_preparing,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
    )


@handles(contract.create)
async def create(ctx: Context, request: contract.CreatePlay) -> contract.PlayReply:
    """Create a play, its hidden segment, its workflow and an empty draft. It is disabled at first."""
    folder = await owners.find_folder(ctx, "play", contract.create, request.folder_uuid)
    model = ids.parse(request.model_uuid)
    if model is None or not await storage.model_exists(ctx.db, model, lock=True):
        contract.create.refuse("modelNotFound", uuid=request.model_uuid, fix="cargo-ai storage model list")
    schedule = await play_schedule.validate(ctx, contract.create, request.schedule, None)
    segment_fields = {name: getattr(request, name) for name in _SEGMENT_FIELDS}
    segment = await segmentation.create_play_segment(ctx, CreateSegment(name=SEGMENT_NAME, model_uuid=str(model), **segment_fields))
    owner = await owners.create_workflow(ctx, "play")
    row = Play(
        uuid=owner.uuid,
        workspace_uuid=ctx.workspace,
        workflow_uuid=owner.workflow,
        user_uuid=ctx.who.user_uuid,
        model_uuid=model,
        segment_uuid=segment,
        name=request.name,
        description=request.description,
        change_kinds=list(request.change_kinds),
        run_creation_rule=request.run_creation_rule,
        schedule=schedule,
        health_alert_actions=[],
        folder_uuid=folder,
    )
    ctx.db.add(row)
    await ctx.db.flush()
    await record_usages(ctx.db, row, [])
    return await to_response(ctx, row)


@handles(contract.update)
async def update(ctx: Context, request: contract.UpdatePlay) -> contract.PlayReply:
    """Change what is given; null clears description, folder, schedule, order and limit. Enabled only with a deployed graph."""
    row = await owners.lock(ctx, Play, contract.update, request.uuid)
    if request.template is not None and request.template.is_available:
        contract.update.refuse("templatesNotAvailable")
    fields = request.model_fields_set
    runnable = await lookup.runnable(ctx.db, row.workflow_uuid)
    nodes = runnable.nodes if runnable else None
    if request.is_enabled and not nodes:
        contract.update.refuse("playNotDeployed", name=row.name, fix="cargo-ai orchestration draft-release deploy --help")
    former_type = play_schedule.active_type(row)
    if "folder_uuid" in fields:
        row.folder_uuid = await owners.find_folder(ctx, "play", contract.update, request.folder_uuid)
    if "schedule" in fields:
        row.schedule = await play_schedule.validate(ctx, contract.update, request.schedule, row)
    await _check_actions(ctx, request.health_alert_actions or [])
    await _change_segment(ctx, row, request)
    _set(row, request)
    await ctx.db.flush()
    if fields & {"schedule", "is_enabled"}:
        try:
            await play_schedule.apply(ctx, row, former_type)
        except segmentation.InvalidFilter as error:
            contract.update.refuse("invalidFilter", cause=f"it no longer fits its model: {error}")
    if request.is_enabled:
        for sentence in await storage.incomplete_columns(ctx.db, ctx.workspace, row.model_uuid):
            ctx.warn(sentence)
    await record_usages(ctx.db, row, nodes or [])
    return await to_response(ctx, row)


async def _check_actions(ctx: Context, actions: Sequence[Action]) -> None:
    """Refuse actions that name what is not there: that they cannot run would show when they are needed."""
    problems = [await action.problem_of_action(ctx, given) for given in actions]
    faults = [(number, problem) for number, problem in enumerate(problems) if problem is not None]
    if faults:
        raise invalid_input([{"path": f"healthAlertActions.{number}", "message": problem} for number, problem in faults])


def _set(row: Play, request: contract.UpdatePlay) -> None:
    if request.name is not None:
        row.name = request.name
    if "description" in request.model_fields_set:
        row.description = request.description
    if request.is_enabled is not None:
        row.is_enabled = request.is_enabled
    if request.change_kinds is not None:
        row.change_kinds = list(request.change_kinds)
    if request.run_creation_rule is not None:
        row.run_creation_rule = request.run_creation_rule
    if request.health_threshold is not None:
        row.health_threshold = request.health_threshold
    if request.health_alert_actions is not None:
        row.health_alert_actions = [action.stored() for action in request.health_alert_actions]


async def _change_segment(ctx: Context, row: Play, request: contract.UpdatePlay) -> None:
    fields = {name: getattr(request, name) for name in _SEGMENT_FIELDS & request.model_fields_set}
    if not fields or fields == {"filter": None}:
        return
    if not await segmentation.update_play_segment(ctx, UpdateSegment(uuid=str(row.segment_uuid), **fields)):
        contract.update.refuse("segmentNotFound")
    if play_schedule.active_type(row) in play_schedule.COMPARED:
        ctx.warn("The play is enabled: records that are in its segment now and were not before count as added.")


@handles(contract.remove)
async def remove(ctx: Context, request: ByUuid) -> RemovedToBin:
    """Remove the play, its segment, workflow and releases: they go to the bin. Runs that have started go on."""
    row = await owners.lock(ctx, Play, contract.remove, request.uuid)
    users = await owners.users_of(ctx.db, row)
    if users:
        contract.remove.refuse("playIsUsed", name=row.name, users=await owners.names(ctx.db, users), details=owners.details(users))
    former_type, row.is_enabled = play_schedule.active_type(row), False
    await play_schedule.apply(ctx, row, former_type)
    segment_uses = await bin_kinds.db_uses(ctx.db, "segment", row.segment_uuid)
    users = await segmentation.remove_play_segment(ctx, row.segment_uuid, row.uuid)
    if users:
        names, details = await owners.names(ctx.db, users), owners.details(users)
        contract.remove.refuse("failedToRemoveSegment", name=row.name, users=names, details=details)
    return await play_bin.hide(ctx, row, segment_uses)


@handles(contract.get)
async def get(ctx: Context, request: ByUuid) -> contract.PlayReply:
    """One play."""
    return await to_response(ctx, await owners.find(ctx, Play, contract.get, request.uuid))


@handles(contract.list_)
async def list_(ctx: Context, request: contract.ListPlays) -> contract.PlaysReply:
    """The plays that match, newest first."""
    query = select(Play).where(Play.deleted_at.is_(None))
    for column, text in ((Play.model_uuid, request.model_uuid), (Play.segment_uuid, request.segment_uuid)):
        query = query if text is None else query.where(column == ids.parse(text))
    if request.folder_uuid is not None:
        query = query.where(Play.folder_uuid == ids.parse(request.folder_uuid))
    if request.is_enabled is not None:
        query = query.where(Play.is_enabled == request.is_enabled)
    if request.schedule_type is not None:
        query = query.where(Play.schedule["type"].as_string() == request.schedule_type)
    rows = list(await ctx.db.scalars(query.order_by(Play.uuid.desc())))
    return contract.PlaysReply(plays=await to_responses(ctx, rows))


async def record_usages(db: AsyncSession, row: Play, nodes: list[JsonObject]) -> None:
    """Write down what a play uses: segment, model, folder, the play it comes after, and what its deployed nodes and its alerts name."""
    users = [*nodes, *row.health_alert_actions]
    targets = [(kind, uid) for kind in ("connector", "tool") for uid in validation.used_uuids(users, kind)]
    targets += [("model", uid) for uid in (row.model_uuid, *validation.used_models(nodes))]
    targets += [("segment", row.segment_uuid), *(("play", uid) for uid in play_schedule.upstream_plays(row))]
    if row.folder_uuid is not None:
        targets.append(("folder", row.folder_uuid))
    await usages.replace(db, row.workspace_uuid, "play", row.uuid, targets)
