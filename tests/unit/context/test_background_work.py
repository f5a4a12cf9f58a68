"""Work that a request has left to a job: it is taken until it has ended, and not forever where its workers die of it."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import update

from cargo_ai.context import background_work
from cargo_ai.domains.segmentation.tables import SegmentChange
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES


async def test_work_is_taken_again_until_it_has_ended_or_was_begun_too_often(state: State) -> None:
    here, uid = ids.new(), ids.new()
    counts = dict.fromkeys(("added_count", "updated_count", "removed_count", "total_count"), 0)

    async def begin(workspace: uuid.UUID = here) -> str | None:
        return await background_work.begin(state.database, workspace, SegmentChange, uid, noun="comparison", most=2)

    async def set_status(status: str) -> None:
        async with state.database.session(ALL_WORKSPACES) as db:
            await db.execute(update(SegmentChange).where(SegmentChange.uuid == uid).values(status=status))
            await db.commit()

    assert await begin() is None
    async with state.database.session(here) as db:
        db.add(SegmentChange(uuid=uid, workspace_uuid=here, segment_uuid=ids.new(), no=1, status="pending", **counts))
        await db.commit()
    assert await begin(ids.new()) is None, "another workspace has no such work"
    assert [await begin(), await begin()] == ["pending", "running"]
    with pytest.raises(background_work.TooManyTries, match="begun 2 times, and each time its worker died"):
        await begin()
    await set_status("cancelling")
    assert await begin() == "cancelling"
    await set_status("success")
    assert await begin() is None
