"""What a worker does beside the queue: a failure is logged and not the end of it."""

from __future__ import annotations

import asyncio

import pytest

from cargo_ai.server.processes import background


async def test_a_task_that_fails_is_logged_and_begins_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(background, "AGAIN_SECONDS", (0.0,))
    begun: list[int] = []

    async def renew() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise RuntimeError(f"broken {len(begun)}")

    await background.keep_running(renew)
    assert begun == [0, 1, 2]
    output = "".join(capsys.readouterr())
    assert "broken 1" in output and "broken 2" in output and "renew" in output


async def test_a_task_that_is_cancelled_ends() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(background.keep_running(wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_end_of_what_a_worker_cannot_be_without_is_its_end() -> None:
    async def fail() -> None:
        raise RuntimeError("no queue")

    assert not await background.until_one_ends(asyncio.Event(), [asyncio.create_task(fail(), name="queue")])
    stopping = asyncio.Event()
    stopping.set()
    endless = asyncio.create_task(asyncio.Event().wait())
    assert await background.until_one_ends(stopping, [endless])
    endless.cancel()
