"""Workers die while groups fan out, run and are gathered: every item exactly once, and the parent goes on exactly once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.crash.conftest import MakeServer, call, end, text
from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, wait_until

pytestmark = [pytest.mark.slow]

ITEMS = 10_000
LEAF = [
    node("start", children=("sized",)),
    node("sized", "variables", ("end",), config={"variables": [text("size", "{{nodes.start.value >= 100 ? 'large' : 'small'}}")]}),
    node("end", config={"variables": [{"name": "id", "type": "any", "value": "{{nodes.start.value}}"}]}),
]


def grouped(items: Any, inner: list[Node]) -> list[Node]:
    """start → loop → end."""
    loop = node("loop", "group", ("end",), config={"items": items, "_nodes": inner})
    given = [{"name": "all", "type": "any", "value": "{{nodes.loop}}"}]
    return [node("start", children=("loop",)), loop, node("end", config={"variables": given})]


def proven_once(server: RealServer, run: str, below: int) -> None:
    """This many runs are below the run, each item of each fan-out once, all ended well, each node executed once, nothing is left over."""
    rows = server.rows("select status, fanout_uuid, item from runs where trace_uuid = %s and uuid <> %s", run, run)
    assert len(rows) == below and {row["status"] for row in rows} == {"success"}
    assert len({(row["fanout_uuid"], row["item"]) for row in rows}) == below
    journal = "select count(*) from executions e join runs r on r.uuid = e.run_uuid where r.trace_uuid = %s group by run_uuid, node_uuid"
    assert server.rows(f"{journal} having count(*) > 1", run) == []
    assert server.value("select count(*) from fanouts where left_count <> 0") == 0
    wait_until(lambda: server.value("select count(*) from shards") == 0, 20, "the shards to be gone")


def ended(server: RealServer, run: str) -> int:
    """How many runs below the run have ended."""
    return int(server.value("select count(*) from runs where trace_uuid = %s and uuid <> %s and finished_ms is not null", run, run))


def test_workers_are_killed_while_a_group_of_ten_thousand_items_runs(make_server: MakeServer) -> None:
    server = make_server()
    server.wait_for_workers()
    run = server.run(server.tool(grouped("{{nodes.start.list}}", LEAF)), {"list": list(range(ITEMS))})
    for part in (0.05, 0.2):
        wait_until(lambda part=part: ended(server, run) >= ITEMS * part, 60, "items to be under way")
        os.kill(server.busy_worker(), signal.SIGKILL)
    found = server.run_finished(run, 120)
    assert found["run"]["status"] == "success", found["run"]["errorMessage"]
    assert found["runContext"]["loop"] == [{"id": at} for at in range(ITEMS)]
    proven_once(server, run, ITEMS)


@pytest.mark.parametrize("point", ["before fan-out:3", "after fan-out:9", "after flush:4", "before shard end:2"])
def test_a_worker_dies_somewhere_in_groups_three_deep(
    make_server: MakeServer, service: CountingService, tmp_path: Path, point: str
) -> None:
    once = tmp_path / "once"
    server = make_server(CRASH_AT=f"{point}@{once}")
    server.wait_for_workers()
    connector = server.connector(service.url)
    leaf = [node("start", children=("ask",)), call("ask", connector, "/{{nodes.start.id}}", ("end",)), end_of("{{nodes.start.id}}")]
    items = "{{[0, 1, 2, 3].map(n => ({id: nodes.start.id + '-' + n}))}}"
    wide = "{{Array.from({length: 60}, (x, n) => ({id: 'r-' + n}))}}"
    workflow = server.tool(grouped(wide, grouped(items, grouped(items, leaf))))
    once.touch()
    run = server.run(workflow, {})
    found = server.run_finished(run, 120)
    assert not once.exists(), "no one died"
    assert found["run"]["status"] == "success", found["run"]["errorMessage"]
    few = range(4)
    wanted = [{"all": [{"all": [{"id": f"r-{a}-{b}-{c}"} for c in few]} for b in few]} for a in range(60)]
    assert found["runContext"]["loop"] == wanted
    proven_once(server, run, 60 + 60 * 4 + 60 * 16)
    # A call may have been repeated, but always under its one key.
    assert len(service.count()) == 60 * 16


def end_of(value: str) -> Node:
    """The end, which gives `id`."""
    return end() | {"config": {"variables": [text("id", value)]}}
