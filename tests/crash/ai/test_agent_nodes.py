"""Workers die amid a batch of agent nodes: every record gets its answer, and no step that was stored is asked for again."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.graphs import node
from tests.kit.processes.real_server import wait_until
from tests.simulators.language_models import server as language_models
from tests.simulators.language_models.control import Reply, Said

pytestmark = [pytest.mark.slow]

RECORDS = 40
STORED = """
select json_array_length(m.steps) as steps, u.parts->0->>'text' as text from messages m
join messages u on u.chat_uuid = m.chat_uuid and u.type = 'user' where m.type = 'assistant'
"""
ANSWERED = "select count(*) from messages where type = 'assistant' and status = 'success'"
STEPPED = "select count(*) from messages where type = 'assistant' and json_array_length(steps) > 0"
SPENT = (
    "select sum((usage->>'creditsUsedCount')::float) from messages where type = 'assistant'",
    "select sum(amount)::float from ledger_charges",
    "select sum(credits)::float from agent_usage",
)
"""What the answers show, what was charged, and what counts for the agent's day."""


def _rule(said: Said) -> Reply:
    if not said.results:
        return Reply(calls=[("search_documentation", {"query": said.last})])
    return Reply(f"About {said.last}")


def test_no_answer_is_lost_and_no_stored_step_is_asked_for_again(make_server: MakeServer, tmp_path: Path) -> None:
    with language_models.running() as model:
        shared = tmp_path / "shared.json"
        shared.write_text(json.dumps({"openAi": {"apiKey": model.key}}))
        server = make_server(
            SERVICE_ADDRESSES=f"openAi={model.url}",
            STALLED_AFTER_SECONDS="5",
            SHARED_ACCOUNTS_FILE=str(shared),
            ACTION_COSTS="openAi.tokens=0.25/tokens",
        )
        pids = server.wait_for_workers()
        server.call("connection.connector.create", integrationSlug="openAi", slug="openai", name="OpenAI")
        agent = server.call("ai.agent.create", name="A", icon={"color": "blue", "face": "🤖"})["agent"]["uuid"]
        server.call("ai.agent.update", uuid=agent, maxTokensPerDay=10_000_000)
        capabilities = [{"slug": "documentationSearch"}]
        named = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4o"}
        server.call("ai.release.deployDraft", agentUuid=agent, capabilities=capabilities, **named)
        asking = node("ask", "agent", (None,), kind="agent", agentUuid=agent, config={"prompt": "{{ nodes.start.name }}"})
        workflow = server.tool([node("start", children=("ask",)), asking])
        model.control.rules.append(_rule)
        model.control.fail(path="completions", delay=0.3, times=10 * RECORDS)
        rows = "".join(f"r{number},record {number}\n" for number in range(RECORDS))
        batch = server.batch(workflow, f"_id,name\n{rows}".encode())
        wait_until(lambda: server.value(STEPPED) >= 5, 60, "steps")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        stored = {(row["text"], step) for row in server.rows(STORED) for step in range(row["steps"])}
        ended = server.finished(batch)
        assert (ended["status"], ended["failedRunsCount"]) == ("success", 0), ended
        assert server.value(ANSWERED) == RECORDS
        spent = {server.value(sum_of) for sum_of in SPENT}
        assert len(spent) == 1 and spent == {ended["creditsUsedCount"]} != {0}, spent
        assert server.value("select count(*) from agent_reservations") == 0
    asked = Counter((said.last, len(said.results)) for said in model.control.said)
    assert set(asked) == {(f"record {number}", step) for number in range(RECORDS) for step in (0, 1)}
    assert max(asked.values()) <= 2 and {asked[step] for step in stored} == {1}, [step for step in stored if asked[step] > 1]
