"""A worker dies at a named point of its work, once: every record is exactly once in the results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.conftest import IN_FLIGHT, PURE, effect_graph, proven_once, pure_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import RealServer, csv_of, real_server

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server that is started again for each point, on one database."""
    with real_server(tmp_path_factory.mktemp("points")) as server:
        server.stop()
        yield server


@pytest.fixture
def armed(home: RealServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[RealServer, Path]]:
    """The running server, one of whose workers dies at the point once the file is there. The parameter: point and number of workers."""
    once = tmp_path / "once"
    point, home.workers = request.param
    home.log = tmp_path / "server.log"
    home.start(CRASH_AT=f"{point}@{once}")
    yield home, once
    home.stop()


PURE_POINTS = (
    "before flush:3",
    "after flush:3",
    "before shard end:2",
    "before enumeration commit:2",
    "after enumeration commit:1",
    "after enumeration commit:2",
)
EFFECT_POINTS = ("before effect:5", "after effect:5", "before flush:3", "after flush:3", "before shard end:2")


@pytest.mark.parametrize("armed", [(point, workers) for point in PURE_POINTS for workers in (1, 2)], indirect=True, ids=str)
def test_nothing_is_lost_or_doubled_when_a_worker_dies(armed: tuple[RealServer, Path]) -> None:
    server, once = armed
    server.wait_for_workers()
    workflow = server.tool(pure_graph())
    once.touch()
    batch = server.batch(workflow, csv_of(10_000))
    server.finished(batch, 60)
    assert not once.exists(), "the point was never passed"
    assert server.logged("a process died and is replaced") == 1
    proven_once(server, batch, 10_000, PURE)


@pytest.mark.parametrize("armed", [(point, 2) for point in EFFECT_POINTS], indirect=True, ids=str)
def test_effects_are_repeated_under_the_same_key_at_most(armed: tuple[RealServer, Path], service: CountingService) -> None:
    server, once = armed
    server.wait_for_workers()
    service.latency = 0.1
    workflow = server.tool(effect_graph(server.connector(service.url)))
    once.touch()
    batch = server.batch(workflow, csv_of(600))
    server.finished(batch, 60)
    assert not once.exists(), "the point was never passed"
    proven_once(server, batch, 600, ("start", "first", "end"))
    counted = service.count()
    assert len(counted) == 600 and "" not in counted
    # A worker has two slots.
    assert len(service.repeated()) <= 2 * IN_FLIGHT and max(counted.values()) <= 2


@pytest.mark.parametrize("armed", [("after effect:1", 2)], indirect=True, ids=str)
def test_a_single_run_survives_the_death_of_its_worker_after_the_effect(armed: tuple[RealServer, Path], service: CountingService) -> None:
    server, once = armed
    server.wait_for_workers()
    workflow = server.tool(effect_graph(server.connector(service.url)))
    once.touch()
    found = server.run_finished(server.run(workflow, {"_id": "r0"}), 30)
    assert found["run"]["status"] == "success" and found["runContext"]["end"] == {"id": "r0"}
    assert [entry["nodeSlug"] for entry in found["run"]["executions"]] == ["start", "first", "end"]
    assert list(service.count().values()) == [2]
