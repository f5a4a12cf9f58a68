"""Completion of play batches: start the plays that depend on it, and send the alerts of an unhealthy batch."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration.nodes.action import Action, ExecuteAction
from cargo_ai.domains.orchestration.nodes import action
from cargo_ai.domains.orchestration.plays import play_policy, play_trigger
from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.engine.journal.tables import batches
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.availability import DATABASE_UNAVAILABLE, retry_until_available
from cargo_ai.store.session import ALL_WORKSPACES

_ACTION: TypeAdapter[Action] = TypeAdapter(Action)
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class CompletionJob:
    """The job: one batch of a play that has ended. Repeated after a crash, it does nothing twice."""

    services: Services

    async def ended(self, batch: str) -> None:
        """Start the plays that come after, and say that it was unhealthy if it was."""
        await retry_until_available("following the end of a batch", lambda: self._ended(uuid.UUID(batch)))

    async def _ended(self, batch: uuid.UUID) -> None:
        async with self.services.database.session(ALL_WORKSPACES) as db:
            # Taken by the job that clears the mark; it is there again when this transaction does not commit.
            taken = update(batches).where(batches.c.uuid == batch, batches.c.at_end == play_policy.END_TASK).values(at_end=None)
            ended = (await db.execute(taken.returning(batches))).mappings().one_or_none()
            if ended is None:
                return
            db.info["scope"] = ended["workspace_uuid"]
            row = await db.scalar(select(Play).where(Play.workflow_uuid == ended["workflow_uuid"], Play.deleted_at.is_(None)))
            if row is None:
                return
            if ended["status"] in {"success", "skipped"}:
                await _next(db, row, batch)
            if _is_unhealthy(ended, row):
                await self._alert(db, row, ended)
            await db.commit()

    async def _alert(self, db: AsyncSession, row: Play, batch: RowMapping) -> None:
        record = _record(row, batch)
        for alert in row.health_alert_actions:
            ctx = self._context(db, row)
            try:
                async with db.begin_nested():
                    await action.execute(ctx, ExecuteAction(action=_ACTION.validate_python(alert), data=record))
            except Refusal as refusal:
                _log.warning("an alert of a play could not be executed", play=str(row.uuid), batch=str(batch["uuid"]), cause=str(refusal))
            except DATABASE_UNAVAILABLE:
                raise
            except Exception:
                # Whatever is wrong with one alert, the others and the plays that come after go on.
                _log.exception("an alert of a play broke", play=str(row.uuid), batch=str(batch["uuid"]))

    def _context(self, db: AsyncSession, row: Play) -> Context:
        caller = Caller(row.user_uuid, uuid.UUID(int=0), row.workspace_uuid, "play", ())
        return Context(caller, db, self.services, base_url=self.services.settings.public_url, request_id=str(ids.new()))


async def _next(db: AsyncSession, row: Play, batch: uuid.UUID) -> None:
    waiting = select(Play).where(Play.is_enabled, Play.deleted_at.is_(None), Play.schedule["type"].as_string() == "dependency")
    for after in await db.scalars(waiting.where(Play.schedule["playUuid"].as_string() == str(row.uuid))):
        await play_trigger.defer_comparison(db, after, f"after:{batch}", ids.new())


def _is_unhealthy(batch: RowMapping, row: Play) -> bool:
    counts = int(batch["executed_count"]), int(batch["failed_count"])
    return play_policy.health(*counts, play_policy.share(row.health_threshold)) == "unhealthy"


def _record(row: Play, batch: RowMapping) -> JsonObject:
    """The record that the alert actions get."""
    finished = run_response.timestamp_or_none(batch["finished_ms"])
    return {
        "_id": str(batch["uuid"]),
        "_title": f"{row.name}: {batch['failed_count']} of {batch['executed_count']} runs failed",
        "play": {"uuid": str(row.uuid), "name": row.name, "healthThreshold": row.health_threshold},
        "batch": {
            "uuid": str(batch["uuid"]),
            "workflowUuid": str(batch["workflow_uuid"]),
            "status": batch["status"],
            "runsStatus": "unhealthy",
            "runsCount": int(batch["cursor"]),
            "executedRunsCount": int(batch["executed_count"]),
            "failedRunsCount": int(batch["failed_count"]),
            "finishedAt": clock.to_iso(finished) if finished else None,
        },
    }
