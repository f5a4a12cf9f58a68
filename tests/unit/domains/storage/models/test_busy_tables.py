"""Models whose tables are in use: changes wait shortly."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from cargo_ai.records import ddl
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient


async def test_a_column_is_not_added_while_the_table_is_used_for_long(
    api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await api.model()
    monkeypatch.setattr(ddl, "LOCK_TIMEOUT_MS", 50)
    column = {"kind": "custom", "slug": "tier", "type": "string", "label": ""}
    async with state.database.engine.connect() as reader:
        where = (await reader.execute(text("select schema_name, table_name from models"))).one()
        await reader.execute(text(f'select count(*) from "{where[0]}"."{where[1]}"'))
        assert await api.refused("storage.column.create", modelUuid=uid, column=column) == (503, "databaseUnavailable")
        assert await api.records(uid) == []
    await api.column(uid, **column)
    assert (await api.add(uid, {"domain": "a.com", "tier": "x"}))[0]["tier"] == "x"
