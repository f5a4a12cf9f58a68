"""Uploads that nothing reads any more are removed when they are old; those that a model or an unfinished batch reads stay."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from cargo_ai.domains.workspace import upload_store
from cargo_ai.domains.workspace.upload_store import Upload
from cargo_ai.kernel import clock
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.kit.graphs import node
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

LINE = [node("start", children=["end"]), node("end")]


async def age(state: State, days: int) -> None:
    """Let all uploads be this old."""
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Upload).values(created_at=clock.now() - timedelta(days=days)))
        await db.commit()


async def left(state: State) -> set[str]:
    async with state.database.session(ALL_WORKSPACES) as db:
        return set(await db.scalars(select(Upload.s3_filename)))


async def test_old_uploads_that_nothing_reads_are_removed(api: ApiClient, state: State) -> None:
    read, unread = [await upload(api, "id,name\n1,a\n") for _ in range(2)]
    of_batch = await upload(api, "id,name\n1,a\n")
    await api.model("uploaded", "uploadFile", s3Filename=read)
    tool = (await api.call("orchestration.tool.create", name="T"))["tool"]["workflowUuid"]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool, nodes=LINE)
    await api.call("orchestration.batch.create", workflowUuid=tool, data={"kind": "file", "s3Filename": of_batch})
    await age(state, 89)
    assert await upload_store.remove_unused(state.services) == 0
    await age(state, 91)
    state.settings.environment["CARGO_AI_UPLOAD_RETENTION_DAYS"] = "0"
    assert await upload_store.remove_unused(state.services) == 0
    del state.settings.environment["CARGO_AI_UPLOAD_RETENTION_DAYS"]
    assert await upload_store.remove_unused(state.services) == 1
    assert await left(state) == {read, of_batch}
    usage = (await api.call("workspaceManagement.workspace.getUsage"))["quotas"][0]
    assert (usage["kind"], usage["used"]) == ("storedBytes", 24)
    assert await state.files.read(read)
    assert unread not in await left(state)
