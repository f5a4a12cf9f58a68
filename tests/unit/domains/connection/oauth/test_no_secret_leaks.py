"""No secret of an account leaves the server but to its service: not in replies, errors, outcomes, logs and a dump of the database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cargo_ai.engine.graph.action import Done
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient
from tests.kit.data.database_dump import dump, leaks
from tests.kit.peers.echo_service import EchoService, Heard, Say
from tests.simulators.oauth import OAuthSimulator
from tests.simulators.vault import VaultSimulator
from tests.unit.domains.connection.oauth.conftest import SLUG, Process, agree, connected, expire, key_file

VAULT_TOKEN, VAULT_SECRET, BEARER = "hvs.token-of-the-server", "tok-that-vault-keeps", "tok-that-we-keep-4711"


@pytest.fixture
def settings(settings: Settings, service: EchoService) -> Settings:
    """A server with a Vault, too."""
    return Settings({**settings.environment, "CARGO_AI_VAULT_ADDR": service.url, "CARGO_AI_VAULT_TOKEN": VAULT_TOKEN})


async def test_no_secret_of_any_kind_of_account_is_seen(
    api: ApiClient,
    vendor: OAuthSimulator,
    processes: list[Process],
    service: EchoService,
    state: State,
    capfd: pytest.CaptureFixture[str],
) -> None:
    VaultSimulator(service, VAULT_TOKEN).put("secret/crm", token=VAULT_SECRET)
    vendor.access |= {VAULT_SECRET, BEARER}
    said: list[str] = []

    async def create(slug: str, config: dict[str, Any], **more: Any) -> str:
        reply = await api.send("connection.connector.create", integrationSlug=SLUG, slug=slug, name=slug, config=config, **more)
        said.append(reply.text)
        return str(reply.json()["connector"]["uuid"])

    plain = await create("plain", {"method": "bearer", "token": BEARER})
    kept = await create("kept", {"method": "bearer", "token": "secret://vault/secret/crm#token"})
    robot = await create("robot", {"method": "serviceAccount", "serviceAccountKey": key_file()})
    person = await connected(api, vendor, name="P", slug="person")
    program = await api.call("connection.integration.initiateOauth", slug=SLUG)
    completed = await api.call("connection.integration.completeOauth", slug=SLUG, params=vendor.consent(program["consentUrl"]))
    await create("program", {"method": "oauth", "grant": completed["value"]})
    refused = await agree(
        api, {**vendor.consent((await api.call("connection.connector.connect", uuid=person))["consentUrl"]), "code": "wrong"}
    )
    said.append(refused.text)
    # The service repeats what it was sent, in good answers and in bad ones; tokens are refreshed in between.
    for connector in (plain, kept, robot, person):
        outcome = await processes[0].perform(connector)
        assert isinstance(outcome, Done)
        said.append(str(outcome))
    await expire(state)
    said.append(str(await processes[1].perform(person)))
    vendor.access.clear()
    said += [str(await processes[0].perform(connector)) for connector in (plain, kept, robot, person)]
    service.on("/me", _repeat)
    said += [str(await processes[1].perform(connector)) for connector in (plain, kept, robot, person)]
    for connector in (plain, kept, robot, person):
        said.append((await api.send("connection.connector.get", uuid=connector)).text)
        said.append((await api.send("connection.connector.get", uuid=connector, verify=True)).text)
    said.append((await api.send("connection.connector.list")).text)
    bad = {"method": "bearer", "token": BEARER, "unknown": VAULT_SECRET}
    said.append((await api.send("connection.connector.create", integrationSlug=SLUG, slug="x", name="X", config=bad)).text)

    key = json.loads(key_file())["private_key"].splitlines()[3]
    tokens = [token for token in vendor.issued if not token.startswith("code")]
    secrets = [BEARER, VAULT_SECRET, VAULT_TOKEN, vendor.client_secret, key, *tokens, *filter(None, vendor.verifiers)]
    assert len(tokens) > 4 and len(secrets) > 10
    written = capfd.readouterr()
    assert leaks("\n".join(said), secrets) == []
    assert leaks(written.out + written.err, [*secrets, completed["value"]]) == []
    assert leaks(await dump(state.database), [*secrets, completed["value"], program["state"]]) == []


def _repeat(heard: Heard) -> Say:
    return Say(400, json.dumps({"message": f"wrong: {heard.headers['authorization']}"}).encode(), {"content-type": "application/json"})
