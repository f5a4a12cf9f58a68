"""Enrolment: by its rule a record enters once, again and again, or not while an earlier run goes on; exact anyone who else enrols."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter

import psycopg
import pytest

from cargo_ai.engine.dispatch import admission
from cargo_ai.engine.dispatch.admission import Rule
from cargo_ai.kernel import ids

WORKSPACE = ids.new()


async def enter(url: str, workflow: uuid.UUID, rule: Rule, records: list[str], *, live: bool = True) -> list[str]:
    """The records that entered, by one transaction that makes their runs, as an enumerator does."""
    entries = [(ids.new(), record) for record in records]
    async with await psycopg.AsyncConnection.connect(url) as connection:
        skipped = await admission.enter(connection, WORKSPACE, workflow, rule, entries, 1)
        entered = [(run, record) for run, record in entries if run not in skipped]
        for run, record in entered:
            await connection.execute(
                "insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, trace_uuid, record_id, record_title, "
                "record, created_ms, updated_ms, finished_ms) values (%s, %s, %s, %s, %s, %s, %s, '', '{}', 1, 1, %s)",
                (run, WORKSPACE, workflow, run, run, run, record, None if live else 1),
            )
    return [record for _, record in entered]


async def end(url: str, workflow: uuid.UUID) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("update runs set finished_ms = 2 where workflow_uuid = %s", (workflow,))


@pytest.mark.parametrize("rule", ["once", "noConcurrency"])
async def test_of_many_batches_at_once_one_enrols_each_record(database_url: str, rule: Rule) -> None:
    workflow = ids.new()
    # Overlapping, and in different orders: what would deadlock or let two in, would do so here.
    wanted = [[f"r{(at * step + step) % 60}" for at in range(50)] for step in (1, 7, 11, 13, 17, 19)]

    entered = await asyncio.gather(*(enter(database_url, workflow, rule, list(dict.fromkeys(one))) for one in wanted))

    counts = Counter(record for one in entered for record in one)
    assert counts.keys() == {record for one in wanted for record in one}
    assert set(counts.values()) == {1}


async def test_once_is_for_ever_and_no_concurrency_is_until_the_run_has_ended(database_url: str) -> None:
    once, alone = ids.new(), ids.new()

    assert await enter(database_url, once, "once", ["a"]) == ["a"]
    assert await enter(database_url, alone, "noConcurrency", ["a"]) == ["a"]
    assert await enter(database_url, alone, "noConcurrency", ["a", "b"]) == ["b"]
    await end(database_url, once)
    await end(database_url, alone)

    assert await enter(database_url, once, "once", ["a", "b"]) == ["b"]
    assert await enter(database_url, alone, "noConcurrency", ["a", "b"]) == ["a", "b"]


async def test_a_record_twice_in_one_batch_enters_as_the_rule_says(database_url: str) -> None:
    assert await enter(database_url, ids.new(), "once", ["a", "b", "a"]) == ["a", "b"]
    assert await enter(database_url, ids.new(), "noConcurrency", ["a", "b", "a"]) == ["a", "b"]
    assert await enter(database_url, ids.new(), "always", ["a", "b", "a"]) == ["a", "b", "a"]


async def test_a_rule_that_is_changed_knows_what_entered_before(database_url: str) -> None:
    workflow = ids.new()
    await enter(database_url, workflow, "always", ["a"])
    await enter(database_url, workflow, "always", ["a"], live=False)

    assert await enter(database_url, workflow, "noConcurrency", ["a"]) == []
    await end(database_url, workflow)
    assert await enter(database_url, workflow, "noConcurrency", ["a"]) == ["a"]
    assert await enter(database_url, workflow, "once", ["a", "new"]) == ["new"]


async def test_what_enters_one_workflow_is_new_to_another(database_url: str) -> None:
    assert await enter(database_url, ids.new(), "once", ["a"]) == ["a"]
    assert await enter(database_url, ids.new(), "once", ["a"]) == ["a"]
