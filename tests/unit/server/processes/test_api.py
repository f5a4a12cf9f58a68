"""An API process rests while no one is connected, and answers who comes then as if it had not."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.signals import Signals
from cargo_ai.server.processes import api, connections
from cargo_ai.server.processes.connections import Door

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LONG_AGO = b"Thu, 01 Jan 1970 00:00:00 GMT"


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Say nothing."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def resting(door: Door) -> AsyncGenerator[tuple[uvicorn.Server, int]]:
    """A server to which no one is connected, and its port. At the end it is asked to stop."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(answer, lifespan="off", log_level="critical", http=connections.protocol_class(door))
    server = api._Server(config, Signals(""), Settings({}), door)  # pyright: ignore[reportPrivateUsage]
    # `serve` sets handlers of signals, too, and sends those that came to this process once more.
    server._loop = asyncio.get_running_loop()  # pyright: ignore[reportPrivateUsage]
    serving = asyncio.create_task(server._serve([bound]))  # pyright: ignore[reportPrivateUsage]
    while not server.started:  # noqa: ASYNC110 - uvicorn says so by nothing else
        await asyncio.sleep(0.01)
    yield server, int(bound.getsockname()[1])
    server.handle_exit(signal.SIGTERM, None)
    await asyncio.wait_for(serving, 20)


async def ask(port: int) -> bytes:
    """The answer to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    answered = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answered


async def test_who_comes_while_it_rests_is_answered_with_the_time_of_now() -> None:
    door = Door(100)
    async with resting(door) as (server, port):
        for _ in range(2):
            while door.present:  # noqa: ASYNC110 - the end of the connection before is seen by no one else
                await asyncio.sleep(0.01)
            server.server_state.default_headers = [(b"date", LONG_AGO)]
            answered = await ask(port)
            assert answered.startswith(b"HTTP/1.1 204") and b"\r\ndate: " in answered and LONG_AGO not in answered
