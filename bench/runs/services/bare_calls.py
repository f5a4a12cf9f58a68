"""Call a service many times as a plain script would: with httpx, and with asyncio streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx


async def _by(workers: int, count: int, call: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(work() for _ in range(workers)))


async def _httpx(url: str, count: int, concurrency: int) -> float:
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=30) as client:

        async def call(number: int) -> None:
            answer = await client.get(f"{url}/records/{number}")
            answer.raise_for_status()
            assert answer.json()["id"] == str(number)

        began = time.perf_counter()
        await _by(concurrency, count, call)
        return time.perf_counter() - began


async def _streams(url: str, count: int, concurrency: int) -> float:
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(number: int) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
        writer.write(f"GET /records/{number} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        assert json.loads(await reader.readexactly(length))["id"] == str(number)
        idle.append((reader, writer))

    began = time.perf_counter()
    await _by(concurrency, count, call)
    took = time.perf_counter() - began
    for _, writer in idle:
        writer.close()
    return took


def by_httpx(url: str, count: int, concurrency: int) -> float:
    """Seconds for `count` calls by one httpx.AsyncClient, at most `concurrency` at a time."""
    return asyncio.run(_httpx(url, count, concurrency))


def by_streams(url: str, count: int, concurrency: int) -> float:
    """The same over plain streams with kept connections: nothing in Python is much faster."""
    return asyncio.run(_streams(url, count, concurrency))
