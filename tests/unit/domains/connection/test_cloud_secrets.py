"""Secrets that clouds keep: how the server signs in there, what is read, and what is said where it cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.connection.external_secrets import sources
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.external_secrets.sources import ExternalSecrets
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from tests.kit.peers.echo_service import EchoService
from tests.simulators.clouds import AZURE_TOKEN, KEY, CloudSecrets

TOKEN = "tok-4711-very-secret"
WORKSPACE = ids.new()
NAMES = ("aws/crm/token", "google/simulated-project/crm", "azure/my-vault/crm")


@pytest.fixture
def clouds(service: EchoService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CloudSecrets:
    """All three, and the variables by which the vendors' libraries find out who this server is."""
    simulator = CloudSecrets(service)
    for name, value in simulator.variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AZURE_CLIENT_ID", raising=False)
    return simulator


def external(clouds: CloudSecrets, allowed: str = "aws/crm/*, google/*/crm, azure/my-vault/*") -> ExternalSecrets:
    """What a process whose operator allows that reads with."""
    said = {"CARGO_AI_CLOUD_SECRETS": allowed, "CARGO_AI_SERVICE_ADDRESSES": clouds.addresses}
    return ExternalSecrets(Settings({**os.environ, **said}))


async def read(secrets: ExternalSecrets, name: str) -> str:
    reference = f"secret://{name}"
    return (await secrets.read_all(WORKSPACE, [reference]))[reference]


@pytest.mark.parametrize("name", NAMES)
async def test_a_secret_is_read_with_who_the_server_is_there(clouds: CloudSecrets, name: str) -> None:
    clouds.put(name, TOKEN)
    assert await read(external(clouds), name) == TOKEN
    assert not any(KEY in str(heard) or TOKEN in str(heard) for heard in clouds.service.heard)


@pytest.mark.parametrize("name", NAMES)
async def test_one_field_of_a_json_secret_is_read(clouds: CloudSecrets, name: str) -> None:
    clouds.put(name, f'{{"token": "{TOKEN}", "port": 8200}}')
    assert await read(external(clouds), f"{name}#token") == TOKEN
    with pytest.raises(SecretUnavailable, match="is not a JSON object with a text in port"):
        await read(external(clouds), f"{name}#port")


@pytest.mark.parametrize("name", NAMES)
async def test_a_secret_that_is_not_there_is_no_matter_of_trying_again(clouds: CloudSecrets, name: str) -> None:
    clouds.watch(name)
    with pytest.raises(SecretUnavailable, match=f"has no secret {name.partition('/')[2]}") as caught:
        await read(external(clouds), name)
    assert not caught.value.transient


@pytest.mark.parametrize("name", NAMES)
async def test_what_was_read_is_used_while_the_cloud_refuses_for_now(
    clouds: CloudSecrets, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FRESH_SECONDS", 0.0)
    clouds.put(name, TOKEN)
    secrets = external(clouds)
    assert await read(secrets, name) == TOKEN
    clouds.throttled = True
    assert await read(secrets, name) == TOKEN
    with pytest.raises(SecretUnavailable) as caught:
        await read(external(clouds), name)
    assert caught.value.transient


async def test_who_the_server_is_is_asked_once(clouds: CloudSecrets) -> None:
    names = [f"google/simulated-project/{name}" for name in ("a", "b", "c")]
    for name in names:
        clouds.put(name, TOKEN)
    secrets = external(clouds, "google/*")
    for name in names:
        await read(secrets, name)
    assert clouds.tokens.given == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("aws/other/token", "Connectors may not read aws/other/token. The operator allows secrets of clouds by CARGO_AI_CLOUD_SECRETS."),
        ("google/simulated-project/other", "Connectors may not read google/simulated-project/other."),
        ("azure/my-vault.evil.example/crm", "is not a reference to a secret."),
        ("azure/crm", "is not a reference to a secret."),
        ("google/p/crm/versions/1", "is not a reference to a secret."),
        ("aws/../crm", "is not a reference to a secret."),
        ("aws/crm/a?b", "is not a reference to a secret."),
    ],
)
async def test_what_the_operator_does_not_allow_is_not_asked_for(clouds: CloudSecrets, name: str, said: str) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        await read(external(clouds), name)
    assert said in str(caught.value)
    assert clouds.service.heard == []


async def test_a_workspace_reads_below_its_own_name(clouds: CloudSecrets) -> None:
    clouds.put(f"aws/{WORKSPACE}/token", TOKEN)
    secrets = external(clouds, "aws/{workspace}/*")
    assert await read(secrets, f"aws/{WORKSPACE}/token") == TOKEN
    with pytest.raises(SecretUnavailable, match="may not read"):
        await secrets.read_all(ids.new(), [f"secret://aws/{WORKSPACE}/token"])


async def test_wrong_keys_are_said_to_be_wrong(clouds: CloudSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-key")
    with pytest.raises(SecretUnavailable, match="AWS Secrets Manager answered InvalidSignatureException") as caught:
        await read(external(clouds), "aws/crm/token")
    assert "another-key" not in str(caught.value)


async def test_a_server_without_credentials_says_what_is_missing(clouds: CloudSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SecretUnavailable, match="The server has no AWS credentials: give it a role"):
        await read(external(clouds), "aws/crm/token")


async def test_without_the_extra_the_command_that_installs_it_is_named(clouds: CloudSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, "azure.identity", missing)
    with pytest.raises(SecretUnavailable, match=r"pip install 'cargo-ai\[server,azure\]'"):
        await read(external(clouds), "azure/my-vault/crm")


async def test_the_token_of_a_managed_identity_goes_to_the_vault_alone(clouds: CloudSecrets) -> None:
    clouds.put("azure/my-vault/crm", TOKEN)
    await read(external(clouds), "azure/my-vault/crm")
    assert [heard.path for heard in clouds.service.heard if AZURE_TOKEN in str(heard.headers)] == ["/azure/secrets/crm"]
