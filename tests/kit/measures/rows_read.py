"""How many rows of tables the statements of a request read, by PostgreSQL's own count."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import event

from cargo_ai.store.session import Database

Plan = Mapping[str, Any]


async def rows_read(database: Database, request: Awaitable[object], tables: Sequence[str]) -> int:
    """The rows that a request's statements read from tables whose names begin like one of these, and from their indexes.

    The statements are executed a second time for it. Small tables are read whole by PostgreSQL, though they have an index: here it has to
    take the index, as it does in large ones.
    """
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().lower().startswith(("select", "with")):
            asked.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await request
    finally:
        event.remove(engine, "before_cursor_execute", note)
    read = 0
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("set local enable_seqscan = off")
        for statement, parameters in asked:
            rows = await connection.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)
            plans = rows.scalar_one()
            for entry in cast("list[dict[str, Any]]", json.loads(plans) if isinstance(plans, str) else plans):
                read += _read_by(entry["Plan"], tables)
    return read


def _read_by(plan: Plan, tables: Sequence[str]) -> int:
    own = 0
    if str(plan.get("Relation Name", "")).startswith(tuple(tables)):
        each = sum(float(plan.get(name) or 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"))
        own = round(each * float(plan.get("Actual Loops") or 0))
    return own + sum(_read_by(child, tables) for child in cast("Sequence[Plan]", plan.get("Plans") or ()))
