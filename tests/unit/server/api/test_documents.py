"""What the server says about itself: health, OpenAPI, the docs page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from structlog.testing import capture_logs

from cargo_ai import __version__
from cargo_ai.expression.sandbox import host
from cargo_ai.kernel.operation import Cli
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.api.dispatch import HandledOperation
from cargo_ai.server.api.documents import command_words, openapi
from cargo_ai.server.api.state import State
from cargo_ai.store import disk, migrate
from cargo_ai.store.session import ALL_WORKSPACES, Database
from tests.unit.server import example_operations


async def test_healthz_needs_no_token_and_names_the_version(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get("/healthz", headers={"Authorization": ""})
    assert reply.json() == {"status": "ok", "version": __version__}


BEAT = text("INSERT INTO workers VALUES (gen_random_uuid(), 'h', 1, '{}', 1, 0, (extract(epoch FROM now()) - :ago) * 1000)")


async def beat(state: State, *ago: float) -> None:
    """Workers whose heart beat this many seconds ago."""
    async with state.database.session(ALL_WORKSPACES) as db:
        for seconds in ago:
            await db.execute(BEAT, {"ago": seconds})
        await db.commit()


async def test_readyz_reports_database_migrations_workers_and_sandbox(example_client: httpx.AsyncClient, state: State) -> None:
    await beat(state, 0)
    reply = await example_client.get("/readyz")
    assert reply.status_code == 200
    report = reply.json()
    assert report["database"] == "ok"
    assert report["migrations"] == {"current": migrate.head(), "needed": migrate.head()}
    assert (report["workers"], report["sandbox"], report["email"]) == (1, host.level(), "notConfigured")
    assert report["postgres"]["version"].split(".")[0].isdigit()
    assert "plpgsql" in report["postgres"]["extensions"]


async def test_readyz_counts_the_workers_whose_heart_beats(example_client: httpx.AsyncClient, state: State) -> None:
    await beat(state, 0, state.settings.stalled_after * 2)
    assert (await example_client.get("/readyz")).json()["workers"] == 1


async def test_readyz_is_503_with_a_sentence_and_a_fix_when_no_worker_is_alive(example_client: httpx.AsyncClient, state: State) -> None:
    await beat(state, state.settings.stalled_after * 2)
    reply = await example_client.get("/readyz")
    report = reply.json()
    assert (reply.status_code, report["status"], report["workers"]) == (503, "notReady", 0)
    assert ("No worker is alive" in report["errorMessage"], report["fix"]) == (True, "cargo-ai server stop && cargo-ai server start")


async def test_readyz_of_a_server_without_workers_of_its_own_says_how_to_start_one(state: State) -> None:
    alone = replace(state, settings=Settings({**state.settings.environment, "CARGO_AI_WORKERS": "0"}))
    app = application.build(alone, example_operations.SERVED)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        report = (await client.get("/readyz")).json()
    assert (report["workers"], report["fix"]) == (0, "cargo-ai server worker")


async def test_readyz_is_503_when_the_schema_is_another_one(example_client: httpx.AsyncClient, state: State) -> None:
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await db.commit()
    reply = await example_client.get("/readyz")
    assert (reply.status_code, reply.json()["status"]) == (503, "notReady")


async def test_without_a_database_readyz_and_operations_are_503_and_healthz_is_fine(state: State) -> None:
    away = replace(state, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    app = application.build(away, example_operations.SERVED)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json()["database"] == "unavailable"
        reply = await client.get("/v1/garden/plants/list", headers={"Authorization": "Bearer x"})
    assert (reply.status_code, reply.json()["reason"], reply.headers["retry-after"]) == (503, "databaseUnavailable", "1")


async def test_where_a_disk_is_full_readyz_and_refusals_say_which(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LEAST_FREE_BYTES", 2**62)
    away = replace(state, database=Database("postgresql://nobody@127.0.0.1:1/none"))
    app = application.build(away, example_operations.SERVED)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert "is full" in (await client.get("/readyz")).json()["errorMessage"]
        reply = await client.get("/v1/garden/plants/list", headers={"Authorization": "Bearer x"})
    assert (reply.status_code, reply.json()["reason"], reply.headers["retry-after"]) == (503, "databaseUnavailable", "30")
    assert f"The disk of {state.settings.data_dir} is full" in reply.json()["errorMessage"]


@pytest.mark.parametrize(("path", "level"), [("/healthz", "debug"), ("/readyz", "debug"), ("/openapi.json", "info")])
async def test_probes_are_logged_for_those_who_debug_only(example_client: httpx.AsyncClient, path: str, level: str) -> None:
    with capture_logs() as lines:
        await example_client.get(path)
    assert [(line["log_level"], line["path"]) for line in lines if line["event"] == "request"] == [(level, path)]


async def test_openapi_describes_every_operation(example_client: httpx.AsyncClient) -> None:
    document = (await example_client.get("/openapi.json")).json()
    create = document["paths"]["/garden/plants"]["post"]
    assert create["operationId"] == "garden.plant.create"
    assert create["x-error-reasons"] == ["nameTaken"]
    assert create["x-permission"] == "garden:write"
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert (body["required"], sorted(body["properties"])) == (["name"], ["name", "pot"])
    get = document["paths"]["/garden/plants/{uuid}"]["get"]
    assert [one["name"] for one in get["parameters"]] == ["uuid", "selected-workspace-uuid", "Prefer"]
    listing = document["paths"]["/garden/plants/list"]["get"]
    assert [one["name"] for one in listing["parameters"]][:4] == ["names[]", "limit", "tall", "filter"]
    text = json.dumps(document)
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in document["components"]["schemas"]


async def test_the_docs_page_runs_only_its_own_script(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get("/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    (script,) = re.findall(r"<script>(.*?)</script>", reply.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = reply.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "://" not in reply.text
    assert "cargo-ai garden plant list" in reply.text


def test_two_operations_on_one_verb_and_path_are_a_bug(state: State) -> None:
    twin = HandledOperation(replace(example_operations.get, name="garden.twin.get"), example_operations.get_plant)
    with pytest.raises(ValueError, match="same verb and path"):
        application.build(state, [*example_operations.SERVED, twin])


def test_commands_spell_what_the_names_say() -> None:
    spelled = {
        "orchestration.workflow.all": "orchestration workflow list",
        "orchestration.draftRelease.getDeployed": "orchestration draft-release get-deployed",
        "workspaceManagement.token.create": "workspace token create",
        "systemOfRecordIntegration.client.getDDL": "system-of-record client get-ddl",
        "userManagement.user.getCurrent": "user-management user get-current",
    }
    for name, words in spelled.items():
        assert " ".join(command_words.words_of(replace(example_operations.get, name=name))) == words
    assert command_words.words_of(replace(example_operations.get, cli=Cli(words=("a", "b")))) == ["a", "b"]


def test_openapi_is_the_same_each_time() -> None:
    assert json.dumps(openapi.document(example_operations.OPERATIONS)) == json.dumps(openapi.document(example_operations.OPERATIONS))


async def test_documents_need_no_token(example_app: Starlette, state: State) -> None:
    await beat(state, 0)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(example_app), base_url="http://test") as anonymous:
        assert {(await anonymous.get(path)).status_code for path in ("/openapi.json", "/docs", "/readyz")} == {200}
