"""Children are kept warm, retired, evicted and replaced; a workspace has this many busy ones at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.expression import EngineExpression
from cargo_ai.expression.evaluator import SCRIPTS_PER_WORKSPACE, Evaluator
from cargo_ai.expression.sandbox import host
from cargo_ai.expression.sandbox import pool as pools
from cargo_ai.expression.sandbox.host import refusal
from cargo_ai.expression.sandbox.pool import Limits, Pool
from cargo_ai.kernel import clock
from tests.kit.sandbox import python, script, value

SCOPE: dict[str, Any] = {"nodes": {"a": 1}, "parentNodes": {}}
LIMITS = Limits(megabytes=384, cpu_seconds=60, retire_seconds=30, wall_seconds=10)


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    """An evaluator of one test."""
    made = Evaluator(javascript=LIMITS, python=Limits(megabytes=128, cpu_seconds=20, retire_seconds=0.0, wall_seconds=10))
    yield made
    await made.close()


def _pool(evaluator: Evaluator) -> Pool:
    return evaluator._javascript  # pyright: ignore[reportPrivateUsage]


async def _until(holds: Callable[[], bool]) -> None:
    deadline = clock.seconds() + 60
    while not holds():
        assert clock.seconds() < deadline
        await asyncio.sleep(0.01)


async def test_a_workspace_keeps_its_child(evaluator: Evaluator) -> None:
    await value(evaluator, "nodes.a + 1", SCOPE)
    first = dict(_pool(evaluator).idle())
    await value(evaluator, "nodes.a + 2", SCOPE)
    assert {key: child.pid for key, child in _pool(evaluator).idle()} == {key: child.pid for key, child in first.items()}


async def test_a_child_that_has_worked_enough_is_replaced(evaluator: Evaluator) -> None:
    first = await python(evaluator, "import os\nresult = os.getpid()", SCOPE)
    second = await python(evaluator, "import os\nresult = os.getpid()", SCOPE)
    assert first.value != second.value


async def test_idle_children_are_ended_after_a_while(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.05)
    await value(evaluator, "nodes.a + 1", SCOPE)
    await _until(lambda: not _pool(evaluator).idle())
    assert await value(evaluator, "nodes.a + 1", SCOPE) == 2


async def test_only_so_many_children_are_kept(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_IDLE", 3)
    for number in range(6):
        await value(evaluator, "nodes.a + 1", SCOPE, workspace=f"w{number}")
    assert [key[0] for key, _ in _pool(evaluator).idle()] == ["w3", "w4", "w5"]  # type: ignore[index]


async def test_a_child_that_was_killed_is_replaced(evaluator: Evaluator) -> None:
    await value(evaluator, "nodes.a + 1", SCOPE)
    zygote = _pool(evaluator)._zygote  # pyright: ignore[reportPrivateUsage]
    assert zygote is not None
    ((_, child),) = _pool(evaluator).idle()
    await zygote.kill(child.pid)
    assert await value(evaluator, "nodes.a + 1", SCOPE) == 2


async def test_a_zygote_that_was_killed_is_replaced_and_takes_its_children_along(evaluator: Evaluator) -> None:
    await value(evaluator, "nodes.a + 1", SCOPE)
    zygote = _pool(evaluator)._zygote  # pyright: ignore[reportPrivateUsage]
    assert zygote is not None
    process = zygote._process  # pyright: ignore[reportPrivateUsage]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    ((_, child),) = _pool(evaluator).idle()
    await _until(lambda: not child.is_idle)  # its end of the socket closes when it dies
    assert await value(evaluator, "nodes.a + 1", SCOPE) == 2
    assert _pool(evaluator)._zygote is not zygote  # pyright: ignore[reportPrivateUsage]


def _family(evaluator: Evaluator) -> list[int]:
    """The pids of the JavaScript zygote and of all below it, as this machine counts them."""
    zygote = _pool(evaluator)._zygote  # pyright: ignore[reportPrivateUsage]
    assert zygote is not None
    family = [zygote._process.pid]  # pyright: ignore[reportPrivateUsage]
    for pid in family:
        family += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return family


BUSY = "const end = Date.now() + 800; while (Date.now() < end) {} 7"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_what_is_being_answered_is_answered_by_another_child_when_its_own_or_the_zygote_is_killed(evaluator: Evaluator) -> None:
    await script(evaluator, "1", SCOPE)
    for at in (0, -1):
        busy = asyncio.create_task(evaluator.script("busy", BUSY, SCOPE))
        await asyncio.sleep(0.3)
        os.kill(_family(evaluator)[at], signal.SIGKILL)
        assert (await busy).value == 7


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_zygote_and_a_child_that_hang_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CONTROL_SECONDS", 0.5)
    evaluator = Evaluator(javascript=replace(LIMITS, wall_seconds=1))
    try:
        for hangs in ("child", "zygote"):
            assert await value(evaluator, "nodes.a + 1", SCOPE) == 2
            family = _family(evaluator)
            for pid in family[-1:] if hangs == "child" else family[:-1]:
                os.kill(pid, signal.SIGSTOP)
            assert await value(evaluator, "nodes.a + 2", SCOPE) == 3
            assert await value(evaluator, "nodes.a + 3", SCOPE, workspace=hangs) == 4
            await _until(lambda family=family: not Path(f"/proc/{family[-1]}").exists())
    finally:
        await evaluator.close()


async def test_scripts_of_one_workspace_wait_for_their_turn_and_those_of_others_do_not(evaluator: Evaluator) -> None:
    await script(evaluator, "1", SCOPE)
    busy = [asyncio.create_task(evaluator.script("busy", "for (;;) {}", SCOPE)) for _ in range(SCRIPTS_PER_WORKSPACE)]
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(evaluator.script("busy", "1", SCOPE)) for _ in range(3)]
    await asyncio.sleep(0)
    other = await evaluator.script("other", "2", SCOPE)
    assert other.value == 2
    assert not any(task.done() for task in busy + waiting)
    for task in busy:
        task.cancel()
    assert [(await task).value for task in waiting] == [1] * 3


async def test_those_who_gives_up_waiting_leaves_the_lane_in_order(evaluator: Evaluator) -> None:
    await value(evaluator, "1 + 1", SCOPE)
    slow = asyncio.create_task(evaluator.ask("workspace", SCOPE, [EngineExpression("(() => { for (;;) {} })()")]))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(evaluator.ask("workspace", SCOPE, [EngineExpression(f"nodes.a + {number}")])) for number in range(5)]
    await asyncio.sleep(0)
    waiting[2].cancel()
    slow.cancel()
    found = [await task for number, task in enumerate(waiting) if number != 2]
    assert [next(iter(one.values())).value for one in found] == [1, 2, 4, 5]


async def test_closing_cancels_who_waits_and_leaves_no_process() -> None:
    evaluator = Evaluator(javascript=LIMITS)
    if refusal("javascript"):
        assert (await evaluator.script("w", "1", SCOPE)).error is not None
        return
    await value(evaluator, "1 + 1", SCOPE)
    zygote = _pool(evaluator)._zygote  # pyright: ignore[reportPrivateUsage]
    assert zygote is not None
    waiting = asyncio.create_task(evaluator.ask("workspace", SCOPE, [EngineExpression("(() => { for (;;) {} })()")]))
    await asyncio.sleep(0.05)
    await evaluator.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert zygote._process.poll() is not None  # pyright: ignore[reportPrivateUsage]
