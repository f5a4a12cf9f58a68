"""Memories: remembered by agents, read back where they are relevant, listed, corrected and removed by people; whose they are."""

from __future__ import annotations

import pytest

from cargo_ai.domains.ai.memories import remembering
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
UNKNOWN = "0198c5f0-0000-7000-8000-000000000001"


async def remembering_agent(api: ApiClient, **config: object) -> str:
    return await new_agent(api, systemPrompt="You sell.", capabilities=[{"slug": "memory", "config": config}], **MODEL)


def calls(name: str, *arguments: Body) -> list[tuple[str, Body]]:
    return [(name, given) for given in arguments]


async def has(api: ApiClient, model: Running, agent: str, *wanted: tuple[str, Body]) -> Body:
    """The answer in which the model makes these calls, one after the other."""
    left = list(wanted)

    def rule(_said: Said) -> Reply | None:
        return Reply(calls=[left.pop(0)]) if left else None

    model.control.rules[:] = [rule]
    return await answer_to(api, "Remember that.", agentUuid=agent)


async def listed(api: ApiClient, scope: str, agent: str | None = None) -> list[str]:
    fields: Body = {"scope": scope} | ({} if agent is None else {"agentUuid": agent})
    return [memory["content"] for memory in (await api.call("ai.memory.list", **fields))["memories"]]


async def test_what_is_remembered_is_read_back_where_it_is_relevant(api: ApiClient, model: Running) -> None:
    agent = await remembering_agent(api)
    filler = [{"content": f"Company {n} pays by invoice.", "scope": "agent"} for n in range(40)]
    acme = {"content": "The buyer at Acme is Ada Lovelace.", "scope": "agent"}
    await has(api, model, agent, ("remember", acme), *calls("remember", *filler[:18]))
    await has(api, model, agent, *calls("remember", *filler[18:36]))
    model.control.rules[:] = []
    await answer_to(api, "Who decides at acme?", agentUuid=agent)
    system = model.control.said[-1].system
    assert system.index("Ada Lovelace") < system.index("Company 35 pays") and "Company 0 pays" not in system
    assert system.count('"memoryId"') <= 30 and "⟦data⟧" in system
    assert set(model.control.said[-1].tools) == {"recall", "remember", "forget"}


async def test_a_memory_that_says_more_takes_the_place_of_the_one_before(api: ApiClient, model: Running) -> None:
    agent = await remembering_agent(api)
    first = {"content": "Acme's budget is 5,000 a month.", "scope": "agent"}
    await has(
        api,
        model,
        agent,
        ("remember", first),
        ("remember", first),
        ("remember", first | {"content": "acme's budget is 5,000 a month now."}),
    )
    assert await listed(api, "agent", agent) == ["acme's budget is 5,000 a month now."]
    (memory,) = (await api.call("ai.memory.list", agentUuid=agent))["memories"]
    changed = {"content": "Acme has no budget.", "scope": "agent", "memoryId": memory["mem0Id"]}
    answer = await has(
        api, model, agent, ("remember", changed), ("remember", changed | {"memoryId": UNKNOWN}), ("forget", {"memoryId": UNKNOWN})
    )
    states = [part["state"] for part in answer["parts"] if part["type"].startswith("tool-")]
    assert states == ["output-available", "output-error", "output-available"]
    assert await listed(api, "agent", agent) == ["Acme has no budget."]
    await has(api, model, agent, ("forget", {"memoryId": memory["mem0Id"]}))
    assert await listed(api, "agent", agent) == []


async def test_each_scope_has_its_readers(backend: Backend, api: ApiClient, model: Running) -> None:
    agent, other = await remembering_agent(api), await remembering_agent(api)
    said = [{"content": f"Known to the {scope} alone.", "scope": scope} for scope in ("agent", "user", "workspace")]
    await has(api, model, agent, *calls("remember", *said))
    assert await listed(api, "agent", agent) == ["Known to the agent alone."] and await listed(api, "agent", other) == []
    assert await listed(api, "user") == ["Known to the user alone."] and await listed(api, "workspace") == ["Known to the workspace alone."]
    model.control.rules[:] = []
    await answer_to(api, "Hello", agentUuid=other)
    system = model.control.said[-1].system
    assert "user alone" in system and "workspace alone" in system and "agent alone" not in system
    for scope in ("user", "workspace"):
        assert await listed(backend.other_api, scope) == []
    assert await backend.other_api.refused("ai.memory.list", scope="agent", agentUuid=agent) == (404, "agentNotFound")


async def test_an_agent_writes_only_where_it_may(api: ApiClient, model: Running) -> None:
    agent = await remembering_agent(api, scopes=["user"])
    before = await listed(api, "workspace")
    answer = await has(api, model, agent, ("remember", {"content": "Everyone gets a discount.", "scope": "workspace"}))
    assert next(part for part in answer["parts"] if part["type"] == "tool-remember")["state"] == "output-error"
    assert await listed(api, "workspace") == before


async def test_people_correct_and_remove_memories_in_their_scope(backend: Backend, api: ApiClient, model: Running) -> None:
    agent = await remembering_agent(api)
    await has(api, model, agent, ("remember", {"content": "Acme is small.", "scope": "agent"}))
    (memory,) = (await api.call("ai.memory.list", agentUuid=agent))["memories"]
    assert (memory["scope"], memory["agentUuid"], memory["userUuid"]) == ("agent", agent, None)
    named: Body = {"mem0Id": memory["mem0Id"], "scope": "agent", "agentUuid": agent}
    for wrong in ({"scope": "user"}, {"scope": "workspace"}, {"agentUuid": UNKNOWN}, {"agentUuid": "UUID"}, {"mem0Id": UNKNOWN}):
        assert await api.refused("ai.memory.update", **named | wrong, content="x") == (404, "memoryNotFound")
        assert await api.refused("ai.memory.remove", **named | wrong) == (404, "memoryNotFound")
    assert await backend.other_api.refused("ai.memory.update", **named, content="x") == (404, "memoryNotFound")
    assert await backend.other_api.refused("ai.memory.remove", **named) == (404, "memoryNotFound")
    assert "must not be blank" in await api.refusal_message("ai.memory.update", **named, content="  ")
    for content in ("", "  ", "x" * 2_001):
        assert await api.refused("ai.memory.update", **named, content=content) == (400, "invalidInput")
    assert await api.refused("ai.memory.list", scope="agent") == (400, "invalidInput")
    assert await api.refused("ai.memory.list", scope="agent", agentUuid="UUID") == (404, "agentNotFound")
    changed = (await api.call("ai.memory.update", **named, content="Acme is large."))["memory"]
    assert changed["content"] == "Acme is large." and changed["mem0Id"] == memory["mem0Id"]
    await api.call("ai.memory.remove", **named)
    assert await listed(api, "agent", agent) == []


async def test_a_full_memory_says_so(api: ApiClient, model: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "MAX_MEMORIES", 2)
    agent = await remembering_agent(api)
    answer = await has(api, model, agent, *calls("remember", *[{"content": f"Fact {word}", "scope": "agent"} for word in ("a", "b", "c")]))
    last = [part for part in answer["parts"] if part["type"] == "tool-remember"][-1]
    assert last["state"] == "output-error" and "forget or replace" in last["errorText"]
    assert len(await listed(api, "agent", agent)) == 2
