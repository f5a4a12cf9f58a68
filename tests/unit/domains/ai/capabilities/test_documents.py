"""Documents: versions by requests, and by an agent with the capability."""

from __future__ import annotations

import pytest

from cargo_ai.kernel import ids
from tests.kit.api_client import ApiClient
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply, Said
from tests.simulators.language_models.server import Running
from tests.unit.domains.ai.conftest import answer_to, new_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


async def _written(api: ApiClient, uuid: str, *contents: str) -> None:
    for content in contents:
        await api.call("ai.document.create", uuid=uuid, kind="text", title="Plan", content=content)


async def test_a_document_has_versions_and_goes_back_to_one(api: ApiClient) -> None:
    uuid = str(ids.new())
    await _written(api, uuid, "one", "two", "three")
    listed = (await api.call("ai.document.list", uuid=uuid))["documents"]
    assert [version["content"] for version in listed] == ["one", "two", "three"]
    reset = (await api.call("ai.document.reset", uuid=uuid, createdAt=listed[1]["createdAt"]))["document"]
    assert reset["content"] == "two" == (await api.call("ai.document.get", uuid=uuid))["document"]["content"]
    assert len((await api.call("ai.document.list", uuid=uuid))["documents"]) == 2
    assert await api.refused("ai.document.reset", uuid=uuid, createdAt="2020-01-01T00:00:00Z") == (404, "documentNotFound")


async def test_a_document_of_another_workspace_is_not_there(backend: Backend) -> None:
    uuid = str(ids.new())
    await _written(backend.admin, uuid, "secret")
    other = backend.other_api
    assert await other.refused("ai.document.get", uuid=uuid) == (404, "documentNotFound")
    assert (await other.call("ai.document.list", uuid=uuid))["documents"] == []
    fields = {"uuid": uuid, "kind": "text", "title": "Mine", "content": "x"}
    assert await other.refused("ai.document.create", **fields) == (409, "documentTaken")
    assert await other.refused("ai.document.create", **fields | {"uuid": "x"}) == (400, "invalidInput")


async def test_an_agent_writes_changes_and_reads_documents(api: ApiClient, model: Running) -> None:
    agent = await new_agent(api, capabilities=[{"slug": "document"}], **MODEL)
    uuids: list[str] = []

    def rule(heard: Said) -> Reply:
        if not heard.results:
            return Reply(calls=[("create_document", {"title": "Plan", "kind": "text", "content": "# One"})])
        if len(heard.results) == 1:
            uuids.append(heard.results[0][1].partition('"uuid": "')[2][:36])
            return Reply(calls=[("update_document", {"uuid": uuids[0], "content": "# Two"})])
        return Reply(calls=[("read_document", {"uuid": uuids[0]})]) if len(heard.results) == 2 else Reply("done")

    model.control.rules.append(rule)
    answer = await answer_to(api, "Write a plan", agentUuid=agent)
    parts = {part["type"]: part for part in answer["parts"]}
    assert parts["tool-read_document"]["output"] == {"title": "Plan", "kind": "text", "content": "# Two"}
    assert parts["data-document"]["data"] == {"uuid": uuids[0], "title": "Plan", "kind": "text"}
    versions = (await api.call("ai.document.list", uuid=uuids[0]))["documents"]
    assert [version["content"] for version in versions] == ["# One", "# Two"]
