"""Quotas of stored files: what a workspace may keep, how many it may send at once, and that one leaves the others in peace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from cargo_ai.server.routes.files.receiving import receiver_of
from cargo_ai.store import quotas
from cargo_ai.store.driver import driver_connection
from cargo_ai.store.session import ALL_WORKSPACES
from tests.unit.server.routes.files import test_upload_parts as parts
from tests.unit.server.routes.files.test_upload_form import BOUNDARY, PART, UPLOAD, a_file

Files = Callable[[], list[Path]]
Refused = Callable[[httpx.Response, int, str], str]
LIMIT = 300_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server on which a workspace may keep 300,000 bytes and send two files at once."""
    limits = {"CARGO_AI_MAX_STORED_BYTES": str(LIMIT), "CARGO_AI_MAX_UPLOADS_AT_ONCE": "2"}
    return Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1", **limits})


async def used(client: httpx.AsyncClient) -> dict[str, Any]:
    """The quota of stored files as `workspace usage` shows it."""
    reply = await client.get("/v1/workspaceManagement/workspaces/usage")
    assert reply.status_code == 200, reply.text
    return {quota["kind"]: quota for quota in reply.json()["quotas"]}["storedBytes"]


async def test_a_workspace_keeps_exactly_what_it_may_and_no_byte_more(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, kept: Files, refused: Refused
) -> None:
    assert (await client.post(UPLOAD, files=a_file(b"x" * 200_000))).status_code == 200
    assert (await client.post(UPLOAD, files=a_file(b"x" * 100_000))).status_code == 200
    quota = await used(client)
    assert (quota["used"], quota["limit"], quota["remaining"]) == (LIMIT, LIMIT, 0)
    assert quota["largest"] == [{"name": "uploaded files", "uuid": None, "used": LIMIT, "fix": None}]
    said = refused(await client.post(UPLOAD, files=a_file(b"x")), 413, "quotaExceeded")
    assert "293 KB of stored files" in said
    assert "CARGO_AI_MAX_STORED_BYTES" in said
    assert len(kept()) == 2
    assert (await other_client.post(UPLOAD, files=a_file(b"x" * LIMIT))).status_code == 200


async def test_a_file_of_undeclared_length_is_broken_off_at_the_limit(client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PART
        for _ in range(20):
            sent += 65_536
            yield b"x" * 65_536

    refused(await client.post(UPLOAD, content=endless(), headers=BOUNDARY), 413, "quotaExceeded")
    assert kept() == []
    assert (await used(client))["used"] == 0


async def test_files_that_arrive_at_the_same_time_do_not_both_take_the_last_place(client: httpx.AsyncClient, refused: Refused) -> None:
    replies = await asyncio.gather(*(client.post(UPLOAD, files=a_file(b"x" * 200_000)) for _ in range(2)))
    assert sorted(reply.status_code for reply in replies) == [200, 413]
    assert (await used(client))["used"] == 200_000


async def test_a_third_file_at_once_waits_for_another_turn(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, state: State, refused: Refused
) -> None:
    go = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield PART + b"x"
        await go.wait()
        yield b"\r\n--b--\r\n"

    sending = [asyncio.create_task(client.post(UPLOAD, content=slow(), headers=BOUNDARY)) for _ in range(2)]
    async with asyncio.timeout(20):
        while receiver_of(state).arriving < 2:  # noqa: ASYNC110 - nothing is signalled when a request has begun
            await asyncio.sleep(0.005)
    reply = await client.post(UPLOAD, files=a_file())
    assert "CARGO_AI_MAX_UPLOADS_AT_ONCE" in refused(reply, 429, "tooManyRequests")
    assert reply.headers["Retry-After"]
    assert (await other_client.post(UPLOAD, files=a_file())).status_code == 200
    go.set()
    assert [reply.status_code for reply in await asyncio.gather(*sending)] == [200, 200]
    assert (await client.post(UPLOAD, files=a_file())).status_code == 200


async def test_parts_count_while_they_wait_and_an_aborted_upload_gives_its_place_back(client: httpx.AsyncClient, refused: Refused) -> None:
    upload = await parts.begun(client)
    await parts.send(client, upload, 1, b"x" * 200_000)
    assert (await used(client))["used"] == 200_000
    reply = await client.put(await parts.url_of(client, upload, 2), content=b"x" * 200_000)
    refused(reply, 413, "quotaExceeded")
    assert (await client.post(f"{parts.BASE}/abort", json=upload)).status_code == 200
    assert (await used(client))["used"] == 0


async def test_a_completed_upload_counts_once(client: httpx.AsyncClient) -> None:
    upload = await parts.begun(client)
    sent = [await parts.send(client, upload, number, b"x" * 100_000) for number in (1, 2)]
    assert (await parts.complete(client, upload, sent)).status_code == 200
    assert (await used(client))["used"] == 200_000


async def test_changes_are_added_up_without_changing_what_is_used(client: httpx.AsyncClient, state: State) -> None:
    for size in (1_000, 2_000, 3_000):
        await client.post(UPLOAD, files=a_file(b"x" * size))
    async with state.database.session(ALL_WORKSPACES) as db:
        await quotas.fold_all(await driver_connection(db))
        await db.commit()
        assert await db.scalar(select(func.count()).select_from(quotas.QuotaChange)) == 0
    assert (await used(client))["used"] == 6_000
