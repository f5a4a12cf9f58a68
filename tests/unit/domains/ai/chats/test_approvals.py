"""Approvals: a call that needs one waits for a person; it is made as approved, or the language model hears that it was denied."""

from __future__ import annotations

import asyncio

import pytest

from cargo_ai.domains.ai.chats.calling import approval, runs_awaited
from cargo_ai.domains.ai.chats.nodes import agent_node
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import ended, new_agent, said

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}
ACME = {"domain": "acme.com", "name": "Acme", "employees": 120}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is parked soon after there is a review to decide on.

    It waits for longer than one look at a run takes: else it would be parked and woken again and again.
    """
    monkeypatch.setattr(approval, "IN_PLACE_SECONDS", 0.3)
    monkeypatch.setattr(runs_awaited, "SHORTEST", 0.01)


@pytest.fixture(scope="module")
def slugs() -> list[str]:
    """Names of models that are taken."""
    return []


async def _asked(api: ApiClient, model: Running, slugs: list[str]) -> tuple[str, str, Body]:
    """The model that an agent wants to write into, its answer, and the review that this waits for."""
    slugs.append(f"companies_{len(slugs)}")
    uuid = await api.model(slugs[-1])
    resource = {"slug": "companies", "kind": "model", "modelUuid": uuid, "isReadOnly": False, "requiresApproval": True}
    agent = await new_agent(api, resources=[resource], **MODEL)
    call = ("save_companies", {"records": [ACME]})
    model.control.rules.append(lambda heard: Reply(heard.results[0][1]) if heard.results else Reply(calls=[call]))
    sent = (await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}]))["assistantMessage"]
    while True:
        message = (await api.call("ai.message.get", uuid=sent["uuid"]))["message"]
        assert message["finishedAt"] is None, message
        part = next((part for part in message["parts"] if part.get("state") == "approval-requested"), None)
        reviews = (await api.call("orchestration.review.list", statuses=["pending"]))["reviews"]
        review = next((review for review in reviews if part is not None and review["uuid"] == part["approval"]["id"]), None)
        if review is not None:
            return uuid, sent["uuid"], review
        await asyncio.sleep(0.05)


async def test_an_approved_call_is_made(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid, answer, review = await _asked(api, model, slugs)
    assert review["title"] == "Researcher wants to call save_companies"
    assert review["fields"][0]["value"] == {"records": [ACME]} and await api.records(uuid) == []
    await api.call("orchestration.review.approve", uuid=review["uuid"])
    message = await ended(api, answer)
    part = next(part for part in message["parts"] if part["type"] == "tool-save_companies")
    assert (part["state"], part["approval"]) == ("output-available", {"id": review["uuid"], "approved": True})
    assert [record["name"] for record in await api.records(uuid)] == ["Acme"]


async def test_an_approval_may_change_the_arguments(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid, answer, review = await _asked(api, model, slugs)
    changed = {"arguments": {"records": [{**ACME, "employees": 12}]}}
    await api.call("orchestration.review.approve", uuid=review["uuid"], values=changed)
    assert (await ended(api, answer))["status"] == "success"
    assert [record["employees"] for record in await api.records(uuid)] == [12]


async def test_arguments_that_a_person_has_broken_are_an_error(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid, answer, review = await _asked(api, model, slugs)
    await api.call("orchestration.review.approve", uuid=review["uuid"], values={"arguments": {"rows": []}})
    message = await ended(api, answer)
    part = next(part for part in message["parts"] if part["type"] == "tool-save_companies")
    assert "A person has changed the arguments, and they do not fit" in part["errorText"] and await api.records(uuid) == []


async def test_the_language_model_hears_of_a_denial(api: ApiClient, model: Running, slugs: list[str]) -> None:
    uuid, answer, review = await _asked(api, model, slugs)
    await api.call("orchestration.review.reject", uuid=review["uuid"], comment="Acme is a competitor")
    message = await ended(api, answer)
    part = next(part for part in message["parts"] if part["type"] == "tool-save_companies")
    assert (part["state"], part["approval"]["reason"]) == ("output-denied", "Acme is a competitor")
    assert "A person has denied this call. Do not make it again. The reason: Acme is a competitor" in said(message)
    assert await api.records(uuid) == []


async def test_cancelling_the_answer_takes_the_question_back(api: ApiClient, model: Running, slugs: list[str]) -> None:
    _, answer, review = await _asked(api, model, slugs)
    await api.call("ai.message.cancel", uuids=[answer])
    assert (await ended(api, answer))["status"] == "cancelled"
    assert await api.refused("orchestration.review.approve", uuid=review["uuid"]) == (409, "reviewCancelled")


async def test_a_run_waits_for_an_approval_too(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, **MODEL)
    below = await new_agent(api, **MODEL)
    action = {"slug": "other", "kind": "agent", "agentUuid": below, "requiresApproval": True}
    await api.call("ai.release.deployDraft", agentUuid=agent, actions=[action])
    model.control.rules.append(
        lambda heard: None if "other" not in heard.tools or heard.results else Reply(calls=[("other", {"prompt": "Hi"})])
    )
    sent = (await api.call("ai.message.create", agentUuid=agent, parts=[{"type": "text", "text": "Go"}]))["assistantMessage"]
    review = None
    while review is None:
        reviews = (await api.call("orchestration.review.list", statuses=["pending"]))["reviews"]
        review = next((review for review in reviews if review["title"].endswith("call other")), None)
        await asyncio.sleep(0.05)
    await api.call("orchestration.review.approve", uuid=review["uuid"])
    message = await ended(api, sent["uuid"])
    assert next(part["output"] for part in message["parts"] if part["type"] == "tool-other") == {"answer": "You said: Hi"}


async def test_a_node_goes_on_as_soon_as_its_answer_has_got_an_approval(
    backend: Backend, model: Running, slugs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, the parked run would look again in an hour."""
    monkeypatch.setattr(agent_node, "PARKED_SECONDS", 3600.0)
    api = backend.admin
    slugs.append(f"companies_{len(slugs)}")
    resource = {
        "slug": "companies",
        "kind": "model",
        "modelUuid": await api.model(slugs[-1]),
        "isReadOnly": False,
        "requiresApproval": True,
    }
    agent = await new_agent(api, resources=[resource], **MODEL)
    call = ("save_companies", {"records": [ACME]})
    model.control.rules.append(lambda heard: Reply("Saved.") if heard.results else Reply(calls=[call]))
    action = {"kind": "agent", "agentUuid": agent, "config": {"prompt": "Save Acme."}}
    run = (await api.call("orchestration.action.execute", action=action, data={}))["run"]["uuid"]
    await backend.parked(run)
    reviews: list[Body] = []
    while not reviews:
        reviews = (await api.call("orchestration.review.list", statuses=["pending"]))["reviews"]
        await asyncio.sleep(0.05)
    await api.call("orchestration.review.approve", uuid=reviews[0]["uuid"])
    over = await backend.ended("runs", run)
    assert over["run"]["status"] == "success"
    assert over["runContext"]["action"]["answer"] == "Saved."
