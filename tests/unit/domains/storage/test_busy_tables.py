"""Models whose tables are in use, or large: changes wait shortly, and what takes long goes on in the background."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from cargo_ai.domains.storage.columns import recompute
from cargo_ai.records import ddl
from cargo_ai.server.api.state import State
from tests.unit.domains.storage.conftest import Asker


async def test_a_column_is_not_added_while_the_table_is_used_for_long(asker: Asker, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = await asker.model()
    monkeypatch.setattr(ddl, "LOCK_TIMEOUT_MS", 50)
    column = {"kind": "custom", "slug": "tier", "type": "string", "label": ""}
    async with state.database.engine.connect() as reader:
        where = (await reader.execute(text("select schema_name, table_name from models"))).one()
        await reader.execute(text(f'select count(*) from "{where[0]}"."{where[1]}"'))
        assert await asker.refused("storage.column.create", modelUuid=uid, column=column) == (503, "databaseUnavailable")
        assert await asker.records(uid) == []
    await asker.column(uid, **column)
    assert (await asker.add(uid, {"domain": "a.com", "tier": "x"}))[0]["tier"] == "x"


async def test_a_computed_column_of_many_records_is_filled_by_a_job(asker: Asker, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = await asker.model()
    await asker.add(uid, *({"domain": f"{n:03d}.com", "employees": n} for n in range(50)))
    monkeypatch.setattr(ddl, "REHASH_ROWS", 10)
    monkeypatch.setattr(recompute, "CHUNK", 7)
    column: dict[str, Any] = {
        "kind": "computed", "slug": "double", "type": "number", "label": "",
        "expression": {"kind": "jsExpression", "expression": "record.employees * 2"},
    }  # fmt: skip
    reply = await asker.send("storage.column.create", {"modelUuid": uid, "column": column})
    assert "in the background" in reply.headers["x-cargo-warnings"]
    assert {record["double"] for record in await asker.records(uid)} == {None}
    async with state.database.engine.connect() as connection:
        found = await connection.execute(text("select task_name, args from procrastinate_jobs"))
        row = found.one()
    args: dict[str, str] = row[1]
    assert row[0] == recompute.TASK
    await recompute.RecomputeJob(state.database).run(args["workspace"], args["model"])
    assert [record["double"] for record in await asker.records(uid)] == [n * 2 for n in range(50)]
