"""Ending background tasks."""

from __future__ import annotations

import asyncio

import pytest

from cargo_ai.kernel import tasks


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "REPEAT_SECONDS", 0.01)
    swallowed = 0
    waiting = asyncio.Event()

    async def work() -> None:
        nonlocal swallowed
        while True:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed == 2:
                    raise
                swallowed += 1

    task = asyncio.create_task(work())
    await waiting.wait()
    await tasks.cancel(task)
    assert task.cancelled() and swallowed == 2


async def test_a_task_that_fails_while_it_ends_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while it ended")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await tasks.cancel(task)
    assert isinstance(task.exception(), ValueError)
    assert not caplog.records


async def test_an_ended_task_is_left_alone() -> None:
    async def work() -> int:
        return 1

    task = asyncio.create_task(work())
    await task
    await tasks.cancel(task)
    assert task.result() == 1
