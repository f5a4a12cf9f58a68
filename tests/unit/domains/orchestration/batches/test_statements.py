"""What a request costs the database: workflow, release and play are read once, and the response is not read back."""

from __future__ import annotations

import re
from collections import Counter
from contextvars import ContextVar
from typing import Any

import psycopg
import pytest

from tests.kit.api_client import ApiClient, Body
from tests.kit.graphs import node
from tests.unit.domains.orchestration.plays.test_play import deployed, model, play

STATEMENTS: ContextVar[list[str] | None] = ContextVar("statements", default=None)
TABLES = ("workflows", "releases", "plays", "graphs", "batches", "runs")
LINE = [node("start", children=("end",)), node("end")]


@pytest.fixture(autouse=True)
def record_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement of this task goes into STATEMENTS, if there is a list."""
    execute = psycopg.AsyncCursor[Any].execute

    async def recorded(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        statements = STATEMENTS.get()
        if statements is not None:
            statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", recorded)


async def cost(api: ApiClient, name: str, **fields: Any) -> tuple[int, Counter[str]]:
    """How many statements a request takes, and how many of them touch each of TABLES. Without that of the token: who asks is remembered
    for a second."""
    STATEMENTS.set(statements := [])
    await api.call(name, **fields)
    STATEMENTS.set(None)
    statements = [statement for statement in statements if not re.search(r"\btokens\b", statement)]
    touched = Counter(table for statement in statements for table in TABLES if re.search(rf"\b{table}\b", statement))
    return len(statements), touched


async def test_a_batch_of_a_tool_reads_its_workflow_once(api: ApiClient) -> None:
    tool = (await api.call("orchestration.tool.create", name="Tier"))["tool"]
    await deployed(api, tool, LINE)
    data: Body = {"kind": "records", "records": [{"domain": "a"}]}

    # The workflow with its release and play, the graph, the batch, its job, the audit log; the quotas of files and of outputs; the budget.
    assert await cost(api, "orchestration.batch.create", workflowUuid=tool["workflowUuid"], data=data) == (
        8,
        {"workflows": 1, "releases": 1, "plays": 1, "graphs": 1, "batches": 1},
    )
    assert await cost(api, "orchestration.batch.preview", workflowUuid=tool["workflowUuid"], data=data) == (
        1,
        {"workflows": 1, "releases": 1, "plays": 1},
    )
    await api.call("orchestration.batch.create", nodes=LINE, data=data)
    assert await cost(api, "orchestration.batch.create", nodes=LINE, data=data) == (8, {"workflows": 1, "graphs": 1, "batches": 1})


async def test_a_batch_of_a_play_reads_its_play_with_its_workflow(api: ApiClient) -> None:
    made = await play(api, modelUuid=await model(api))
    await deployed(api, made, LINE)

    _, touched = await cost(api, "orchestration.batch.create", workflowUuid=made["workflowUuid"], data={"kind": "recordIds", "ids": ["x"]})

    assert touched == {"workflows": 1, "releases": 1, "plays": 1, "graphs": 1, "batches": 1}


async def test_a_run_reads_its_workflow_once(api: ApiClient) -> None:
    tool = (await api.call("orchestration.tool.create", name="Tier"))["tool"]
    await deployed(api, tool, LINE)

    # The workflow with the budget; the graph, the run and its shard in one; the audit log.
    assert await cost(api, "orchestration.run.create", workflowUuid=tool["workflowUuid"], data={}) == (
        3,
        {"workflows": 1, "releases": 1, "plays": 1, "graphs": 1, "runs": 1},
    )
