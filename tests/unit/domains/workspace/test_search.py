"""Search: things of every kind by a part of their name or the beginning of their uuid, records by their id, as far as one may see them."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.kit.api_client import ApiClient, Body
from tests.kit.application import signed_in
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = [node("start", children=("end",)), node("end")]
ALL: Body = {"conjonction": "and", "groups": []}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(backend: Backend) -> dict[str, str]:
    """Something of each kind, by kind its uuid."""
    api = backend.admin
    model = await api.model()
    await api.call("storage.record.create", modelUuid=model, data={"domain": "acme.example", "name": "Acme"})
    tool = (await api.call("orchestration.tool.create", name="Rank 100% of Acme"))["tool"]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=GRAPH, formFields=None)
    run = (await api.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={}))["run"]["uuid"]
    data: Body = {"kind": "records", "records": [{}]}
    batch = (await api.call("orchestration.batch.create", workflowUuid=tool["workflowUuid"], data=data))["batch"]["uuid"]
    agent = (await api.call("ai.agent.create", name="Acme's researcher"))["agent"]["uuid"]
    return {
        "model": model,
        "tool": tool["uuid"],
        "play": (await api.call("orchestration.play.create", name="Watch acme", modelUuid=model))["play"]["uuid"],
        "segment": (await api.call("segmentation.segment.create", name="Like ACME", modelUuid=model, filter=ALL))["segment"]["uuid"],
        "agent": agent,
        "chat": (await api.call("ai.chat.create", agentUuid=agent, name="About Acme"))["chat"]["uuid"],
        "connector": (await api.connector("acme-api", integrationSlug="http", config={"baseUrl": "http://127.0.0.1:9"}))["uuid"],
        "run": run,
        "batch": batch,
        "workflow": tool["workflowUuid"],
    }


async def found(api: ApiClient, text: str, **more: object) -> dict[str, str]:
    """By kind the uuid of the best hit."""
    hits = (await api.call("workspaceManagement.search.find", text=text, **more))["hits"]
    return {hit["kind"]: hit["uuid"] for hit in reversed(hits)}


async def test_a_part_of_a_name_finds_things_of_every_kind_in_either_case(backend: Backend, made: dict[str, str]) -> None:
    hits = await found(backend.admin, "aCMe")
    assert hits == {kind: made[kind] for kind in ("tool", "play", "segment", "agent", "chat", "connector")}
    assert await found(backend.admin, "aCMe", kinds=["play", "chat"]) == {kind: made[kind] for kind in ("play", "chat")}


async def test_a_sign_that_means_anything_to_the_database_is_a_sign_of_the_name(backend: Backend, made: dict[str, str]) -> None:
    assert await found(backend.admin, "100% of") == {"tool": made["tool"]}
    assert await found(backend.admin, "1_0% of") == {}
    assert await found(backend.admin, "100%%") == {}


async def test_a_uuid_or_its_beginning_finds_what_has_it(backend: Backend, made: dict[str, str]) -> None:
    for kind in ("tool", "play", "model", "segment", "agent", "chat", "run", "batch"):
        assert await found(backend.admin, made[kind]) == {kind: made[kind]}, kind
        assert (await found(backend.admin, made[kind][:30], kinds=[kind])) == {kind: made[kind]}, kind
        assert (await found(backend.admin, made[kind].replace("-", "").upper())) == {kind: made[kind]}, kind
    assert await found(backend.admin, made["workflow"]) == {"tool": made["tool"]}


async def test_the_id_of_a_record_finds_it_in_each_model_that_has_it(backend: Backend, made: dict[str, str]) -> None:
    reply = await backend.admin.call("workspaceManagement.search.find", text="acme.example")
    assert reply["hits"] == [{"kind": "record", "uuid": made["model"], "name": "Acme", "slug": None, "recordId": "acme.example"}]
    assert await found(backend.admin, "acme.exampl") == {}


async def test_of_many_things_some_are_given_and_it_is_said_that_there_are_more(backend: Backend, made: dict[str, str]) -> None:
    for at in range(4):
        await backend.admin.call("orchestration.tool.create", name=f"Zoo {at}")
    await backend.admin.call("orchestration.tool.create", name="A zoo")
    reply = await backend.admin.call("workspaceManagement.search.find", text="zoo", limit=4)
    assert [hit["name"] for hit in reply["hits"]] == ["Zoo 0", "Zoo 1", "Zoo 2", "Zoo 3"]
    assert reply["more"] == ["tool"]


async def test_others_see_nothing_of_it_and_a_reader_what_the_reader_may_see(backend: Backend, made: dict[str, str]) -> None:
    for text in ("acme", made["run"], made["tool"], "acme.example"):
        assert await found(backend.other_api, text) == {}, text
    rules = [{"effect": "allow", "actions": ["storage:read"]}]
    token = (await backend.admin.call("workspaceManagement.token.create", name="reads", permissions=rules))["token"]["token"]
    async with signed_in(backend.app, token) as http:
        reader = ApiClient(http)
        assert await found(reader, "acme") == {}
        assert await found(reader, made["model"]) == {"model": made["model"]}
