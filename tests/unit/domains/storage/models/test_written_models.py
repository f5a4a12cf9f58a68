"""Written models: what a process remembers of a model never outlives a change of it, no matter who made that."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import event

from cargo_ai.domains.storage.models.written_models import WrittenModel, WrittenModels
from cargo_ai.domains.workspace.public import Bootstrap
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient


async def _find(state: State, models: WrittenModels, workspace: UUID, uid: str) -> WrittenModel | None:
    async with state.database.session(workspace) as db:
        return await models.find(db, uid)


async def test_a_model_is_read_once_while_nothing_changes(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    uid, workspace, models = await api.model(), first_workspace.workspace_uuid, WrittenModels()
    first = await _find(state, models, workspace, uid)
    asked: list[str] = []

    @event.listens_for(state.database.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:  # pyright: ignore[reportUnusedFunction]
        asked.append(statement)

    assert first is not None
    assert await _find(state, models, workspace, uid) is first
    assert asked == []


async def test_a_new_column_counts_at_the_next_write(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    uid, workspace, models = await api.model(), first_workspace.workspace_uuid, WrittenModels()
    before = await _find(state, models, workspace, uid)
    await api.column(uid, kind="custom", slug="tier", type="string", label="Tier")
    after = await _find(state, models, workspace, uid)
    assert before is not None and before.relation.column("tier") is None
    assert after is not None and after.relation.column("tier") is not None
    record = await api.call("storage.record.create", modelUuid=uid, data={"domain": "a.com", "tier": "gold"})
    assert record["record"]["tier"] == "gold"


async def test_a_removed_model_is_not_found_any_more(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    uid, workspace, models = await api.model(), first_workspace.workspace_uuid, WrittenModels()
    assert await _find(state, models, workspace, uid) is not None
    await api.call("storage.model.remove", uuid=uid)
    assert await _find(state, models, workspace, uid) is None
    reply = await api.send("storage.record.create", modelUuid=uid, data={"domain": "a.com"})
    assert (reply.status_code, reply.json()["reason"]) == (404, "modelNotFound")


async def test_a_model_of_another_workspace_is_not_found(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    uid, models = await api.model(), WrittenModels()
    assert await _find(state, models, first_workspace.workspace_uuid, uid) is not None
    assert await _find(state, models, UUID(int=7), uid) is None
    assert await _find(state, models, first_workspace.workspace_uuid, "no uuid") is None
