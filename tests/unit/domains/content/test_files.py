"""Files of content, by real requests to a server with a worker: uploaded, read, listed, changed, replaced, removed."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from cargo_ai.domains.content.tables import File, Term
from cargo_ai.kernel import ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit import documents
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.unit.domains.content.conftest import read, send, upload

pytestmark = pytest.mark.asyncio(loop_scope="module")
MISSING = str(ids.new())


async def test_an_uploaded_file_is_read_and_can_be_searched(api: ApiClient) -> None:
    sent = await send(api, "handbook.pdf", documents.pdf(["Welcome.", "Vacation is 30 days."]))
    assert (sent["status"], sent["kind"], sent["contentType"]) == ("pending", "native", "application/pdf")
    file = await read(api, sent["uuid"])
    assert (file["status"], file["chunksCount"], file["errorMessage"]) == ("ready", 2, None)
    assert file["isIndexedInOpenAiVectorStore"] is True


async def test_a_file_without_text_says_why_and_is_kept(api: ApiClient) -> None:
    file = await upload(api, "photo.png", b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert file["status"] == "error" and "not text" in file["errorMessage"]
    response = await api.http.get(f"/v1/content/files/{file['uuid']}/raw")
    assert response.content == b"\x89PNG\r\n\x1a\n" + bytes(50)
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_file_is_renamed_and_moved_into_a_folder(api: ApiClient) -> None:
    folder = (await api.call("workspaceManagement.folder.create", name="Playbooks", emojiSlug="books", kind="file"))["folder"]["uuid"]
    tools = (await api.call("workspaceManagement.folder.create", name="Tools", emojiSlug="books", kind="tool"))["folder"]["uuid"]
    file = await send(api, "a.txt", b"text", folderUuid=folder)
    assert [one["uuid"] for one in (await api.call("content.file.all", folderUuid=folder))["files"]] == [file["uuid"]]
    assert await api.refused("workspaceManagement.folder.remove", uuid=folder) == (409, "folderIsUsed")
    moved = (await api.call("content.file.update", uuid=file["uuid"], name="b/../c.txt", folderUuid=None))["file"]
    assert (moved["name"], moved["folderUuid"]) == ("c.txt", None)
    assert await api.refused("content.file.update", uuid=file["uuid"], folderUuid=tools) == (404, "folderNotFound")
    await api.call("workspaceManagement.folder.remove", uuid=folder)


async def test_a_file_is_replaced_under_the_same_uuid(api: ApiClient, backend: Backend) -> None:
    first = await upload(api, "old.txt", b"first text")
    second = await upload(api, "new.md", b"# Second\n\ntext", uuid=first["uuid"])
    assert (second["uuid"], second["name"], second["chunksCount"]) == (first["uuid"], "new.md", 1)
    assert (await api.http.get(f"/v1/content/files/{first['uuid']}/raw")).content == b"# Second\n\ntext"
    with pytest.raises(LookupError):
        await backend.state.files.size(first["s3Filename"])


async def test_what_is_named_has_to_be_there(api: ApiClient, backend: Backend) -> None:
    for field, reason in (("folderUuid", "folderNotFound"), ("uuid", "fileNotFound"), ("libraryUuid", "libraryNotFound")):
        response = await api.http.post("/v1/content/files/upload", files={"file": ("a.txt", b"text")}, data={field: MISSING})
        assert (response.status_code, response.json()["reason"]) == (404, reason)
    response = await api.http.post("/v1/content/files/upload", data={"folderUuid": MISSING})
    assert (response.status_code, response.json()["reason"]) == (400, "noFile")
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        known = set(await db.scalars(select(File.s3_filename)))
    assert {key async for key in backend.state.files.keys() if "/files/" in key} == known  # noqa: SIM118 - a method of its own


async def test_a_removed_file_leaves_nothing(api: ApiClient, backend: Backend) -> None:
    file = await upload(api, "gone.txt", b"xylophone zeppelin")
    await api.call("content.file.remove", uuid=file["uuid"])
    assert await api.refused("content.file.get", uuid=file["uuid"]) == (404, "fileNotFound")
    assert await api.refused("content.file.remove", uuid=file["uuid"]) == (404, "fileNotFound")
    with pytest.raises(LookupError):
        await backend.state.files.size(file["s3Filename"])
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert list(await db.scalars(select(Term.term).where(Term.term.in_(["xylophon", "zeppelin"])))) == []


async def test_the_count_of_words_is_that_of_the_chunks(api: ApiClient, backend: Backend) -> None:
    file = await upload(api, "a.txt", b"apple pear\n\napple plum")
    await upload(api, "a.txt", b"apple only", uuid=file["uuid"])
    await api.call("content.file.reindex", uuid=file["uuid"])
    await read(api, file["uuid"])
    counted = "select lexeme, count(*) from content_chunks, unnest(terms) group by 1 order by 1"
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        stored = await db.execute(text("select term, chunks from content_terms order by 1"))
        assert [tuple(row) for row in stored] == [tuple(row) for row in await db.execute(text(counted))]


async def test_files_count_as_stored_bytes(api: ApiClient) -> None:
    async def stored() -> int:
        usage = await api.call("workspaceManagement.workspace.getUsage")
        return sum(one["used"] for one in usage["quotas"] if one["kind"] == "storedBytes")

    before = await stored()
    file = await upload(api, "big.txt", b"x " * 5_000)
    assert await stored() == before + 10_000
    await api.call("content.file.remove", uuid=file["uuid"])
    assert await stored() == before


async def test_another_workspace_sees_no_file(api: ApiClient, backend: Backend) -> None:
    file = await upload(api, "secret.txt", b"secret")
    other = backend.other_api
    assert (await other.call("content.file.all"))["files"] == []
    for operation in ("content.file.get", "content.file.remove", "content.file.update", "content.file.reindex", "content.file.readBytes"):
        assert await other.refused(operation, uuid=file["uuid"]) == (404, "fileNotFound")
    response = await other.http.post("/v1/content/files/upload", files={"file": ("a.txt", b"x")}, data={"uuid": file["uuid"]})
    assert response.status_code == 404


async def test_libraries_hold_files(api: ApiClient, backend: Backend) -> None:
    (default,) = [one for one in (await api.call("content.library.list", kind="native"))["libraries"] if one["name"] == "Files"]
    library = (await api.call("content.library.create", name="Playbooks"))["library"]
    assert (library["kind"], library["extractorSlug"]) == ("native", "upload")
    file = await upload(api, "a.txt", b"text", libraryUuid=library["uuid"])
    assert [one["uuid"] for one in (await api.call("content.file.all", libraryUuid=library["uuid"]))["files"]] == [file["uuid"]]
    assert await api.refused("content.library.remove", uuid=library["uuid"]) == (409, "libraryHasFiles")
    renamed = (await api.call("content.library.update", uuid=library["uuid"], name="Old"))["library"]
    assert (renamed["name"], renamed["uuid"]) == ("Old", library["uuid"])
    await api.call("content.file.remove", uuid=file["uuid"])
    await api.call("content.library.remove", uuid=library["uuid"])
    assert await api.refused("content.library.get", uuid=library["uuid"]) == (404, "libraryNotFound")
    assert await backend.other_api.refused("content.library.get", uuid=default["uuid"]) == (404, "libraryNotFound")


async def test_a_library_of_a_connector_needs_a_service_that_gives_files(api: ApiClient) -> None:
    fields: Body = {"name": "Drive", "extractorSlug": "files", "config": {}}
    assert await api.refused("content.library.create", connectorUuid=MISSING, **fields) == (404, "connectorNotFound")
    connector = await api.connector("crm", integrationSlug="http", name="CRM", config={})
    assert await api.refused("content.library.create", connectorUuid=connector["uuid"], **fields) == (400, "integrationNotCompatible")
    assert (await api.call("content.library.list", kind="connector"))["libraries"] == []
