"""Pruning: what is older than 30 days is forgotten, everything else stays."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select, text

from cargo_ai.domains.storage.records import prune
from cargo_ai.domains.storage.tables import Model, ModelInsert, StorageRun
from cargo_ai.kernel import clock, ids
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient


async def test_old_inserts_and_touches_are_forgotten_and_fresh_ones_stay(api: ApiClient, state: State) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.example"}, {"domain": "b.example"})
    async with state.database.session(ALL_WORKSPACES) as db:
        row = (await db.scalars(select(Model))).one()
        log = f'"{row.schema_name}"."{row.log_name}"'
        await db.execute(text(f"update {log} set at = now() - interval '31 days' where _id = 'a.example'"))
        for name, age in (("old", 31), ("fresh", 1)):
            made = {"model_uuid": uuid.UUID(model), "record_id": name, "at": clock.now() - timedelta(days=age)}
            db.add(ModelInsert(workspace_uuid=row.workspace_uuid, key=name, **made))
        await db.commit()
    await prune.prune(state.database, 30, 1_000)
    async with state.database.session(ALL_WORKSPACES) as db:
        assert list(await db.scalars(select(ModelInsert.key))) == ["fresh"]
        assert list(await db.scalars(text(f"select _id from {log}"))) == ["b.example"]
        assert await db.scalar(select(func.count()).select_from(Model)) == 1


async def test_runs_that_ended_long_ago_go_but_for_the_latest_and_what_is_not_complete(api: ApiClient, state: State) -> None:
    model = await api.model()
    endings = ["success", "success", "error", "cancelled", "error"]
    async with state.database.session(ALL_WORKSPACES) as db:
        user, workspace = (await db.execute(select(Model.user_uuid, Model.workspace_uuid))).one()
        runs = [
            StorageRun(
                uuid=ids.new(),
                workspace_uuid=workspace,
                model_uuid=uuid.UUID(model),
                user_uuid=user,
                kind=kind,
                status=status,
                file_names=[],
                is_incomplete=kind == "fill" and number == 2,
                finished_at=clock.now() - timedelta(days=40 - number),
            )
            for kind in ("refresh", "fill")
            for number, status in enumerate(endings)
        ]
        db.add_all(runs)
        await db.commit()

    async def left(days: int) -> set[tuple[str, int]]:
        await prune.prune_runs(state.database, days)
        async with state.database.session(ALL_WORKSPACES) as db:
            present = set(await db.scalars(select(StorageRun.uuid)))
        return {(run.kind, at % len(endings)) for at, run in enumerate(runs) if run.uuid in present}

    every = {(kind, number) for kind in ("refresh", "fill") for number in range(5)}
    assert await left(0) == await left(50) == every
    assert await left(39) == every - {("refresh", 0), ("fill", 0)}
    assert await left(30) == {("refresh", 1), ("refresh", 4), ("fill", 1), ("fill", 2), ("fill", 4)}
