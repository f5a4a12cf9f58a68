"""Stacks of tasks: an operator asks a process by a signal where its tasks wait, and its log says so."""

from __future__ import annotations

import asyncio
import os

import structlog

from cargo_ai.server.processes.watching import task_stacks


async def test_a_signal_logs_where_each_task_waits() -> None:
    async def wait_for_the_mail() -> None:
        await asyncio.Event().wait()

    waiting = asyncio.create_task(wait_for_the_mail(), name="mail")
    task_stacks.log_on_signal()
    with structlog.testing.capture_logs() as logs:
        os.kill(os.getpid(), task_stacks.SIGNAL)
        while not logs:  # noqa: ASYNC110 - no one else tells
            await asyncio.sleep(0)
    asyncio.get_running_loop().remove_signal_handler(task_stacks.SIGNAL)
    waiting.cancel()
    (event,) = logs
    assert event["event"] == task_stacks.LOGGED and event["pid"] == os.getpid()
    assert any("wait_for_the_mail" in task and "mail" in task for task in event["tasks"])
