"""The watch on an event loop: it says what computes for too long, and nothing about what waits."""

from __future__ import annotations

import asyncio
import time

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cargo_ai.server.processes.watching.loop_watch import LoopWatch
from tests.kit.measures import loop_steps
from tests.kit.measures.loop_steps import MeasuredApp


def compute(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


async def test_what_computes_in_the_loop_is_reported_with_its_place() -> None:
    loop = asyncio.get_running_loop()
    stall: asyncio.Future[tuple[float, str]] = loop.create_future()

    def report(seconds: float, place: str) -> None:
        loop.call_soon_threadsafe(stall.set_result, (seconds, place))

    watch = LoopWatch(loop, 0.2, report).start()
    await asyncio.sleep(0.1)
    compute(0.5)
    seconds, place = await stall
    watch.stop()
    assert seconds >= 0.2
    assert "in compute" in place


async def test_what_waits_or_computes_in_a_thread_is_not_reported() -> None:
    stalls: list[float] = []
    watch = LoopWatch(asyncio.get_running_loop(), 0.2, lambda seconds, _: stalls.append(seconds)).start()
    await asyncio.to_thread(compute, 0.4)
    time.sleep(0.3)  # noqa: ASYNC251 - what holds up the loop without computing is the machine's load
    await asyncio.sleep(0.1)
    watch.stop()
    assert stalls == []


LONG = 0.25
"""Seconds that are too long for a step even where others share the core."""


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of what a step may take otherwise."""
    monkeypatch.setattr(loop_steps, "MAX_SECONDS", 0.05)


async def stalls_of(app: ASGIApp) -> list[str]:
    """What a request to this application held up the loop with."""

    async def send(_message: Message) -> None:
        raise AssertionError

    async def receive() -> Message:
        raise AssertionError

    await MeasuredApp(app)({"method": "GET", "path": "/slow"}, receive, send)
    return loop_steps.take_stalls()


@pytest.mark.usefixtures("strict")
async def test_a_request_of_a_test_that_holds_up_the_loop_is_named() -> None:
    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(0)
        compute(LONG)

    (stall,) = await stalls_of(slow)
    assert stall.startswith("GET /slow held up the event loop for 0.2")


@pytest.mark.usefixtures("strict")
async def test_a_task_and_a_callback_of_a_request_are_measured_too_and_what_the_test_does_is_not() -> None:
    done = asyncio.Event()

    def later() -> None:
        compute(LONG)
        done.set()

    async def task() -> None:
        await asyncio.sleep(0)
        compute(LONG)

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.create_task(task(), name="task of a request")
        asyncio.get_running_loop().call_soon(later)

    async def other() -> None:
        compute(LONG)

    await asyncio.create_task(other())
    (stall,) = await stalls_of(app)
    assert "task of a request" in stall
    await done.wait()
    compute(LONG)
    (stall,) = loop_steps.take_stalls()
    assert "later" in stall


@pytest.mark.usefixtures("strict")
async def test_all_callbacks_of_a_server_in_a_thread_are_measured() -> None:
    async def serve() -> None:
        with loop_steps.measure_thread():
            asyncio.get_running_loop().call_soon(compute, LONG)
            await asyncio.sleep(0.01)

    await asyncio.to_thread(asyncio.run, serve())
    (stall,) = loop_steps.take_stalls()
    assert "compute" in stall
