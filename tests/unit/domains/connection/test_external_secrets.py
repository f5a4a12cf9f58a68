"""Secrets that connectors name and the operator keeps: where they may be read, what is said where they may not, and that none is stored."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from cargo_ai.domains.connection.accounts import accounts
from cargo_ai.domains.connection.external_secrets import sources
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.external_secrets.sources import ExternalSecrets
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.domains.workspace import public
from cargo_ai.engine.graph.action import Done, Failed, Later
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.state import State
from cargo_ai.server.compose import services_of
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.kit.peers.echo_service import EchoService, Say
from tests.simulators.vault import VaultSimulator
from tests.unit.domains.connection.conftest import Worker

TOKEN, VAULT_TOKEN = "tok-4711-very-secret", "hvs.4711-of-the-server"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are opened again at once; what was read is still remembered."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.0)


@pytest.fixture
def vault(service: EchoService) -> VaultSimulator:
    """A Vault with one entry."""
    simulator = VaultSimulator(service, VAULT_TOKEN)
    simulator.put("secret/crm", token=TOKEN, port=8200)
    return simulator


@pytest.fixture
def settings(tmp_path: Path, service: EchoService) -> Settings:
    """An operator who allows one variable, a folder and a Vault."""
    (tmp_path / "secrets").mkdir()
    return Settings(
        {
            "CARGO_AI_DATA_DIR": str(tmp_path / "data"),
            "CARGO_AI_STRICT_REFUSALS": "1",
            "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1",
            "CARGO_AI_SECRETS_ENV": "CRM_*, *_SECRET_KEY",
            "CARGO_AI_SECRETS_DIR": str(tmp_path / "secrets"),
            "CARGO_AI_VAULT_ADDR": service.url,
            "CARGO_AI_VAULT_TOKEN": VAULT_TOKEN,
            "CARGO_AI_VAULT_PATHS": "secret/crm, secret/{workspace}/*",
            "CARGO_AI_SECRET_KEY": "the key of the server itself, 32 bytes or more",
            "CRM_TOKEN": TOKEN,
            "HOME_TOKEN": "of somewhere else",
        }
    )


@pytest.fixture
async def worker(state: State, first_workspace: public.Bootstrap) -> AsyncIterator[Worker]:
    """A worker of that operator."""
    async with http_client.client(state.settings) as http:
        services = services_of(state.settings, state.database, state.files, state.secrets, http)
        yield Worker(services, first_workspace.workspace_uuid)


def bearer(service: EchoService, token: str) -> dict[str, Any]:
    return {"baseUrl": service.url, "auth": {"kind": "bearer", "token": token}}


@pytest.mark.parametrize("reference", ["secret://env/CRM_TOKEN", "secret://file/crm/token", "secret://vault/secret/crm#token"])
async def test_a_reference_is_shown_stored_and_becomes_the_secret_only_in_calls(
    api: ApiClient, worker: Worker, state: State, service: EchoService, vault: VaultSimulator, tmp_path: Path, reference: str
) -> None:
    (tmp_path / "secrets/crm").mkdir()
    (tmp_path / "secrets/crm/token").write_text(f"{TOKEN}\n")
    made = await api.connector(config=bearer(service, reference))
    assert made["config"]["auth"]["token"] == reference
    outcome = await worker.perform({"url": "a"}, connectorUuid=made["uuid"])
    sent = next(heard for heard in service.heard if heard.path == "/a")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert isinstance(outcome, Done) and TOKEN not in str(outcome)
    async with state.database.session(ALL_WORKSPACES) as db:
        sealed = await db.scalar(select(Connector.sealed_config))
        assert sealed is not None and json.loads(state.secrets.open(sealed))["auth"]["token"] == reference
        for table in ("connectors", "audit_log", "idempotency_keys"):
            rows = (await db.execute(text(f"SELECT t::text FROM {table} t"))).scalars()
            assert not any(TOKEN in row or VAULT_TOKEN in row for row in rows)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("secret://env/HOME_TOKEN", "Connectors may not read the variable HOME_TOKEN of the server."),
        ("secret://env/CARGO_AI_SECRET_KEY", "Connectors may not read the variable CARGO_AI_SECRET_KEY of the server."),
        ("secret://env/cargo_ai_SECRET_KEY", "Connectors may not read the variable cargo_ai_SECRET_KEY of the server."),
        ("secret://env/CRM_NOTHING", "The server has no variable CRM_NOTHING"),
        ("secret://env/CRM TOKEN", "is not a reference to a secret. Write secret://env/NAME"),
        ("secret://file/absent", "There is no file absent in the server's folder of secrets."),
        ("secret://file/../data/secret.key", "is not a reference to a secret."),
        ("secret://file//etc/passwd", "is not a reference to a secret."),
        ("secret://file/out", "There is no file out in"),
        ("secret://file/pipe", "There is no file pipe in"),
        ("secret://file/empty", "The file empty of the server's folder of secrets is empty."),
        ("secret://file/huge", "The file huge is larger than 64 KB"),
        ("secret://vault/secret/crm", "is not a reference to a secret."),
        ("secret://vault/secret/crm#absent", "The entry secret/crm in Vault has no field absent."),
        ("secret://vault/secret/crm#port", "The field port of secret/crm in Vault is not text."),
        ("secret://vault/secret/other#token", "Connectors may not read secret/other in Vault."),
        ("secret://vault/secret/0198c5f0-0000-7000-8000-000000000001/crm#token", "Connectors may not read secret/0198c5f0"),
        ("secret://vault/secret/../sys#token", "is not a reference to a secret."),
        ("secret://elsewhere/x", "is not a reference to a secret."),
    ],
)
async def test_what_may_not_or_cannot_be_read_is_refused_with_a_sentence(
    api: ApiClient, service: EchoService, vault: VaultSimulator, tmp_path: Path, reference: str, said: str
) -> None:
    (tmp_path / "secrets/out").symlink_to("/etc/hostname")
    (tmp_path / "secrets/empty").write_text("\n")
    (tmp_path / "secrets/huge").write_text("x" * 70_000)
    os.mkfifo(tmp_path / "secrets/pipe")
    status, body = await api.refusal(
        "connection.connector.create", integrationSlug="http", slug="crm", name="X", config=bearer(service, reference)
    )
    assert (status, body["reason"]) == (400, "invalidInput")
    assert said in body["errorMessage"]
    assert (await api.call("connection.connector.list"))["connectors"] == []


async def test_a_workspace_may_read_below_its_own_path(
    api: ApiClient, other_api: ApiClient, service: EchoService, vault: VaultSimulator, first_workspace: public.Bootstrap
) -> None:
    path = f"secret/{first_workspace.workspace_uuid}/crm"
    vault.put(path, token=TOKEN)
    await api.connector(config=bearer(service, f"secret://vault/{path}#token"))
    status, body = await other_api.refusal(
        "connection.connector.create", integrationSlug="http", slug="c", name="X", config=bearer(service, f"secret://vault/{path}#token")
    )
    assert status == 400 and "Connectors may not read" in body["errorMessage"]


async def test_a_secret_is_remembered_for_a_while_and_a_place_that_is_away_does_not_stop_its_runs(
    api: ApiClient, worker: Worker, service: EchoService, vault: VaultSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.connector(config=bearer(service, "secret://vault/secret/crm#token"))
    for _ in range(3):
        assert isinstance(await worker.perform({"url": "a"}, connectorUuid=made["uuid"]), Done)
    assert vault.reads() == 2  # once for the connector's creation, once by the worker
    vault.sealed = True
    monkeypatch.setattr(sources, "FRESH_SECONDS", 0.0)
    worker.services.once(ExternalSecrets, lambda: ExternalSecrets(worker.services.settings)).forget()
    away = await worker.perform({"url": "a"}, connectorUuid=made["uuid"])
    assert isinstance(away, Later) and "Vault answered 503" in away.reason


async def test_a_vault_that_is_away_leaves_what_was_read_in_use(
    service: EchoService, vault: VaultSimulator, settings: Settings, first_workspace: public.Bootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FRESH_SECONDS", 0.0)
    external, workspace = ExternalSecrets(settings), first_workspace.workspace_uuid
    reference = "secret://vault/secret/crm#token"
    assert await external.read_all(workspace, [reference]) == {reference: TOKEN}
    vault.sealed = True
    assert await external.read_all(workspace, [reference]) == {reference: TOKEN}
    assert vault.reads() == 2
    with pytest.raises(SecretUnavailable, match="Vault answered 503"):
        await external.read_all(workspace, [reference], again=True)


async def test_a_secret_that_is_gone_fails_its_runs_with_a_sentence(
    api: ApiClient, worker: Worker, service: EchoService, vault: VaultSimulator
) -> None:
    made = await api.connector(config=bearer(service, "secret://vault/secret/crm#token"))
    vault.deleted.add("secret/crm")
    outcome = await worker.perform({"url": "a"}, connectorUuid=made["uuid"])
    assert outcome == Failed("Vault has no entry secret/crm in a KV engine of version 2, or its newest version was deleted.")


async def test_a_reference_where_no_secret_belongs_is_plain_text(api: ApiClient, worker: Worker, service: EchoService) -> None:
    made = await api.connector(config={"baseUrl": service.url})
    await worker.perform({"url": "a", "headers": {"x": "secret://env/CRM_TOKEN"}}, connectorUuid=made["uuid"])
    assert service.heard[0].headers["x"] == "secret://env/CRM_TOKEN"


async def test_secrets_go_to_their_paths_and_leave_the_rest(api: ApiClient, worker: Worker, service: EchoService) -> None:
    config = {"baseUrl": service.url, "auth": {"kind": "bearer"}}
    made = await api.connector(config=config, secrets={"auth.token": "secret://env/CRM_TOKEN", "headers.X-Key": "abc-def-ghi"})
    assert made["config"] == {**config, "auth": {"kind": "bearer", "token": "secret://env/CRM_TOKEN"}, "headers": {"X-Key": "***"}}
    await api.call("connection.connector.update", uuid=made["uuid"], secrets={"auth.token": "another-one"})
    await worker.perform({"url": "a"}, connectorUuid=made["uuid"])
    assert (service.heard[0].headers["authorization"], service.heard[0].headers["x-key"]) == ("Bearer another-one", "abc-def-ghi")
    status, body = await api.refusal("connection.connector.update", uuid=made["uuid"], secrets={"auth.tokn": "x"})
    assert status == 400
    assert body["errors"] == [
        {
            "path": "secrets.auth.tokn",
            "message": "is not a secret of HTTP; it has: auth.password, auth.token, auth.username, auth.value, headers.NAME",
        }
    ]


async def test_a_vault_answer_that_is_no_json_is_no_secret(api: ApiClient, service: EchoService) -> None:
    service.on("/v1/secret/data/crm", Say(200, b"<html>"))
    sentence = await api.refusal_message(
        "connection.connector.create", integrationSlug="http", slug="c", name="X", config=bearer(service, "secret://vault/secret/crm#token")
    )
    assert "has no field token" in sentence
