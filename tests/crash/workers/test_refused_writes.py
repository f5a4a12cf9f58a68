"""The database refuses the rows of one shard: nothing of that flush is half written, all others go on, and the shard ends when it can."""

from __future__ import annotations

import pytest

from tests.crash.conftest import PURE, MakeServer, proven_once, pure_graph
from tests.kit.processes.real_server import csv_of, wait_until

RECORDS = 2_000

pytestmark = [pytest.mark.slow]


def test_a_refused_row_holds_up_its_shard_alone(make_server: MakeServer) -> None:
    server = make_server(STALLED_AFTER_SECONDS="3")
    server.wait_for_workers()
    server.rows("alter table runs add constraint refused check (finished_ms is null or record_title <> 'Company 777')")
    batch = server.batch(server.tool(pure_graph()), csv_of(RECORDS))
    # Of the refused record's shard, an earlier flush may have ended some runs.
    others = """select count(*) from runs where batch_uuid = %s and finished_ms is null and shard_uuid <>
        (select shard_uuid from runs where batch_uuid = %s and record_title = 'Company 777')"""
    wait_until(lambda: server.get_batch(batch)["executedRunsCount"] >= RECORDS - 200, 60, "all other runs to end")
    wait_until(lambda: server.value(others, batch, batch) == 0, 60, "all other shards to end")
    wait_until(lambda: server.logged("the rows of a shard were refused") >= 2, 30, "another try")
    half = """select count(*) from runs r where r.batch_uuid = %s and
        (r.finished_ms is null) <> (not exists (select 1 from executions e where e.run_uuid = r.uuid))"""
    assert server.value(half, batch) == 0, "something was half written"
    assert server.get_batch(batch)["finishedAt"] is None
    held = server.rows("select r.record_title from runs r where batch_uuid = %s and finished_ms is null", batch)
    assert len(held) <= 200 and "Company 777" in {row["record_title"] for row in held}
    # Single runs share the writer and are not touched.
    found = server.run_finished(server.run(server.tool(pure_graph()), {"_id": "r0", "name": "Acme", "n": 1}), 15)
    assert found["run"]["status"] == "success"
    server.rows("alter table runs drop constraint refused")
    server.finished(batch, 60)
    proven_once(server, batch, RECORDS, PURE)
