"""A worker dies in the middle of an answer: another one goes on behind the last step, and a tool that ran is not run again."""

from __future__ import annotations

import os
import signal

import pytest

from tests.crash.conftest import MakeServer, effect_graph
from tests.kit.peers.counting_service import CountingService
from tests.kit.processes.real_server import wait_until
from tests.simulators.language_models import server as language_models
from tests.simulators.language_models.control import Reply, Said

pytestmark = [pytest.mark.slow]


def _rule(said: Said) -> Reply:
    if not said.results:
        return Reply(calls=[("effect", {"_id": "r1"}), ("effect", {"_id": "r2"})])
    return Reply("; ".join(result for _, result in said.results))


def test_an_answer_is_taken_up_from_its_last_step(make_server: MakeServer, service: CountingService) -> None:
    with language_models.running() as model:
        server = make_server(SERVICE_ADDRESSES=f"openAi={model.url}", STALLED_AFTER_SECONDS="5")
        pids = server.wait_for_workers()
        server.call("connection.connector.create", integrationSlug="openAi", slug="openai", name="OpenAI", config={"apiKey": model.key})
        workflow = server.tool(effect_graph(server.connector(service.url)))
        tool = next(tool for tool in server.call("orchestration.tool.all")["tools"] if tool["workflowUuid"] == workflow)
        agent = server.call("ai.agent.create", name="A", icon={"color": "blue", "face": "🤖"})["agent"]["uuid"]
        actions = [{"slug": "effect", "kind": "tool", "toolUuid": tool["uuid"]}]
        server.call("ai.release.deployDraft", agentUuid=agent, actions=actions, integrationSlug="openAi", languageModelSlug="gpt-4o")
        model.control.rules.append(_rule)
        # The second step hangs, so that all workers die with the results of the first one stored.
        model.control.fail(path="completions", holding="tool_call_id", delay=60.0)
        sent = server.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}])
        answer = sent["assistantMessage"]["uuid"]
        wait_until(lambda: len(model.control.sent(path="completions")) >= 1 and len(model.control.said) >= 2, 60, "the second step")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

        def status() -> str:
            return str(server.call("ai.message.get", uuid=answer)["message"]["status"])

        wait_until(lambda: status() not in ("pending", "generating"), 90, "the answer")
        message = server.call("ai.message.get", uuid=answer)["message"]
        assert message["status"] == "success", message["errorMessage"]
        assert [part["state"] for part in message["parts"] if part["type"] == "tool-effect"] == ["output-available"] * 2
        assert server.value("select count(*) from runs where parent_message_uuid = %s", answer) == 2
        assert sorted(service.count("/first").values()) == [1, 1]
