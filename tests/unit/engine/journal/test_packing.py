"""Packed executions read as rows do, and only those are packed of which a pack says everything."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg
import pytest

from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal import graphs, packing
from cargo_ai.engine.journal.packing import KnownPaths, Row
from cargo_ai.kernel import clock, ids
from tests.unit.engine.conftest import EngineHarness

Link = psycopg.AsyncConnection[Any]
WORKSPACE = uuid.UUID(int=7)
NOW = 2_000_000_000_000
TITLES = ("", "✅ matched", 'quotes " \\ {a,b}', "line\n\ttab", "NULL", "会社 🎉\x00")


def executions_of(number: int, *, first: int = 0, nodes: int = 3) -> list[Execution]:
    """Successive executions of a run, whose titles and outputs differ from those of other runs."""
    return [
        Execution(
            first + at,
            f"node-{at}",
            f"slug{at}",
            1,
            "success",
            0 if at < nodes - 1 else None,
            f"node-{at + 1}" if at < nodes - 1 else None,
            TITLES[(number + at) % len(TITLES)],
            None,
            (),
            json.dumps({"n": number, "text": '\\ " \n é \u2028'}).encode(),
            json.dumps({"at": [at, None, {}]}).encode(),
            0.25 * at,
            NOW + number + at,
            NOW + number + 2 * at,
            False,
        )
        for at in range(nodes)
    ]


def rows_of(runs: int, **more: Any) -> list[Row]:
    rows: list[Row] = []
    for number in range(runs):
        run = str(ids.new())
        rows += [(run, execution, None) for execution in executions_of(number, **more)]
    return rows


async def store(connection: Link, rows: list[Row], known: KnownPaths | None = None) -> packing.Packed:
    async with connection.transaction():
        packed = packing.pack([(WORKSPACE, rows, True)], known or KnownPaths(), NOW)
        await packing.write(connection, packed, NOW)
    return packed


async def test_packed_executions_read_as_they_were_given(harness: EngineHarness, connection: Link) -> None:
    rows = rows_of(200, first=4)
    packed = await store(connection, rows)
    assert packed.rows == [(WORKSPACE, [])]
    assert len(packed.bodies) == 3, "200 runs of three executions are 600, 250 to a body at most"
    shown = await harness.rows(
        "select * from executions where run_uuid = any(%s) order by run_uuid, seq", [uuid.UUID(row[0]) for row in rows]
    )
    assert len(shown) == 600
    for (run, given, _), row in zip(rows, shown, strict=True):
        assert row == {
            "run_uuid": uuid.UUID(run),
            "seq": given.seq,
            "workspace_uuid": WORKSPACE,
            "node_uuid": given.node,
            "node_slug": given.slug,
            "visit": 1,
            "status": "success",
            "child_index": given.child,
            "next_node_uuid": given.next,
            "title": given.title.replace("\x00", ""),
            "error_message": None,
            "reason": None,
            "operation": None,
            "external_id": None,
            "warnings": None,
            "attempts": None,
            "log": None,
            "output": json.loads(given.output),
            "output_file": None,
            "config": json.loads(given.config),
            "credits": given.credits,
            "started_ms": given.started,
            "finished_ms": given.finished,
            "packed_ms": rows[0][1].started + json.loads(given.output)["n"],
            "is_dropped": False,
        }


@pytest.mark.parametrize(
    "more",
    [
        {"status": "error", "error": "no", "reason": "refused"},
        {"warnings": ("careful",)},
        {"finished": NOW + 40_000},
        {"output": b'"' + b"x" * 9_000 + b'"'},
        {"attempts": 2},
        {"log": "printed"},
        {"seq": 9},
    ],
)
def test_a_run_with_anything_that_a_pack_cannot_say_stays_rows(more: dict[str, Any]) -> None:
    rows = rows_of(5)
    rows[4] = (rows[4][0], rows[4][1]._replace(**more), None)
    packed = packing.pack([(WORKSPACE, rows, True)], KnownPaths(), NOW)
    assert packed.rows == [(WORKSPACE, rows[3:6])]
    assert len(packed.runs) == 4


def test_runs_that_cost_differently_take_different_paths() -> None:
    rows = rows_of(8)
    cheap = [(run, execution._replace(credits=1.0), None) for run, execution, _ in rows[12:]]
    packed = packing.pack([(WORKSPACE, rows[:12] + cheap, True)], KnownPaths(), NOW)
    assert packed.rows == [(WORKSPACE, [])]
    assert [[step[5] for step in path] for _, path in packed.paths.values()] == [[0.0, 0.25, 0.5], [1.0, 1.0, 1.0]]


def test_large_outputs_and_runs_without_a_batch_stay_rows() -> None:
    rows = rows_of(4)
    assert packing.pack([(WORKSPACE, rows, False)], KnownPaths(), NOW).rows == [(WORKSPACE, rows)]
    rows[0] = (rows[0][0], rows[0][1], "ws/outputs/1")
    assert packing.pack([(WORKSPACE, rows, True)], KnownPaths(), NOW).rows == [(WORKSPACE, rows[:3])]


def test_a_path_is_stored_where_runs_share_it_and_used_again_for_a_day() -> None:
    known, one = KnownPaths(), rows_of(1)
    assert packing.pack([(WORKSPACE, one, True)], known, NOW).rows == [(WORKSPACE, one)], "no other run takes it"
    many = packing.pack([(WORKSPACE, rows_of(3), True)], known, NOW)
    assert len(many.paths) == 1
    known.add(many.paths, NOW)
    assert not packing.pack([(WORKSPACE, one, True)], known, NOW + 1).paths
    assert packing.pack([(WORKSPACE, one, True)], known, NOW + 1).runs
    assert packing.pack([(WORKSPACE, rows_of(3), True)], known, NOW + packing.RENEW_MS).paths, "it is stored again, so that it stays"
    assert packing.pack([(uuid.UUID(int=8), rows_of(3), True)], known, NOW).paths, "another workspace has its own"


async def test_paths_that_no_packed_execution_has_are_removed_after_a_week(connection: Link) -> None:
    await store(connection, rows_of(3))
    await store(connection, rows_of(3, nodes=2))
    await connection.execute("update path_steps set stored_ms = %s", (clock.now_ms() - graphs.KEEP_MS - 1,))
    await connection.execute("delete from packed_executions where cardinality(times) = 4")
    await connection.set_autocommit(True) if not connection.autocommit else None
    await graphs.remove_unused_paths(connection)
    left = await (await connection.execute("select count(*) from path_steps where workspace_uuid = %s", (WORKSPACE,))).fetchone()
    assert left == (3,)
