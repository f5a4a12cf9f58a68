"""Play terms: how the records of a play's batch enter, what happens when it has ended, and how good it must have been."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.fields import BatchRunsStatus
from cargo_ai.domains.orchestration.tables import Play
from cargo_ai.engine.dispatch.admission import Rule

END_TASK = "playBatchEnded"
"""The job that is called for when a batch of a play has ended."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What `submit.batch` is told; both None for a workflow that belongs to no play."""

    enrolment: Rule | None = None
    at_end: str | None = None


async def of_workflow(db: AsyncSession, workflow: uuid.UUID, kind: str) -> Policy:
    """The terms of a new batch of this workflow. Runs that are done again (`kind` runs) enter whatever the rule."""
    rule = await db.scalar(select(Play.run_creation_rule).where(Play.workflow_uuid == workflow))
    return Policy() if rule is None else Policy("always" if kind == "runs" else cast("Rule", rule), END_TASK)


async def thresholds(db: AsyncSession, workflows: Collection[uuid.UUID]) -> dict[uuid.UUID, float]:
    """The share of good runs, 0 to 1, that the plays of these workflows ask for."""
    if not workflows:
        return {}
    rows = await db.execute(select(Play.workflow_uuid, Play.health_threshold).where(Play.workflow_uuid.in_(workflows)))
    return {row[0]: share(row[1]) for row in rows}


def share(threshold: float) -> float:
    """A health threshold as a share: above 1 it is percent."""
    return threshold / 100 if threshold > 1 else threshold


def health(executed: int, failed: int, wanted: float = 1.0) -> BatchRunsStatus | None:
    """Whether enough of the runs that have ended are good; None while none has."""
    if not executed:
        return None
    return "healthy" if executed - failed >= wanted * executed else "unhealthy"
