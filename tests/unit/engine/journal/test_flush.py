"""The journal's one transaction: what it writes, for whom it refuses to write, and that no text breaks it."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from cargo_ai.engine.graph.action import Usage
from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.copy_format import escape
from cargo_ai.engine.journal.flush import is_written, new_flush_id, write
from cargo_ai.engine.journal.shard_flush import NIL, HeldShard, RunUpdate, ShardFlush
from cargo_ai.kernel import clock
from tests.kit.property_examples import examples
from tests.unit.engine.conftest import EngineHarness

Link = psycopg.AsyncConnection[Any]
SEQ = count()
NASTY = [
    "tab\t newline\n return\r feed\f bell\b vertical\v",
    "\\ \\\\ \\n \\t \\N \\. \\x41 \\101",
    "\\.",
    "\\N",
    "",
    " ",
    'quotes " \' "" {} {a,b} , ; NULL null',
    "é 会社 🎉 \u2028 \u2029 \x7f \x01",
    "line\n\\.\nline",
]


def entry(seq: int = 0, **more: Any) -> Execution:
    """An execution of node a, in success."""
    made = Execution(seq, "a", "a", 1, "success", 0, "b", "done", None, (), b'{"x":1}', b"{}", 0.0, 1_000, 2_000, False)
    return made._replace(**({"usage": Usage("native.a")} if more.get("credits") else {}) | more)


def now() -> int:
    return clock.now_ms()


async def flush(link: Link, *parts: ShardFlush, slot: int = 0) -> uuid.UUID:
    """Write parts in one flush."""
    flush = new_flush_id()
    await write(link, list(parts), flush, slot, now())
    return flush


def part(
    shard: HeldShard,
    harness: EngineHarness,
    run: uuid.UUID,
    *entries: Execution,
    state: RunUpdate | None = None,
    batch: uuid.UUID | None = None,
) -> ShardFlush:
    """What the writer gathers of one shard."""
    made = ShardFlush(shard)
    for one in entries:
        made.executions.append((str(run), one, None))
        made.count(harness.counts_for(batch), one)
    if state is not None:
        made.updates.append(state)
        if state.status == "idle" and state.position:
            made.count_parked(harness.counts_for(batch), state.position)
    return made


async def test_an_execution_and_the_end_of_its_run_are_written_together(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run({"domain": "acme.com"})
    shard = await harness.held(run)
    ended = RunUpdate(str(run), "error", 5_000, "a: no", credits=1.5)
    failed = entry(status="error", child=None, next=None, error="no", title="❌ no", warnings=("one", "two"), credits=1.5)
    await flush(connection, part(shard, harness, run, failed, state=ended))
    row = await harness.row("select * from execution_rows where run_uuid = %s", run)
    assert row == {
        "run_uuid": run,
        "seq": 0,
        "workspace_uuid": harness.workspace,
        "node_uuid": "a",
        "node_slug": "a",
        "visit": 1,
        "status": "error",
        "child_index": None,
        "next_node_uuid": None,
        "title": "❌ no",
        "error_message": "no",
        "reason": None,
        "operation": None,
        "external_id": None,
        "warnings": ["one", "two"],
        "attempts": None,
        "log": None,
        "output": {"x": 1},
        "output_file": None,
        "config": {},
        "credits": 1.5,
        "started_ms": 1_000,
        "finished_ms": 2_000,
        "is_dropped": False,
    }
    row = await harness.row("select status, error_message, credits, finished_ms, updated_ms from runs where uuid = %s", run)
    assert row == {"status": "error", "error_message": "a: no", "credits": 1.5, "finished_ms": 5_000, "updated_ms": 5_000}
    row = await harness.row("select executed, failed, cancelled, credits from shards where uuid = %s", shard.uuid)
    assert row == {"executed": 1, "failed": 1, "cancelled": 0, "credits": 1.5}


async def test_a_parked_run_is_where_and_until_when_it_waits(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    parked = RunUpdate(
        str(run), "idle", 5_000, position="a", wake=9_000, pending={"attempt": 2, "throttled": 0, "meta": {"c": 1}, "resumed": True}
    )
    await flush(connection, part(shard, harness, run, state=parked))
    row = await harness.row("select status, position, wake_ms, pending, finished_ms from runs where uuid = %s", run)
    assert row == {"status": "idle", "position": "a", "wake_ms": 9_000, "pending": parked.pending, "finished_ms": None}
    assert (await harness.row("select executed, failed, cancelled from shards where uuid = %s", shard.uuid)) == {
        "executed": 0,
        "failed": 0,
        "cancelled": 0,
    }


async def test_a_stale_owner_writes_nothing_and_the_others_of_its_flush_do(harness: EngineHarness, connection: Link) -> None:
    lost, kept = await harness.run(), await harness.run()
    stale, held = await harness.held(lost), await harness.held(kept)
    await harness.claimed(stale.uuid, "another worker")
    ends = [RunUpdate(str(run), "success", 1) for run in (lost, kept)]
    await flush(connection, part(stale, harness, lost, entry(), state=ends[0]), part(held, harness, kept, entry(), state=ends[1]))
    assert (stale.lost, held.lost) == (True, False)
    assert await harness.rows("select 1 from executions where run_uuid = %s", lost) == []
    assert (await harness.row("select status from runs where uuid = %s", lost))["status"] == "pending"
    assert (await harness.row("select executed from shards where uuid = %s", stale.uuid))["executed"] == 0
    assert len(await harness.rows("select 1 from executions where run_uuid = %s", kept)) == 1
    assert (await harness.row("select sum(total) as total from node_metrics where workspace_uuid = %s", harness.workspace))["total"] == 1


async def test_a_shard_that_is_no_longer_running_takes_nothing(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    await harness.do("update shards set state = 'done' where uuid = %s", shard.uuid)
    await flush(connection, part(shard, harness, run, entry()))
    assert shard.lost
    assert await harness.rows("select 1 from executions where run_uuid = %s", run) == []


async def test_whether_a_flush_was_written_can_be_asked_afterwards(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    parts = [part(await harness.held(run), harness, run, entry())]
    first = new_flush_id()
    assert not await is_written(connection, parts, first)
    await write(connection, parts, first, 0, now())
    assert await is_written(connection, parts, first)
    assert not await is_written(connection, parts, new_flush_id())


async def test_a_flush_that_fails_in_the_middle_leaves_nothing(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await flush(connection, part(shard, harness, run, entry(0), entry(0), state=RunUpdate(str(run), "success", 1)))
    assert await harness.rows("select 1 from executions where run_uuid = %s", run) == []
    assert await harness.rows("select 1 from node_metrics where workspace_uuid = %s", harness.workspace) == []
    assert (await harness.row("select executed from shards where uuid = %s", shard.uuid))["executed"] == 0


async def test_counts_add_up_over_flushes_runs_and_writers(harness: EngineHarness, connection: Link) -> None:
    one, two = await harness.run(), await harness.run()
    first, second = await harness.held(one), await harness.held(two)
    bad = entry(1, node="b", status="error", error="no")
    await flush(connection, part(first, harness, one, entry(credits=1.0), bad), part(second, harness, two, entry(credits=0.5)))
    await flush(connection, part(first, harness, one, entry(2, visit=2, credits=0.25)), slot=7)
    found = await harness.rows(
        "select node_uuid, sum(total)::int as total, sum(success)::int as success, sum(error)::int as error, sum(credits) as credits, "
        "count(*) as rows, min(release_uuid::text) as release, min(batch_uuid::text) as batch from node_metrics "
        "where workspace_uuid = %s group by node_uuid order by node_uuid",
        harness.workspace,
    )
    shared = {"release": str(harness.release), "batch": str(NIL)}
    assert found == [
        {"node_uuid": "a", "total": 3, "success": 3, "error": 0, "credits": 1.75, "rows": 2, **shared},
        {"node_uuid": "b", "total": 1, "success": 0, "error": 1, "credits": 0.0, "rows": 1, **shared},
    ]


async def test_executions_are_usage_of_their_workflow_and_connector_whatever_they_cost(harness: EngineHarness, connection: Link) -> None:
    run, connector = await harness.run(), uuid.uuid4()
    shard = await harness.held(run)
    called = entry(1, service=("hunter", str(connector)))
    for entries in ((entry(), called), (called._replace(status="error"), called._replace(service=("hunter", None)))):
        await flush(connection, part(shard, harness, run, *(one._replace(seq=next(SEQ)) for one in entries)))
    query = """
        select l.unit, l.slug, l.workflow_uuid, l.integration_slug, l.connector_uuid, u.day::text, sum(u.count)::int, sum(u.amount)::int
        from ledger_usage u join ledger_labels l on l.uuid = u.label_uuid where u.workspace_uuid = %s group by 1, 2, 3, 4, 5, 6
    """
    rows = await (await connection.execute(query, (harness.workspace,))).fetchall()
    unit, day = "orchestration.executions", "1970-01-01"
    assert sorted(rows, key=str) == sorted(
        [
            (unit, "success", harness.workflow, None, None, day, 1, 0),
            (unit, "success", harness.workflow, "hunter", connector, day, 1, 0),
            (unit, "success", harness.workflow, "hunter", None, day, 1, 0),
            (unit, "error", harness.workflow, "hunter", connector, day, 1, 0),
        ],
        key=str,
    )


@pytest.mark.parametrize("text", NASTY)
async def test_text_of_any_kind_comes_back_as_it_was(harness: EngineHarness, connection: Link, text: str) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    made = entry(
        node=text,
        slug=text,
        next=text or "x",
        title=text,
        status="error",
        error=text,
        warnings=(text, "plain", text),
        output=to_json({text: text}),
        config=to_json([text]),
    )
    state = RunUpdate(str(run), "error", 1, error=text, position=None)
    await flush(connection, part(shard, harness, run, made, state=state))
    row = await harness.row("select * from execution_rows where run_uuid = %s", run)
    shown = (row["node_uuid"], row["node_slug"], row["title"], row["error_message"], row["warnings"], row["output"], row["config"])
    assert shown == (text, text, text, text, [text, "plain", text], {text: text}, [text])
    assert (await harness.row("select error_message from runs where uuid = %s", run))["error_message"] == text


async def test_nul_is_dropped_from_texts_and_kept_in_json(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run({"_id": "a\0b", "name": "n\0m"})
    shard = await harness.held(run)
    made = entry(title="t\0t", status="error", error="e\0e", warnings=("w\0w",), output=to_json("o\0o"))
    await flush(connection, part(shard, harness, run, made, state=RunUpdate(str(run), "error", 1, error="e\0e")))
    row = await harness.row("select title, error_message, warnings, output from executions where run_uuid = %s", run)
    assert row == {"title": "tt", "error_message": "ee", "warnings": ["ww"], "output": "o\0o"}
    row = await harness.row("select record_id, record_title, record, error_message from runs where uuid = %s", run)
    assert row == {"record_id": "ab", "record_title": "nm", "record": {"_id": "a\0b", "name": "n\0m"}, "error_message": "ee"}


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=20))
def test_what_is_escaped_for_copy_is_one_field_of_one_line(texts: list[str]) -> None:
    line = "\t".join(escape(text) for text in texts)
    assert "\n" not in line and "\r" not in line and line.count("\t") == len(texts) - 1
    back = [
        field.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("\0", "\\")
        for field in line.split("\t")
    ]
    assert back == texts


async def test_an_output_in_a_file_leaves_its_key_in_the_row(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    made = ShardFlush(await harness.held(run))
    made.executions.append((str(run), entry(), "workspace/outputs/1.json"))
    await flush(connection, made)
    row = await harness.row("select output, output_file from executions where run_uuid = %s", run)
    assert row == {"output": None, "output_file": "workspace/outputs/1.json"}


async def test_more_than_50_warnings_are_cut(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    await flush(connection, part(await harness.held(run), harness, run, entry(warnings=tuple(str(at) for at in range(80)))))
    row = await harness.row("select warnings from executions where run_uuid = %s", run)
    assert row["warnings"] == [str(at) for at in range(50)]


async def test_a_flush_brings_signals_and_cancellations_to_the_shard(harness: EngineHarness, connection: Link) -> None:
    batch = await harness.batch(1)
    (row,) = await harness.shards(batch)
    _, shard = await harness.claimed(row["uuid"])
    await flush(connection, ShardFlush(shard))
    assert (shard.signal, shard.cancelling) == (0, False)
    await harness.do("update shards set signal = 3 where uuid = %s", shard.uuid)
    await harness.do("update batches set status = 'cancelling' where uuid = %s", batch)
    shard.suspect = "run:node"
    await flush(connection, ShardFlush(shard))
    assert (shard.signal, shard.cancelling) == (3, True)
    assert (await harness.row("select suspect from shards where uuid = %s", shard.uuid))["suspect"] == "run:node"


async def test_a_run_that_was_asked_to_cancel_while_it_parks_is_woken_at_once(harness: EngineHarness, connection: Link) -> None:
    run = await harness.run()
    shard = await harness.held(run)
    await harness.do("update runs set status = 'cancelling' where uuid = %s", run)
    await flush(connection, part(shard, harness, run, state=RunUpdate(str(run), "idle", 5_000, position="a", wake=10**15)))
    assert (await harness.row("select status, wake_ms from runs where uuid = %s", run)) == {"status": "cancelling", "wake_ms": 5_000}


async def test_those_who_waits_for_a_single_run_is_reported_its_end_and_no_one_hears_of_runs_of_batches(
    harness: EngineHarness, connection: Link, engine_url: str
) -> None:
    single = await harness.run()
    batch = await harness.batch(1)
    (of_batch,) = await harness.runs(batch)
    held = await harness.held(single)
    _, shard = await harness.claimed(of_batch["shard_uuid"])
    async with await psycopg.AsyncConnection[Any].connect(engine_url, autocommit=True) as listener:
        await listener.execute("listen cargo_done")
        await flush(
            connection,
            part(shard, harness, of_batch["uuid"], state=RunUpdate(str(of_batch["uuid"]), "success", 1)),
            part(held, harness, single, state=RunUpdate(str(single), "success", 1)),
        )
        await connection.execute("notify cargo_done, 'last'")
        heard = [note.payload async for note in listener.notifies(timeout=60, stop_after=2)]
    assert heard == [str(single), "last"]


async def test_the_id_of_a_record_is_its_own_or_the_runs(harness: EngineHarness) -> None:
    made: dict[Any, str] = {}
    for value in ("x", 42, 1.5, True, {"a": 1}, "", None):
        run = await harness.run({"_id": value})
        found = await harness.row("select record_id from runs where uuid = %s", run)
        made[str(value)] = "run" if found["record_id"] == str(run) else found["record_id"]
    assert made == {"x": "x", "42": "42", "1.5": "1.5", "True": "true", "{'a': 1}": '{"a":1}', "": "run", "None": "run"}


@pytest.mark.parametrize(
    ("record", "title"),
    [
        ({"_title": "T", "name": "N"}, "T"),
        ({"name": "N", "email": "e"}, "N"),
        ({"name": "", "email": "e@x", "domain": "d"}, "e@x"),
        ({"name": ["no"], "domain": "d.com"}, "d.com"),
        ({"name": 7}, "7"),
        ({"other": 1}, ""),
        ({"name": "x" * 300}, "x" * 200),
    ],
)
async def test_the_title_of_a_record_is_the_first_of_four_fields(harness: EngineHarness, record: Any, title: str) -> None:
    run = await harness.run(record)
    assert (await harness.row("select record_title from runs where uuid = %s", run))["record_title"] == title


async def test_a_graph_is_stored_once_per_workspace_and_content(harness: EngineHarness) -> None:
    one, two = await harness.run(), await harness.run()
    rows = await harness.rows("select distinct graph_uuid from runs where uuid = any(%s)", [one, two])
    assert len(rows) == 1
    other = EngineHarness(harness.pool, harness.queue, harness.sources)
    three = await other.run()
    assert (await harness.row("select graph_uuid from runs where uuid = %s", three)) != rows[0]
