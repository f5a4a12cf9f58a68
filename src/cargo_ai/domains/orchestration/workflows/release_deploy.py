"""Deploying: what happens to a workflow when a release of it goes live, whether it was the draft or an earlier one."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.contract.orchestration import release_change as contract
from cargo_ai.contract.orchestration.release import ReleaseStatus
from cargo_ai.domains.orchestration.plays import play
from cargo_ai.domains.orchestration.tables import Play, Release, Tool, Workflow
from cargo_ai.domains.orchestration.workflows import public_form, validation, version
from cargo_ai.domains.orchestration.workflows.release import reply
from cargo_ai.domains.orchestration.workflows.tool import record_usages
from cargo_ai.engine.journal.tables import batches, runs
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.wire import JsonObject

RUNS_LOOKED_AT = 10_000
_SHOWN = 3


async def problems_of(db: AsyncSession, nodes: list[JsonObject]) -> tuple[str, dict[str, Any]] | None:
    """What keeps the nodes from being deployed, as a sentence and as details; None when nothing does."""
    found = await validation.problems(db, nodes)
    if not found:
        return None
    told = [f"{fault.slug or 'a node'}: {fault.message}" for fault in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return " ".join([*told, *more]), {"invalidNodes": [fault.to_wire() for fault in found]}


async def next_version(ctx: Context, operation: Operation[Any, Any, Any], workflow: Workflow, wanted: str | None) -> str:
    """The version that was asked for, else the next patch version; refuses one that is not above all former ones."""
    given = await ctx.db.scalars(select(Release.version).where(Release.workflow_uuid == workflow.uuid, Release.version.is_not(None)))
    last = version.latest(text for text in given if text is not None)
    if wanted is None:
        return version.to_text(version.following(last))
    asked = version.parse(wanted)
    if asked is None:
        cause = f"it takes three numbers, such as {version.to_text(version.following(last))}."
        operation.refuse("invalidReleaseVersion", version=wanted, cause=cause)
    if last is not None and asked <= last:
        operation.refuse("invalidReleaseVersion", version=wanted, cause=f"it must be above {version.to_text(last)}, the last one.")
    return version.to_text(asked)


async def tool_of(db: AsyncSession, workflow: Workflow) -> Tool | None:
    """The tool that the workflow belongs to."""
    return await db.scalar(select(Tool).where(Tool.uuid == workflow.tool_uuid))


async def archive_deployed(db: AsyncSession, workflow: Workflow) -> Release | None:
    """Archive what is deployed, and say what that was. Written at once: at no moment are there two deployed releases."""
    former = await db.scalar(select(Release).where(Release.workflow_uuid == workflow.uuid, Release.status == "deployed"))
    if former is not None:
        former.status = "archived"
    await db.flush()
    return former


async def report_live(ctx: Context, workflow: Workflow, deployed: Release, former: Release | None) -> contract.DeployedReply:
    """Write down what the new release uses, and tell what it means from now on."""
    tool = await tool_of(ctx.db, workflow)
    if tool is not None:
        await record_usages(ctx.db, tool, deployed.nodes)
    owner = await ctx.db.scalar(select(Play).where(Play.uuid == workflow.play_uuid))
    if owner is not None:
        await play.record_usages(ctx.db, owner, deployed.nodes)
    triggers = cast("list[JsonObject]", tool.triggers) if tool is not None else []
    has_form = tool is not None and public_form.is_enabled(tool)
    going_runs, going_batches = await _in_flight(ctx, workflow)
    told = contract.GoesLive(
        replaces=to_named(former) if former is not None else None,
        triggers=[{key: trigger[key] for key in ("name", "type", "cron") if key in trigger} for trigger in triggers],
        public_form=has_form,
        play=_play(owner),
        runs_in_flight=going_runs,
        batches_in_flight=going_batches,
        message=_message(deployed, former, owner, len(triggers), has_form, going_runs),
    )
    return contract.DeployedReply(release=reply(deployed), goes_live=told)


def to_named(row: Release) -> contract.ReleaseNamed:
    """Which release it is, in short."""
    return contract.ReleaseNamed(uuid=str(row.uuid), version=row.version, status=cast("ReleaseStatus", row.status))


def _play(row: Play | None) -> contract.LivePlay | None:
    if row is None:
        return None
    return contract.LivePlay(uuid=str(row.uuid), name=row.name, is_enabled=row.is_enabled, schedule=row.schedule)


async def _in_flight(ctx: Context, workflow: Workflow) -> tuple[int, int]:
    newest = (
        select(runs.c.finished_ms)
        .where(runs.c.workflow_uuid == workflow.uuid, runs.c.workspace_uuid == ctx.workspace)
        .order_by(runs.c.uuid.desc())
        .limit(RUNS_LOOKED_AT)
        .subquery("newest")
    )
    going_runs = await ctx.db.scalar(select(func.count()).select_from(newest).where(newest.c.finished_ms.is_(None)))
    going_batches = await ctx.db.scalar(
        select(func.count())
        .select_from(batches)
        .where(batches.c.workspace_uuid == ctx.workspace, batches.c.workflow_uuid == workflow.uuid, batches.c.finished_ms.is_(None))
    )
    return int(going_runs or 0), int(going_batches or 0)


def _message(deployed: Release, former: Release | None, owner: Play | None, triggers: int, has_form: bool, going: int) -> str:
    told = [f"Version {deployed.version} is live" + (f"; it replaces {former.version}." if former is not None else ".")]
    if owner is not None:
        on = f'The play "{owner.name}" is enabled: changed records take it from now on.'
        told.append(on if owner.is_enabled else f'The play "{owner.name}" is not enabled: it runs when a batch is started.')
    if triggers:
        told.append(f"{triggers} trigger{'' if triggers == 1 else 's'} will start it.")
    if has_form:
        told.append("Its public form takes input.")
    if going:
        told.append(f"{going:,} run{'' if going == 1 else 's'} in flight stay on the release that they began with.")
    return " ".join(told)
