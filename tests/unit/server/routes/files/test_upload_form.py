"""A file as a form: POST /v1/workspaceManagement/files/upload, and what its columns are."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from cargo_ai.domains.workspace.upload_store import Upload
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES, Database
from cargo_ai.store.tables import AuditEntry
from tests.kit.application import LiveServer

UPLOAD = "/v1/workspaceManagement/files/upload"
COLUMNS = "/v1/workspaceManagement/files/listColumns"
CSV = b"name,domain\nAcme,acme.com\n"

Files = Callable[[], list[Path]]
Refused = Callable[[httpx.Response, int, str], str]


def a_file(data: bytes = CSV, name: str = "companies.csv", kind: str = "text/csv") -> dict[str, Any]:
    return {"file": (name, data, kind)}


async def rows(state: State) -> list[Upload]:
    async with state.database.session(ALL_WORKSPACES) as db:
        return list(await db.scalars(select(Upload)))


async def test_an_upload_is_kept_and_named_by_an_opaque_key(client: httpx.AsyncClient, state: State, kept: Files) -> None:
    reply = await client.post(UPLOAD, files=a_file())
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert set(body) == {"uuid", "s3Filename", "contentType", "name"}
    assert (body["contentType"], body["name"]) == ("text/csv", "companies.csv")
    assert await state.files.read(body["s3Filename"]) == CSV
    (row,) = await rows(state)
    assert (str(row.uuid), row.s3_filename, row.size) == (body["uuid"], body["s3Filename"], len(CSV))
    assert len(kept()) == 1


async def test_an_upload_is_in_the_audit_log(client: httpx.AsyncClient, state: State) -> None:
    body = (await client.post(UPLOAD, files=a_file())).json()
    async with state.database.session(ALL_WORKSPACES) as db:
        (entry,) = await db.scalars(select(AuditEntry))
    assert (entry.operation, str(entry.target_uuid)) == ("workspaceManagement.file.upload", body["uuid"])


async def test_other_fields_are_read_over(client: httpx.AsyncClient, state: State) -> None:
    reply = await client.post(UPLOAD, data={"folder": "x", "file": "no file"}, files={"other": ("o", b"other"), **a_file()})
    assert await state.files.read(reply.json()["s3Filename"]) == CSV


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n--", b"--x\r\n\r\n", bytes(range(256)) * 5000])
async def test_every_byte_of_a_file_is_kept(client: httpx.AsyncClient, state: State, data: bytes) -> None:
    reply = await client.post(UPLOAD, files=a_file(data))
    assert await state.files.read(reply.json()["s3Filename"]) == data


@pytest.mark.parametrize(
    ("sent", "name", "ending"),
    [
        ("../../../etc/passwd", "passwd", "/passwd"),
        ("..\\..\\evil.csv", "evil.csv", "/evil.csv"),
        ("..", "..", "/file"),
        ("/", "file", "/file"),
        ("é 日本.csv", "é 日本.csv", "/_.csv"),
        ("x" * 400, "x" * 255, "/" + "x" * 100),
    ],
)
async def test_a_name_never_leaves_its_folder(
    client: httpx.AsyncClient, settings: Settings, kept: Files, sent: str, name: str, ending: str
) -> None:
    body = (await client.post(UPLOAD, files=a_file(name=sent))).json()
    assert body["name"] == name
    assert body["s3Filename"].endswith(ending)
    (path,) = kept()
    assert path == settings.data_dir / "files" / body["s3Filename"]


@pytest.mark.parametrize(
    ("sent", "kind"), [("application/x-thing; a=b", "application/x-thing; a=b"), ("nonsense", "application/octet-stream")]
)
async def test_the_content_type_is_kept_where_it_is_one(client: httpx.AsyncClient, sent: str, kind: str) -> None:
    assert (await client.post(UPLOAD, files=a_file(kind=sent))).json()["contentType"] == kind


async def test_a_request_without_a_file_is_refused(client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
    requests: tuple[dict[str, Any], ...] = (
        {"json": {"file": "x"}},
        {"data": {"file": "a text"}, "files": {"other": ("o", b"other")}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"--b--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {},
    )
    for request in requests:
        assert "multipart/form-data" in refused(await client.post(UPLOAD, **request), 400, "noFile")
    assert kept() == []


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'


@pytest.mark.parametrize(
    "content",
    [
        PART + CSV,
        PART + CSV + b"\r\n--b",
        PART + CSV + b"\r\n--b\r\n",
        PART + CSV + b"\r\n" + PART + CSV + b"\r\n--b--\r\n",
        b"no boundary",
        PART + CSV + b"\r\n--b\r\nbad header\r\n\r\n\r\n--b--\r\n",
    ],
)
async def test_a_form_that_cannot_be_read_to_its_end_leaves_nothing(
    client: httpx.AsyncClient, state: State, kept: Files, refused: Refused, content: bytes
) -> None:
    refused(await client.post(UPLOAD, content=content, headers=BOUNDARY), 400, "uploadIncomplete")
    assert kept() == []
    assert await rows(state) == []


async def test_a_viewer_may_not_upload(viewer: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
    assert "orchestration:workflow:write" in refused(await viewer.post(UPLOAD, files=a_file()), 403, "forbidden")
    assert kept() == []


async def test_an_upload_without_a_token_is_refused(client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
    refused(await client.post(UPLOAD, files=a_file(), headers={"Authorization": ""}), 401, "unauthorized")
    assert kept() == []


async def test_the_same_idempotency_key_gets_the_first_reply_and_keeps_one_file(
    client: httpx.AsyncClient, kept: Files, refused: Refused
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await client.post(UPLOAD, files=a_file(), headers=headers)
    again = await client.post(UPLOAD, files=a_file(), headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(kept()) == 1
    refused(await client.post(UPLOAD, files=a_file(b"other"), headers=headers), 409, "idempotencyKeyReused")
    assert len(kept()) == 1


async def test_a_store_that_refuses_is_reported(client: httpx.AsyncClient, settings: Settings, state: State, refused: Refused) -> None:
    shutil.rmtree(settings.data_dir / "files")
    (settings.data_dir / "files").write_text("in the way")
    said = refused(await client.post(UPLOAD, files=a_file()), 503, "filesUnavailable")
    assert str(settings.data_dir) not in said
    assert await rows(state) == []


class TestWithALowLimit:
    """A server that takes 100 KB."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(
            {"CARGO_AI_DATA_DIR": str(tmp_path / "data"), "CARGO_AI_STRICT_REFUSALS": "1", "CARGO_AI_MAX_UPLOAD_BYTES": "102400"}
        )

    async def test_a_file_of_exactly_the_limit_is_kept(self, client: httpx.AsyncClient) -> None:
        assert (await client.post(UPLOAD, files=a_file(b"x" * 102_400))).status_code == 200

    @pytest.mark.parametrize("size", [102_401, 3_000_000])
    async def test_a_larger_file_is_refused_and_leaves_nothing(
        self, client: httpx.AsyncClient, state: State, kept: Files, refused: Refused, size: int
    ) -> None:
        assert "100 KB" in refused(await client.post(UPLOAD, files=a_file(b"x" * size)), 413, "fileTooLarge")
        assert kept() == []
        assert await rows(state) == []

    async def test_a_larger_file_of_undeclared_length_is_refused(self, client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
        async def endless() -> AsyncIterator[bytes]:
            yield PART
            for _ in range(100):
                yield b"x" * 65_536

        refused(await client.post(UPLOAD, content=endless(), headers=BOUNDARY), 413, "fileTooLarge")
        assert kept() == []

    async def test_too_much_beside_the_file_is_refused(self, client: httpx.AsyncClient, kept: Files, refused: Refused) -> None:
        async def endless() -> AsyncIterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n'
            for _ in range(100):
                yield b"x" * 65_536

        refused(await client.post(UPLOAD, content=endless(), headers=BOUNDARY), 400, "uploadIncomplete")
        assert kept() == []

    def test_a_sender_gets_its_answer_over_a_real_connection(self, live_server: Any, refused: Refused) -> None:
        headers = {"Authorization": f"Bearer {live_server.first_workspace.token}"}
        reply = httpx.post(live_server.base_url + UPLOAD, files=a_file(b"x" * 5_000_000), headers=headers, timeout=30)
        refused(reply, 413, "fileTooLarge")


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - files on a disk tell no one
            await asyncio.sleep(0.01)


async def test_a_client_that_hangs_up_leaves_nothing(live_server: LiveServer, database_url: str, kept: Files) -> None:
    address = urlsplit(live_server.base_url)
    with socket.create_connection((address.hostname, address.port)) as link:
        head = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {live_server.first_workspace.token}\r\n"
        link.sendall(f"{head}Content-Type: {BOUNDARY['Content-Type']}\r\nContent-Length: 50000000\r\n\r\n".encode() + PART)
        link.sendall(b"x" * 4_000_000)
        await until(lambda: len(kept()) == 1)
    await until(lambda: kept() == [])
    database = Database(database_url)
    async with database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(select(func.count()).select_from(Upload)) == 0
    await database.close()


async def test_an_upload_holds_no_connection_while_it_comes_in(live_server: Any, kept: Files) -> None:
    """More slow uploads than the pool has connections, and a quick request beside them."""
    go = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield PART + b"x" * 2_000_000
        await go.wait()
        yield b"\r\n--b--\r\n"

    headers = {"Authorization": f"Bearer {live_server.first_workspace.token}"}
    async with httpx.AsyncClient(base_url=live_server.base_url, headers=headers, timeout=30) as client:
        sending = [asyncio.create_task(client.post(UPLOAD, content=slow(), headers=BOUNDARY)) for _ in range(10)]
        await until(lambda: len(kept()) == 10)
        quick = await client.post(UPLOAD, files=a_file())
        assert quick.status_code == 200
        go.set()
        assert [reply.status_code for reply in await asyncio.gather(*sending)] == [200] * 10


async def test_columns_of_an_uploaded_file_are_listed(client: httpx.AsyncClient, viewer: httpx.AsyncClient) -> None:
    key = (await client.post(UPLOAD, files=a_file(b"\xef\xbb\xbfName;Domain;Name\n"))).json()["s3Filename"]
    expected = {"columns": [{"type": "string", "name": name} for name in ("Name", "Domain", "Name_2")]}
    assert (await client.get(COLUMNS, params={"s3Filename": key})).json() == expected
    assert (await viewer.get(COLUMNS, params={"s3Filename": key})).json() == expected


async def test_an_empty_file_has_no_columns(client: httpx.AsyncClient, refused: Refused) -> None:
    key = (await client.post(UPLOAD, files=a_file(b""))).json()["s3Filename"]
    refused(await client.get(COLUMNS, params={"s3Filename": key}), 400, "noColumnsFound")


async def test_a_file_that_is_no_text_is_reported(client: httpx.AsyncClient, refused: Refused) -> None:
    key = (await client.post(UPLOAD, files=a_file("a,b\n".encode("utf-16")))).json()["s3Filename"]
    assert "UTF-8" in refused(await client.get(COLUMNS, params={"s3Filename": key}), 400, "fileInvalid")


async def test_a_key_of_another_workspace_behaves_as_an_unknown_one(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, refused: Refused
) -> None:
    key = (await client.post(UPLOAD, files=a_file())).json()["s3Filename"]
    workspace, _, rest = key.partition("/")
    own = (await other_client.post(UPLOAD, files=a_file())).json()["s3Filename"].partition("/")[0]
    for tried in (key, f"/{key}", f"{own}/../{key}", f"{own}/{rest}", f"{workspace.upper()}/{rest}", "../../etc/passwd", f"{own}/a\nb"):
        said = refused(await other_client.get(COLUMNS, params={"s3Filename": tried}), 404, "fileNotFound")
        assert said == f"There is no file {tried} in this workspace."
