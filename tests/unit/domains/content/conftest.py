"""A server and a worker for the tests of files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from cargo_ai.kernel import clock
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend

T = TypeVar("T")


@pytest.fixture
def api(backend: Backend) -> ApiClient:
    """The admin of the first workspace."""
    return backend.admin


async def send(api: ApiClient, name: str, data: bytes, **fields: str) -> Body:
    """The response to an upload that must be 200: the file."""
    response = await api.http.post("/v1/content/files/upload", files={"file": (name, data)}, data=fields)
    assert response.status_code == 200, response.text
    body: Body = response.json()
    assert body["files"] == [body["file"]]
    return body["file"]


async def read(api: ApiClient, uuid: str) -> Body:
    """A file whose reading has ended."""
    response = await api.http.get(f"/v1/content/files/{uuid}", headers={"Prefer": "wait=30"})
    assert response.status_code == 200, response.text
    body: Body = response.json()["file"]
    assert body["status"] in {"ready", "error"}, body
    return body


async def upload(api: ApiClient, name: str, data: bytes, **fields: str) -> Body:
    """A file that was uploaded and read."""
    return await read(api, (await send(api, name, data, **fields))["uuid"])


async def eventually(ask: Callable[[], Awaitable[T | None]], seconds: float = 60) -> T:
    """What `ask` gives, as soon as that is something."""
    deadline = clock.seconds() + seconds
    while clock.seconds() < deadline:
        if answer := await ask():
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("what was waited for did not come")
