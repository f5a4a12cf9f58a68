"""Pruning: what is older than 30 days is forgotten, everything else stays."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select, text

from cargo_ai.domains.storage.records import prune
from cargo_ai.domains.storage.tables import Model, ModelInsert
from cargo_ai.kernel import clock
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
