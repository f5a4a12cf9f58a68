"""The audit log: who wrote what from where, what changed without secrets, and what was refused; for its workspace's writers alone."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cargo_ai.domains.workspace import audit
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.tables import AuditEntry
from tests.kit.api_client import ApiClient
from tests.kit.application import signed_in
from tests.kit.backend import Backend

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = "workspaceManagement.audit.list"
FOLDER: dict[str, Any] = {"kind": "play", "emojiSlug": "star"}


async def entries(backend: Backend, **filters: Any) -> list[dict[str, Any]]:
    await backend.state.refused_writes.flush()
    listed: list[dict[str, Any]] = (await backend.admin.call(LIST, **filters))["entries"]
    return listed


async def test_a_write_says_who_from_where_what_and_what_changed(backend: Backend) -> None:
    folder = (await backend.admin.call("workspaceManagement.folder.create", name="Leads", **FOLDER))["folder"]
    (entry,) = await entries(backend, targetUuid=folder["uuid"])
    assert (entry["operation"], entry["userEmail"], entry["tokenName"]) == (
        "workspaceManagement.folder.create",
        "admin@localhost",
        "First token",
    )
    assert (entry["address"], entry["status"], entry["reason"]) == ("127.0.0.1", 200, None)
    assert {change["field"]: change["value"] for change in entry["changes"]} == {"name": "Leads", "kind": "play", "emojiSlug": "star"}


async def test_secrets_and_texts_are_named_without_their_values(backend: Backend) -> None:
    config = {"baseUrl": "https://crm.example.com", "headers": {"Authorization": "Bearer s3cr3t"}}
    connector = await backend.admin.connector("audited", config=config)
    (entry,) = await entries(backend, targetUuid=connector["uuid"])
    shown = {change["field"]: (change["value"], change["isHidden"]) for change in entry["changes"]}
    assert shown["config"] == (None, True) and shown["slug"] == ("audited", False)
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        assert "s3cr3t" not in str([row.changes for row in await db.scalars(select(AuditEntry))])


async def test_a_refused_write_is_there_and_an_invalid_one_is_not(backend: Backend) -> None:
    gone = str(ids.new())
    assert (await backend.admin.refused("workspaceManagement.folder.remove", uuid=gone))[0] == 404
    assert (await backend.admin.refused("workspaceManagement.folder.create", name=5))[0] == 400
    (entry,) = await entries(backend, outcome="refused", targetUuid=gone)
    assert (entry["status"], entry["reason"], entry["operation"]) == (404, "folderNotFound", "workspaceManagement.folder.remove")
    assert await entries(backend, outcome="refused", operation="workspaceManagement.folder.create") == []


async def test_a_refused_write_names_who_lacked_the_permission(backend: Backend) -> None:
    rules = [{"effect": "allow", "actions": ["workspaceManagement:read"]}]
    token = (await backend.admin.call("workspaceManagement.token.create", name="Reader", permissions=rules))["token"]
    async with signed_in(application.build(backend.state), token["token"]) as http:
        reader = ApiClient(http)
        assert await reader.refused("workspaceManagement.folder.create", name="No", **FOLDER) == (403, "forbidden")
        assert await reader.refused(LIST) == (403, "forbidden")
    (entry,) = await entries(backend, tokenUuid=token["uuid"])
    assert (entry["tokenName"], entry["status"]) == ("Reader", 403)


async def test_the_log_is_paged_filtered_and_of_one_workspace(backend: Backend) -> None:
    for name in ("a", "b", "c"):
        await backend.other_api.call("workspaceManagement.folder.create", name=name, **FOLDER)
    theirs = (await backend.other_api.call(LIST, operation="workspaceManagement.folder", limit=2))["entries"]
    assert [entry["changes"][0]["value"] for entry in theirs] == ["c", "b"]
    rest = (await backend.other_api.call(LIST, operation="workspaceManagement.folder", limit=2, offset=2))["entries"]
    assert [entry["changes"][0]["value"] for entry in rest] == ["a"]
    mine = {entry["id"] for entry in await entries(backend, limit=1000)}
    assert mine and not mine & {entry["id"] for entry in [*theirs, *rest]}
    later = clock.to_iso(clock.now() + timedelta(minutes=1))
    assert (await backend.other_api.call(LIST, createdAfter=later))["entries"] == []
    assert (await backend.other_api.call(LIST, userUuid="no uuid"))["entries"] == []


async def test_the_log_is_exported_oldest_first(backend: Backend) -> None:
    await backend.other_api.call("workspaceManagement.folder.create", name="z", **FOLDER)
    url = (await backend.other_api.call("workspaceManagement.audit.download", format="csv"))["url"]
    rows = list(csv.DictReader(io.StringIO((await backend.other_api.http.get(url)).text)))
    assert [int(row["id"]) for row in rows] == sorted(int(row["id"]) for row in rows)
    assert rows[-1]["operation"] == "workspaceManagement.folder.create" and rows[-1]["userEmail"] == "stranger@example.com"


async def test_what_is_older_than_the_setting_is_forgotten(backend: Backend) -> None:
    folder = (await backend.admin.call("workspaceManagement.folder.create", name="Old", **FOLDER))["folder"]
    kept = (await backend.admin.call("workspaceManagement.folder.create", name="New", **FOLDER))["folder"]
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        old = update(AuditEntry).where(AuditEntry.target_uuid == ids.parse(folder["uuid"]))
        await db.execute(old.values(at=clock.now() - timedelta(days=40)))
        await db.commit()
    await audit.prune(backend.state.database, Settings({"CARGO_AI_KEEP_AUDIT_DAYS": "41"}))
    assert len(await entries(backend, targetUuid=folder["uuid"])) == 1
    await audit.prune(backend.state.database, Settings({"CARGO_AI_KEEP_AUDIT_DAYS": "39"}))
    assert await entries(backend, targetUuid=folder["uuid"]) == []
    assert len(await entries(backend, targetUuid=kept["uuid"])) == 1
