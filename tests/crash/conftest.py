"""Real servers to be killed, a service that counts, and the graphs that go through both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.kit.graphs import Node, node
from tests.kit.peers.counting_service import CountingService, counting_service
from tests.kit.processes.real_server import RealServer, real_server

MakeServer = Callable[..., RealServer]


def text(name: str, value: str) -> dict[str, str]:
    """A variable."""
    return {"name": name, "type": "string", "value": value}


def pure_graph() -> list[Node]:
    """Five native nodes: start, variables, branch, variables, end; `end` gives `id` and `size`."""
    return [
        node("start", children=("greet",)),
        node("greet", "variables", ("is_even",), config={"variables": [text("hello", "Hello {{nodes.start.name}}")]}),
        node("is_even", "branch", ("sized", "sized"), config={"condition": "{{nodes.start.n >= 100}}"}),
        node("sized", "variables", ("end",), config={"variables": [text("size", "{{nodes.start.n >= 100 ? 'large' : 'small'}}")]}),
        node("end", config={"variables": [text("id", "{{nodes.start._id}}"), text("size", "{{nodes.sized.size}}")]}),
    ]


def call(slug: str, connector: str, path: str, children: tuple[str | None, ...], **more: Any) -> Node:
    """A node that calls the service."""
    return node(
        slug,
        "request",
        children,
        kind="connector",
        integrationSlug="http",
        connectorUuid=connector,
        config={"method": "POST", "url": path},
        retry={"maximumAttempts": 3, "initialInterval": 100, "backoffCoefficient": 2},
        **more,
    )


def end() -> Node:
    """The end, which gives `id`."""
    return node("end", config={"variables": [text("id", "{{nodes.start._id}}")]})


def effect_graph(connector: str) -> list[Node]:
    """start → one call → end."""
    return [node("start", children=("first",)), call("first", connector, "/first/{{nodes.start._id}}", ("end",)), end()]


def two_effects_graph(connector: str) -> list[Node]:
    """start → a call → another call → end."""
    return [
        node("start", children=("first",)),
        call("first", connector, "/first/{{nodes.start._id}}", ("second",)),
        call("second", connector, "/second/{{nodes.start._id}}", ("end",)),
        end(),
    ]


def delay_graph(minutes: float) -> list[Node]:
    """start → delay → end."""
    return [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": minutes}), end()]


def proven_once(server: RealServer, batch: str, records: int, nodes: tuple[str, ...]) -> None:
    """Every record is exactly once in the results and in the journal, and nothing of the batch is left over."""
    found = server.get_batch(batch)
    assert (found["status"], found["runsCount"], found["executedRunsCount"], found["failedRunsCount"]) == (
        "success",
        records,
        records,
        0,
    ), found
    rows = server.results(batch)
    assert sorted(row["recordId"] for row in rows) == sorted(f"r{at}" for at in range(records))
    assert all(row["status"] == "success" and row["output"]["id"] == row["recordId"] for row in rows)
    journal = server.executed(batch)
    assert len(journal) == records
    wanted = dict.fromkeys(nodes, 1)
    wrong = {run: counts for run, counts in journal.items() if counts != wanted}
    assert not wrong, list(wrong.items())[:3]
    metrics = server.rows("select node_uuid, sum(total)::int as total from node_metrics where batch_uuid = %s group by 1", batch)
    assert {row["node_uuid"]: row["total"] for row in metrics} == dict.fromkeys(nodes, records)
    assert server.value("select count(*) from shards where batch_uuid = %s", batch) == 0


IN_FLIGHT = 200
"""The most calls that the death of a worker with one slot may repeat: 100 runs that wait for an answer, and as many whose answer has come
and is not durable yet (the group commit waits up to 50 ms)."""

PURE = ("start", "greet", "is_even", "sized", "end")


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Starts real servers, each in its folder; all are erased at the end."""
    with ExitStack() as stack:
        numbers = iter(range(100))

        def make(*, workers: int = 2, data_dir: Path | None = None, **environment: str) -> RealServer:
            folder = tmp_path / f"server{next(numbers)}"
            folder.mkdir()
            return stack.enter_context(real_server(folder, workers=workers, data_dir=data_dir, **environment))

        yield make


@pytest.fixture
def service() -> Iterator[CountingService]:
    """A service that counts calls."""
    with counting_service() as made:
        yield made
