"""Models whose tables are in use, or large: changes wait shortly, and what takes long goes on in the background."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from cargo_ai.domains.storage.columns import recompute
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


async def test_a_computed_column_of_many_records_is_filled_by_a_job(api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{n:03d}.com", "employees": n} for n in range(50)))
    monkeypatch.setattr(ddl, "REHASH_ROWS", 10)
    monkeypatch.setattr(recompute, "CHUNK", 7)
    column: dict[str, Any] = {
        "kind": "computed", "slug": "double", "type": "number", "label": "",
        "expression": {"kind": "jsExpression", "expression": "record.employees * 2"},
    }  # fmt: skip
    reply = await api.send("storage.column.create", modelUuid=uid, column=column)
    assert "in the background" in reply.headers["x-cargo-warnings"]
    assert {record["double"] for record in await api.records(uid)} == {None}
    async with state.database.engine.connect() as connection:
        found = await connection.execute(text("select task_name, args from procrastinate_jobs"))
        row = found.one()
    args: dict[str, str] = row[1]
    assert row[0] == recompute.TASK
    await recompute.RecomputeJob(state.database).run(args["workspace"], args["model"])
    assert [record["double"] for record in await api.records(uid)] == [n * 2 for n in range(50)]
