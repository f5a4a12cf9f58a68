"""Libraries that services fill: a bucket of S3, and pages at addresses: new, changed and removed files, and what goes wrong on the way."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import func, update
from starlette.requests import Request
from starlette.responses import Response

from cargo_ai.domains.content.libraries import sync
from cargo_ai.domains.content.retrieval.passages import Scope, find_passages
from cargo_ai.domains.content.tables import Library
from cargo_ai.kernel import ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit import documents
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.running import Running as Serving
from tests.simulators.s3 import server
from tests.simulators.s3.control import BUCKET, KEY_ID, SECRET, Stored
from tests.simulators.s3.server import Running
from tests.unit.domains.content.conftest import eventually, read

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Site(Serving):
    """A site with these pages, by path: bytes, and their type."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, str]] = {}

        async def answer(scope: object, receive: object, send: object) -> None:
            request = Request(scope)  # type: ignore[arg-type]
            content, kind = self.pages.get(request.url.path, (b"none", ""))
            response = Response(content, 200 if kind else 404, media_type=kind or "text/plain")
            await response(scope, receive, send)  # type: ignore[arg-type]

        super().__init__(answer)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Running]:
    """An imitation of S3."""
    with server.running() as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A web site."""
    with Site() as serving:
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(backend: Backend, bucket: Running) -> str:
    """A connector of the bucket."""
    config = {"accessKeyId": KEY_ID, "secretAccessKey": SECRET, "endpoint": bucket.url, "bucket": BUCKET}
    return str((await backend.admin.connector("store", integrationSlug="s3", name="Store", config=config))["uuid"])


async def filled(api: ApiClient, library: str) -> Body:
    """A library whose sync has ended."""

    async def ended() -> Body | None:
        body: Body = (await api.call("content.library.get", uuid=library))["library"]
        return None if body["status"] == "syncing" else body

    return await eventually(ended)


async def files_of(api: ApiClient, library: str) -> dict[str, Body]:
    """The files of a library, by name, when they are read."""
    listed = (await api.call("content.file.all", libraryUuid=library))["files"]
    return {file["name"]: await read(api, file["uuid"]) for file in listed}


async def found(backend: Backend, library: str, question: str) -> list[str]:
    scope = Scope(libraries=frozenset({uuid.UUID(library)}))
    return [one.source for one in (await find_passages(backend.state.services, uuid.UUID(backend.workspace), scope, question, 5)).passages]


async def test_a_bucket_fills_a_library_and_what_changes_there_changes_here(
    api: ApiClient, backend: Backend, bucket: Running, store: str
) -> None:
    objects = bucket.control.objects
    objects |= {
        "docs/": Stored(b""),
        "docs/leave.md": Stored(b"# Leave\n\nVacation is thirty days."),
        "docs/pay.pdf": Stored(documents.pdf(["Salaries come on Fridays."])),
    }
    created = await api.call("content.library.create", name="Docs", connectorUuid=store, extractorSlug="files", config={"prefix": "docs/"})
    library = created["library"]["uuid"]
    assert created["library"]["kind"] == "connector" and created["library"]["status"] == "syncing"
    state = await filled(api, library)
    assert (state["status"], state["errorMessage"]) == ("ready", None) and state["lastSyncedAt"]
    files = await files_of(api, library)
    assert {name: (file["status"], file["kind"], file["externalId"]) for name, file in files.items()} == {
        "leave.md": ("ready", "connector", "docs/leave.md"),
        "pay.pdf": ("ready", "connector", "docs/pay.pdf"),
    }
    assert await found(backend, library, "vacation") == ["leave.md, “Leave”"]
    assert await found(backend, library, "salaries") == ["pay.pdf, page 1"]

    objects["docs/leave.md"] = Stored(b"# Leave\n\nHolidays are forty days.")
    objects["docs/new.txt"] = Stored(b"Walruses welcome.")
    del objects["docs/pay.pdf"]
    seen = len(bucket.control.seen)
    await api.call("content.library.sync", uuid=library)
    await filled(api, library)
    after = await files_of(api, library)
    assert after["leave.md"]["uuid"] == files["leave.md"]["uuid"] and set(after) == {"leave.md", "new.txt"}
    assert await found(backend, library, "vacation") == [] and await found(backend, library, "holidays") == ["leave.md, “Leave”"]
    await api.call("content.library.sync", uuid=library)
    await filled(api, library)
    paths = [one.path for one in list(bucket.control.seen)[seen:]]
    assert sum(path.endswith("leave.md") for path in paths) == 1, "what has not changed is not read again"
    await api.call("content.library.remove", uuid=library)
    assert await api.refused("content.file.get", uuid=after["leave.md"]["uuid"]) == (404, "fileNotFound")


async def test_pages_fill_a_library_and_one_that_is_gone_is_named(api: ApiClient, backend: Backend, site: Site) -> None:
    site.pages = {"/terms": (b"<html><h1>Terms</h1><p>Refunds within thirty days.</p></html>", "text/html")}
    connector = await api.connector("site", integrationSlug="http", name="Site", config={"baseUrl": site.url})
    config = {"urls": ["/terms", f"{site.url}/gone"]}
    created = await api.call("content.library.create", name="Site", connectorUuid=connector["uuid"], extractorSlug="pages", config=config)
    library = created["library"]["uuid"]
    state = await filled(api, library)
    assert state["status"] == "error" and "1 of 2 files could not be read: gone: 127.0.0.1 answered 404" in state["errorMessage"]

    await files_of(api, library)
    assert await found(backend, library, "refunds") == ["terms, “Terms”"]
    await api.call("content.library.update", uuid=library, config={"urls": ["/terms"]})
    assert (await filled(api, library))["status"] == "ready"
    assert await api.refused("connection.connector.remove", uuid=connector["uuid"]) == (409, "connectorIsUsedInWorkflows")


async def test_while_the_service_does_not_answer_files_stay(api: ApiClient, bucket: Running, store: str) -> None:
    bucket.control.objects["keep/a.txt"] = Stored(b"Kept.")
    body: Body = {"name": "Keep", "connectorUuid": store, "extractorSlug": "files", "config": {"prefix": "keep/"}}
    library = (await api.call("content.library.create", **body))["library"]["uuid"]
    await filled(api, library)
    bucket.control.fail(path="", status=403, times=1)
    await api.call("content.library.sync", uuid=library)
    state = await filled(api, library)
    assert state["status"] == "error" and "S3" in state["errorMessage"]
    assert set(await files_of(api, library)) == {"a.txt"}


async def test_what_cannot_fill_a_library_is_refused(api: ApiClient, backend: Backend, store: str) -> None:
    for slug, config, sentence in (
        ("rows", {}, "S3 has no extractor rows that gives files; it has: files."),
        ("files", {"prefix": 5}, "The config does not fit: `prefix`"),
        ("files", {"bukket": "a"}, "The config does not fit: "),
    ):
        status, body = await api.refusal("content.library.create", name="No", connectorUuid=store, extractorSlug=slug, config=config)
        assert (status, body["reason"]) == (400, "integrationNotCompatible") and sentence in body["errorMessage"]
    assert await backend.other_api.refused("content.library.create", name="No", connectorUuid=store, extractorSlug="files", config={}) == (
        404,
        "connectorNotFound",
    )
    native = (await api.call("content.library.create", name="Native"))["library"]["uuid"]
    assert await api.refused("content.library.sync", uuid=native) == (400, "libraryNotOfConnector")
    assert await api.refused("content.library.sync", uuid=str(ids.new())) == (404, "libraryNotFound")


async def test_libraries_are_filled_again_after_an_hour(api: ApiClient, backend: Backend, bucket: Running, store: str) -> None:
    body: Body = {"name": "Hourly", "connectorUuid": store, "extractorSlug": "files", "config": {"prefix": "hourly/"}}
    library = (await api.call("content.library.create", **body))["library"]["uuid"]
    await filled(api, library)
    bucket.control.objects["hourly/late.txt"] = Stored(b"Late.")
    await sync.fill_due(backend.state.services)
    assert await files_of(api, library) == {}
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        ago = func.now() - timedelta(hours=2)
        await db.execute(update(Library).where(Library.uuid == uuid.UUID(library)).values(last_synced_at=ago))
        await db.commit()
    await sync.fill_due(backend.state.services)
    await filled(api, library)
    assert set(await files_of(api, library)) == {"late.txt"}
