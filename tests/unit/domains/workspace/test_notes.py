"""Reports and sessions: kept in their workspace, by anyone who has a token."""

from __future__ import annotations

import pytest

from cargo_ai.kernel.refusal import Refusal
from tests.unit.domains.workspace.callers import Joining, Person

SESSION = "workspaceManagement.session.upsert"


async def test_a_viewer_reports_and_another_workspace_sees_nothing(admin: Person, join: Joining, other_caller: Person) -> None:
    ann = await join("ann@example.com", "viewer")
    report = (await ann.call("workspaceManagement.report.create", title="Slow", description="Two hours."))["report"]
    assert report["userUuid"] == str(ann.who.user_uuid)
    assert (await admin.call("workspaceManagement.report.list"))["reports"] == [report]
    assert (await other_caller.call("workspaceManagement.report.list"))["reports"] == []


async def test_a_session_is_one_however_often_it_is_mentioned(admin: Person, join: Joining) -> None:
    first = (await admin.call(SESSION, sessionId="s-1", title="Clean up", summary="Began."))["session"]
    second = (await admin.call(SESSION, sessionId="s-1", title="Clean up", summary="Done.", finished=True))["session"]
    assert second["uuid"] == first["uuid"] and first["finishedAt"] is None and second["finishedAt"] is not None
    assert (await admin.call(SESSION, sessionId="s-1", title="More", summary="On."))["session"]["finishedAt"] == second["finishedAt"]
    ann = await join("ann@example.com", "member")
    with pytest.raises(Refusal, match="another user's"):
        await ann.call(SESSION, sessionId="s-1", title="Mine", summary="No.")
    assert len((await admin.call("workspaceManagement.session.list"))["sessions"]) == 1
