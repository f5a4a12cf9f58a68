"""Reuse the decision on the same proposal in the run that this one replays, so that no one is asked twice."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.engine.graph.action import Call
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel.wire import JsonObject


async def decided(db: AsyncSession, call: Call, title: str, fields: list[JsonObject]) -> Review | None:
    """The last decision of an earlier run that this one repeats, at this node, about the same title and values; None without one.

    A review without a decision in time, whose node failed, does not count: it is asked again.
    """
    root = await db.scalar(select(runs.c.replay_root).where(runs.c.uuid == call.run, runs.c.workspace_uuid == call.workspace))
    if root is None:
        return None
    family = select(runs.c.uuid).where(or_(runs.c.uuid == root, runs.c.replay_root == root), runs.c.workspace_uuid == call.workspace)
    asked = (
        select(Review)
        .where(Review.run_uuid.in_(family), Review.run_uuid != call.run, Review.status.in_(("approved", "rejected")))
        .where(or_(Review.node_uuid == str(call.node.get("uuid")), Review.node_slug == str(call.node.get("slug"))))
        .order_by(Review.decided_at.desc())
    )
    return next((one for one in await db.scalars(asked) if one.title == title and one.fields == fields), None)
