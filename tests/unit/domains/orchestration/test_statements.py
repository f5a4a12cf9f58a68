"""What one request costs the database: the workflow, its release and its play are looked up once."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

import psycopg
import pytest

from tests.unit.domains.orchestration.conftest import Asker, Body
from tests.unit.domains.orchestration.test_play import deployed, model, play

STATEMENTS: ContextVar[list[str] | None] = ContextVar("statements", default=None)
TABLES = ("workflows", "releases", "plays", "graphs", "batches", "runs")


@pytest.fixture(autouse=True)
def record_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement of this task goes into STATEMENTS."""
    execute = psycopg.AsyncCursor[Any].execute

    async def recorded(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        statements = STATEMENTS.get()
        if statements is not None:
            statements.append(" ".join(str(query).split()))
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", recorded)


async def cost(asker: Asker, name: str, **fields: Any) -> tuple[int, Body]:
    """How many statements a request takes, and how many of them read or write each of TABLES."""
    STATEMENTS.set(statements := [])
    await asker.ask(name, **fields)
    STATEMENTS.set(None)
    for one in statements:
        print("   ", one[:260])
    counts = {table: sum(bool(re.search(rf"\b{table}\b", statement)) for statement in statements) for table in TABLES}
    print(name, len(statements), counts)
    return len(statements), counts


async def test_a_batch_of_a_tool(asker: Asker, graph: list[Body]) -> None:
    tool, _ = await asker.deployed(graph)
    data = {"kind": "records", "records": [{"domain": "a"}]}
    fields: Body = {"workflowUuid": tool["workflowUuid"], "data": data}
    await cost(asker, "orchestration.batch.create", **fields)
    print("inline")
    await cost(asker, "orchestration.batch.create", nodes=graph, data=data)
    print("run")
    await cost(asker, "orchestration.run.create", workflowUuid=tool["workflowUuid"], data={})
    print("preview")
    await cost(asker, "orchestration.batch.preview", workflowUuid=tool["workflowUuid"], data=data)


async def test_a_batch_of_a_play(asker: Asker, graph: list[Body]) -> None:
    made = await play(asker, modelUuid=await model(asker))
    await deployed(asker, made, graph)
    print("play segment")
    await cost(
        asker, "orchestration.batch.create", workflowUuid=made["workflowUuid"], data={"kind": "segment", "segmentUuid": made["segmentUuid"]}
    )
    print("play ids")
    await cost(asker, "orchestration.batch.create", workflowUuid=made["workflowUuid"], data={"kind": "recordIds", "ids": ["x"]})
