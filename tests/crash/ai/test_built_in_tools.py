"""A worker dies between a built-in tool and its result: the call is made again, and what it wrote is written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.processes.real_server import wait_until
from tests.simulators.language_models import server as language_models
from tests.simulators.language_models.control import Reply

pytestmark = [pytest.mark.slow]


def test_records_are_saved_once(make_server: MakeServer, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    with language_models.running() as model:
        server = make_server(
            workers=1, SERVICE_ADDRESSES=f"openAi={model.url}", STALLED_AFTER_SECONDS="5", CRASH_AT=f"after built-in tool@{once}"
        )
        server.wait_for_workers()
        server.call("connection.connector.create", integrationSlug="openAi", slug="openai", name="OpenAI", config={"apiKey": model.key})
        dataset = server.call("storage.dataset.all")["datasets"][0]["uuid"]
        accounts = server.call(
            "storage.model.create", slug="accounts", name="Accounts", datasetUuid=dataset, extractorSlug="defineAccount", config={}
        )["model"]["uuid"]
        agent = server.call("ai.agent.create", name="A", icon={"color": "blue", "face": "🤖"})["agent"]["uuid"]
        resources = [{"slug": "accounts", "kind": "model", "modelUuid": accounts, "isReadOnly": False}]
        server.call("ai.release.deployDraft", agentUuid=agent, resources=resources, integrationSlug="openAi", languageModelSlug="gpt-4o")
        # Without an id, a record that is saved again would be another one.
        call = ("save_accounts", {"records": [{"name": "Acme"}]})
        model.control.rules.append(lambda said: Reply("done") if said.results else Reply(calls=[call]))
        sent = server.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}])
        answer = sent["assistantMessage"]["uuid"]
        wait_until(lambda: server.call("ai.message.get", uuid=answer)["message"]["finishedAt"] is not None, 90, "the answer")
        assert not once.exists()
        message = server.call("ai.message.get", uuid=answer)["message"]
        (part,) = [part for part in message["parts"] if part["type"] == "tool-save_accounts"]
        assert (message["status"], part["output"]["added"]) == ("success", 1), message
        assert len(server.call("storage.record.list", modelUuid=accounts)["records"]) == 1
        assert len(server.call("storage.changeSet.list", modelUuid=accounts)["changeSets"]) == 1
