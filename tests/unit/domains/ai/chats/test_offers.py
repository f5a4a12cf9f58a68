"""Built-in tools of answers: offered by a part of the platform, performed by the process that writes the answer, their results marked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai import capabilities
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.ai.chats.untrusted import OPEN, RULE
from cargo_ai.llm.step import Tool
from tests.kit.api_client import ApiClient
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}
SOURCE = {"type": "source-url", "sourceId": "1", "url": "https://example.com"}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A part of the platform that offers two tools; the keys of their calls."""
    keys: list[str] = []

    async def perform(arguments: dict[str, Any], key: str) -> Given:
        keys.append(key)
        if arguments["n"] < 0:
            raise ZeroDivisionError
        return Given({"half": arguments["n"] / 2}, parts=[SOURCE])

    async def offer(opening: Opening, _db: AsyncSession) -> Offer:
        tools = [BuiltIn(Tool(name, "Halves a number", SCHEMA), perform) for name in ("half of", "half of")]
        return Offer(tools, notes=[f"Asked: {opening.text}"])

    monkeypatch.setattr(capabilities, "OFFERS", (offer,))
    return keys


async def test_a_built_in_tool_is_performed_and_its_result_marked(api: ApiClient, model: Running, keys: list[str]) -> None:
    agent = await new_agent(api, systemPrompt="Be brief.", **MODEL)
    model.control.rules.append(lambda heard: Reply("done") if heard.results else Reply(calls=[("half_of", {"n": 8})]))
    answer = await answer_to(api, "Half of 8?", agentUuid=agent)
    part = next(part for part in answer["parts"] if part["type"] == "tool-half_of")
    assert (part["state"], part["output"]) == ("output-available", {"half": 4})
    assert SOURCE in answer["parts"] and said(answer) == "done"
    first, last = model.control.said
    assert first.system == f"Be brief.\n\nAsked: Half of 8?\n\n{RULE}" and set(first.tools) == {"half_of", "half_of_2"}
    assert last.results[0][1].startswith(OPEN)
    assert keys == [f"{answer['uuid']}:0:0"]


async def test_a_built_in_tool_that_breaks_does_not_break_the_answer(api: ApiClient, model: Running, keys: list[str]) -> None:
    agent = await new_agent(api, **MODEL)
    model.control.rules.append(
        lambda heard: Reply(f"{heard.results}") if heard.results else Reply(calls=[("half_of", {"n": -1}), ("half_of", {"n": "x"})])
    )
    answer = await answer_to(api, "Half of -1?", agentUuid=agent)
    assert answer["status"] == "success"
    errors = [part["errorText"] for part in answer["parts"] if part["type"] == "tool-half_of"]
    assert errors == ["The tool broke; the server's log has the details.", 'n: "x" is not of type "number"'] and len(keys) == 1
