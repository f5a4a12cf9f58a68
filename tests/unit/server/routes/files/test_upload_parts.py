"""A file in parts: create, sign, PUT, complete, abort."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import func, select, update

from cargo_ai.domains.workspace import upload_store
from cargo_ai.domains.workspace.upload_store import Upload, UploadPart
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES

BASE = "/v1/workspaceManagement/files/multipart"

Files = Callable[[], list[Path]]
Refused = Callable[[httpx.Response, int, str], str]


async def begun(client: httpx.AsyncClient, name: str = "big.csv") -> dict[str, str]:
    reply = await client.post(f"{BASE}/create", json={"contentType": "text/csv", "filename": name})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def url_of(client: httpx.AsyncClient, upload: dict[str, str], number: int) -> str:
    reply = await client.post(f"{BASE}/sign", json={**upload, "partNumber": number})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["url"])


async def send(client: httpx.AsyncClient, upload: dict[str, str], number: int, data: bytes) -> dict[str, Any]:
    # A signed URL needs no token.
    reply = await client.put(await url_of(client, upload, number), content=data, headers={"Authorization": ""})
    assert reply.status_code == 200, reply.text
    return {"partNumber": number, "etag": reply.headers["etag"]}


async def complete(client: httpx.AsyncClient, upload: dict[str, str], parts: list[dict[str, Any]]) -> httpx.Response:
    return await client.post(f"{BASE}/complete", json={**upload, "parts": parts})


async def count(state: State, table: type[Upload] | type[UploadPart]) -> int:
    async with state.database.session(ALL_WORKSPACES) as db:
        return int(await db.scalar(select(func.count()).select_from(table)) or 0)


async def test_parts_are_joined_in_the_order_of_their_numbers(client: httpx.AsyncClient, state: State, kept: Files) -> None:
    upload = await begun(client)
    sent = [await send(client, upload, number, bytes([64 + number]) * 300_000) for number in (3, 1, 2)]
    reply = await complete(client, upload, sent)
    assert reply.json() == {"s3Filename": upload["s3Filename"]}
    assert await state.files.read(upload["s3Filename"]) == b"A" * 300_000 + b"B" * 300_000 + b"C" * 300_000
    assert len(kept()) == 1
    assert await count(state, UploadPart) == 0
    async with state.database.session(ALL_WORKSPACES) as db:
        (row,) = await db.scalars(select(Upload))
    assert (row.name, row.content_type, row.size, row.expires_at) == ("big.csv", "text/csv", 900_000, None)


async def test_a_part_sent_again_replaces_the_first(client: httpx.AsyncClient, state: State, kept: Files) -> None:
    upload = await begun(client)
    await send(client, upload, 1, b"first")
    second = await send(client, upload, 1, b"second")
    assert len(kept()) == 1
    await complete(client, upload, [second])
    assert await state.files.read(upload["s3Filename"]) == b"second"


async def test_completing_twice_gives_the_same_reply(client: httpx.AsyncClient) -> None:
    upload = await begun(client)
    parts = [await send(client, upload, 1, b"x")]
    first, second = await complete(client, upload, parts), await complete(client, upload, parts)
    assert first.json() == second.json() == {"s3Filename": upload["s3Filename"]}


async def test_completing_at_the_same_time_gives_one_whole_file(client: httpx.AsyncClient, state: State, kept: Files) -> None:
    upload = await begun(client)
    parts = [await send(client, upload, number, b"x" * 1_000_000) for number in (1, 2)]
    replies = await asyncio.gather(*(complete(client, upload, parts) for _ in range(3)))
    assert {reply.status_code for reply in replies} <= {200, 400}
    assert 200 in {reply.status_code for reply in replies}
    assert await state.files.size(upload["s3Filename"]) == 2_000_000
    assert len(kept()) == 1


async def test_many_completions_with_idempotency_keys_do_not_starve_the_pool(client: httpx.AsyncClient, kept: Files) -> None:
    begun_ones = [await begun(client) for _ in range(8)]
    parts = [[await send(client, upload, 1, b"x" * 1_000_000)] for upload in begun_ones]

    async def finish(number: int) -> httpx.Response:
        body = {**begun_ones[number], "parts": parts[number]}
        return await client.post(f"{BASE}/complete", json=body, headers={"Idempotency-Key": f"key {number}"})

    async with asyncio.timeout(60):
        first = await asyncio.gather(*(finish(number) for number in range(8)))
        again = await asyncio.gather(*(finish(number) for number in range(8)))
    assert [reply.json() for reply in first] == [reply.json() for reply in again]
    assert {reply.status_code for reply in first} == {200}
    assert len(kept()) == 8


async def test_parts_that_do_not_make_up_the_file_are_refused(client: httpx.AsyncClient, state: State, refused: Refused) -> None:
    upload = await begun(client)
    one, two = await send(client, upload, 1, b"1"), await send(client, upload, 2, b"2")
    for parts, said in (
        ([one], "part 2 was sent but is not listed"),
        ([two], "part 1 is not listed"),
        ([one, two, {"partNumber": 3, "etag": "x"}], "part 3 was not sent"),
        ([one, two, two], "a part number is listed twice"),
        ([one, {"partNumber": 2, "etag": one["etag"]}], "the etag of part 2 is another one"),
    ):
        assert said in refused(await complete(client, upload, parts), 400, "partsInvalid")
    assert (await complete(client, upload, [one, two])).status_code == 200


async def test_an_etag_may_come_without_its_quotes(client: httpx.AsyncClient) -> None:
    upload = await begun(client)
    part = await send(client, upload, 1, b"1")
    part["etag"] = part["etag"].strip('"')
    assert (await complete(client, upload, [part])).status_code == 200


async def test_aborting_forgets_everything(client: httpx.AsyncClient, state: State, kept: Files, refused: Refused) -> None:
    upload = await begun(client)
    url = await url_of(client, upload, 2)
    parts = [await send(client, upload, 1, b"1")]
    assert (await client.post(f"{BASE}/abort", json=upload)).json() == {"uuid": upload["uploadId"]}
    assert kept() == []
    assert await count(state, Upload) == await count(state, UploadPart) == 0
    refused(await client.put(url, content=b"late"), 404, "uploadNotFound")
    refused(await complete(client, upload, parts), 404, "uploadNotFound")
    refused(await client.post(f"{BASE}/abort", json=upload), 404, "uploadNotFound")
    assert kept() == []


async def test_a_completed_upload_takes_no_more_parts_and_cannot_be_aborted(
    client: httpx.AsyncClient, state: State, refused: Refused
) -> None:
    upload = await begun(client)
    url = await url_of(client, upload, 1)
    await complete(client, upload, [await send(client, upload, 1, b"1")])
    refused(await client.put(url, content=b"other"), 404, "uploadNotFound")
    refused(await client.post(f"{BASE}/abort", json=upload), 404, "uploadNotFound")
    assert await state.files.read(upload["s3Filename"]) == b"1"


async def test_another_workspace_cannot_reach_an_upload(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, refused: Refused
) -> None:
    upload = await begun(client)
    parts = [await send(client, upload, 1, b"1")]
    refused(await other_client.post(f"{BASE}/sign", json={**upload, "partNumber": 1}), 404, "uploadNotFound")
    refused(await complete(other_client, upload, parts), 404, "uploadNotFound")
    refused(await other_client.post(f"{BASE}/abort", json=upload), 404, "uploadNotFound")


@pytest.mark.parametrize("change", [{"s3Filename": "other/uploads/x/y"}, {"uploadId": str(ids.new())}, {"uploadId": "no uuid"}])
async def test_an_id_and_a_key_that_do_not_belong_together_are_unknown(
    client: httpx.AsyncClient, refused: Refused, change: dict[str, str]
) -> None:
    upload = await begun(client) | change
    refused(await client.post(f"{BASE}/sign", json={**upload, "partNumber": 1}), 404, "uploadNotFound")


async def test_a_viewer_may_not_begin_an_upload(viewer: httpx.AsyncClient, refused: Refused) -> None:
    refused(await viewer.post(f"{BASE}/create", json={"contentType": "text/csv"}), 403, "forbidden")


@pytest.mark.parametrize("number", [0, -1, 10_001, 1.5, "one"])
async def test_a_part_number_out_of_bounds_is_refused(client: httpx.AsyncClient, refused: Refused, number: Any) -> None:
    upload = await begun(client)
    refused(await client.post(f"{BASE}/sign", json={**upload, "partNumber": number}), 400, "invalidInput")


async def test_a_signed_url_is_for_its_part_alone(client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
    upload, other = await begun(client), await begun(client)
    url = await url_of(client, upload, 1)
    signature = parse_qs(urlsplit(url).query)["signature"][0]
    for changed in (
        url.replace("/1?", "/2?"),
        url.replace(upload["uploadId"], other["uploadId"]),
        url.replace(signature, "A" * len(signature)),
        url.replace("expires=", "expires=9"),
        url + "&more=1",
        url.partition("&signature")[0],
        url.partition("?")[0],
    ):
        refused(await client.put(changed, content=b"evil"), 403, "linkInvalid")
    assert kept() == []


async def test_a_signed_url_expires(client: httpx.AsyncClient, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await url_of(client, await begun(client), 1)
    later = clock.unix_seconds() + 3601
    monkeypatch.setattr(clock, "unix_seconds", lambda: later)
    refused(await client.put(url, content=b"late"), 403, "linkExpired")


async def test_uploads_that_waited_in_vain_are_swept_when_another_begins(
    client: httpx.AsyncClient, state: State, kept: Files, refused: Refused
) -> None:
    upload = await begun(client)
    parts = [await send(client, upload, 1, b"1")]
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Upload).values(expires_at=clock.now() - timedelta(seconds=1)))
        await db.commit()
    refused(await complete(client, upload, parts), 404, "uploadNotFound")
    fresh = await begun(client)
    assert kept() == []
    async with state.database.session(ALL_WORKSPACES) as db:
        assert [str(found) for found in await db.scalars(select(Upload.uuid))] == [fresh["uploadId"]]
    assert await upload_store.remove_expired(state.database, state.files) == 0


class TestWithALowLimit:
    """A server that takes 100 KB."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(
            {"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1", "CARGO_AI_MAX_UPLOAD_BYTES": "102400"}
        )

    async def test_parts_together_may_not_be_larger_than_a_file(
        self, client: httpx.AsyncClient, state: State, kept: Files, refused: Refused
    ) -> None:
        upload = await begun(client)
        await send(client, upload, 1, b"x" * 60_000)
        second = await url_of(client, upload, 2)
        refused(await client.put(second, content=b"x" * 60_000), 413, "fileTooLarge")
        refused(await client.put(second, content=b"x" * 200_000), 413, "fileTooLarge")
        assert len(kept()) == 1
        assert await count(state, UploadPart) == 1
        await send(client, upload, 1, b"x" * 40_000)
        await send(client, upload, 2, b"x" * 60_000)
