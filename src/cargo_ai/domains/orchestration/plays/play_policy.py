"""Policies of plays: the rule by which records enter, the job at the end of a batch, and when a batch is healthy."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.fields import BatchRunsStatus
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.domains.orchestration.workflows.lookup import Runnable
from cargo_ai.engine.dispatch.admission import Rule

END_TASK = "playBatchEnded"
"""The job that is called for when a batch of a play has ended."""


def admission_rule(workflow: Runnable, kind: str) -> Rule | None:
    """The rule by which the records of a new batch enter; None when the workflow is not a play's. Runs that are repeated always enter."""
    if workflow.play is None:
        return None
    return "always" if kind == "runs" else workflow.play.run_creation_rule


async def thresholds(db: AsyncSession, workflows: Collection[uuid.UUID]) -> dict[uuid.UUID, float]:
    """The share of good runs, 0 to 1, that the plays of these workflows ask for."""
    if not workflows:
        return {}
    rows = await db.execute(select(Play.workflow_uuid, Play.health_threshold).where(Play.workflow_uuid.in_(workflows)))
    return {row[0]: share(row[1]) for row in rows}


def share(threshold: float) -> float:
    """A health threshold as a share: above 1 it is percent."""
    return threshold / 100 if threshold > 1 else threshold


def health(executed: int, failed: int, threshold: float = 1.0) -> BatchRunsStatus | None:
    """Whether enough of the runs that have ended are good; None while none has."""
    if not executed:
        return None
    return "healthy" if executed - failed >= threshold * executed else "unhealthy"
