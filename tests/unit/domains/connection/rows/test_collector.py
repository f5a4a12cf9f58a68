"""Collectors: when a call is made, what goes in it, and what falls out before."""

from __future__ import annotations

import asyncio
import time

import pytest

from cargo_ai.domains.connection.rows.collector import CANCELLED
from cargo_ai.engine.graph.action import Done
from cargo_ai.server.processes import event_loop
from tests.unit.domains.connection.rows.rows import Line, request


async def test_a_full_batch_goes_at_once_and_each_row_gets_its_own_outcome() -> None:
    line = Line(linger=60)
    outcomes = await asyncio.wait_for(asyncio.gather(*line.start("a", "b", "c")), 5)
    assert outcomes == [Done("a"), Done("b"), Done("c")] and line.calls == [["a", "b", "c"]]


async def test_a_single_run_is_not_kept_waiting_where_no_other_can_come() -> None:
    line = Line(linger=60, others=0)
    assert await asyncio.wait_for(line.run(request("a")), 5) == Done("a")


async def test_a_row_lingers_while_another_run_may_come_and_no_longer() -> None:
    line = Line(linger=0.1)
    began = time.monotonic()
    first = line.start("a", batch=None)
    await asyncio.sleep(0)
    second = line.start("b", batch=None)
    await asyncio.wait_for(asyncio.gather(*first, *second), 5)
    assert line.calls == [["a", "b"]] and time.monotonic() - began >= 0.1


async def test_rows_go_when_the_last_other_run_has_ended() -> None:
    line = Line(linger=60)
    tasks = line.start("a", "b")
    await asyncio.sleep(0.01)
    assert line.calls == []
    line.in_flight.stop()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert line.calls == [["a", "b"]]


async def test_what_is_under_way_may_bring_others() -> None:
    line = Line(max=2, linger=60, others=0, gate=asyncio.Event())
    tasks = line.start("a", "b", "c")
    await asyncio.sleep(0.02)
    assert line.calls == [["a", "b"]], "c waits: the runs of a and b go on, and may come again"
    assert line.gate is not None
    line.gate.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert line.calls == [["a", "b"], ["c"]]


async def test_while_a_call_waits_for_its_limit_the_next_one_fills() -> None:
    line = Line(max=3, linger=0.01, limit=asyncio.Event())
    tasks = line.start("a")
    await asyncio.sleep(0.03)
    for name in "bcd":
        tasks += line.start(name)
        await asyncio.sleep(0.02)
    assert line.limit is not None
    line.limit.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert line.calls == [["a"], ["b", "c", "d"]]


async def test_bytes_part_a_batch_before_it_is_sent() -> None:
    line = Line(max=10, linger=0.01, most_bytes=120)
    tasks = line.start("a", "b", "c", text="x" * 30) + line.start("d", text="x" * 500)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert line.calls == [["a", "b"], ["c"], ["d"]]


async def test_rows_of_one_key_go_one_after_another() -> None:
    line = Line(max=4, linger=0.01, unique=lambda row: row.config["key"], gate=asyncio.Event())
    tasks = line.start("a1", key="a") + line.start("b1", key="b") + line.start("a2", key="a") + line.start("b2", key="b")
    await asyncio.sleep(0.1)
    assert line.calls == [["a1", "b1"]]
    assert line.gate is not None
    line.gate.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert line.calls == [["a1", "b1"], ["a2", "b2"]]


async def test_a_cancelled_run_drops_out_before_sending() -> None:
    line = Line(linger=0.02)
    tasks = [*line.start("a"), *line.start("b", stands=False), *line.start("c")]
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert outcomes == [Done("a"), CANCELLED, Done("c")] and line.calls == [["a", "c"]]


async def test_a_run_that_is_given_up_takes_its_row_along() -> None:
    line = Line(linger=0.02)
    given_up, *others = line.start("a", "b")
    await asyncio.sleep(0)
    given_up.cancel()
    assert await asyncio.wait_for(asyncio.gather(*others), 5) == [Done("b")] and line.calls == [["b"]]
    line.in_flight.stop()
    assert line.in_flight.is_quiet and line.collector.is_idle


async def test_what_breaks_a_call_reaches_each_run_of_it() -> None:
    line = Line()

    async def broken(_shipment: object) -> list[Done]:
        raise ConnectionError("gone")

    line.collector.send = broken
    outcomes = await asyncio.wait_for(asyncio.gather(*line.start("a", "b", "c"), return_exceptions=True), 5)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    line.in_flight.stop()
    assert line.in_flight.is_quiet and line.collector.is_idle


@pytest.mark.parametrize("count", [250, 1_000])
async def test_many_rows_fill_their_calls(count: int) -> None:
    line = Line(max=100, linger=0.05)
    tasks = line.start(*map(str, range(count)))
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert [name for call in line.calls for name in call] == list(map(str, range(count)))
    assert len(line.calls) == -(-count // 100)


def test_a_call_that_is_due_at_once_stays_due_on_the_workers_event_loop() -> None:
    async def scenario() -> list[list[str]]:
        line = Line(max=3, linger=0.01, limit=asyncio.Event())
        tasks = line.start("a")
        await asyncio.sleep(0.03)
        tasks += line.start("b")
        await asyncio.sleep(0.03)
        assert line.limit is not None
        line.limit.set()
        await asyncio.sleep(0)
        line.collector.when_quiet()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        return line.calls

    assert event_loop.run(scenario()) == [["a"], ["b"]]
