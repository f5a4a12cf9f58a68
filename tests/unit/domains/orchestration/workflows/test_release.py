"""Drafts and releases, by real requests."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.domains.workspace.public import Bootstrap
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient

GET, UPDATE, DEPLOY = (f"orchestration.draftRelease.{name}" for name in ("get", "update", "deploy"))
FIELD = {"kind": "string", "name": "Domain", "slug": "domain"}


async def draft_of(api: ApiClient, tool: dict[str, Any]) -> dict[str, Any]:
    return (await api.call(GET, workflowUuid=tool["workflowUuid"]))["release"]


async def test_a_saved_draft_is_read_back_as_it_was_written(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    config = {"zeta": 1, "alpha": {"b": None, "a": [1, 2.5, "x"]}}
    nodes = [graph[0] | {"config": config, "position": {"x": 1, "y": 2.5}, "retry": {"maximumAttempts": 3}}, graph[1]]
    saved = (await api.call(UPDATE, workflowUuid=tool["workflowUuid"], nodes=nodes))["release"]
    assert saved["nodes"] == nodes
    kept = (await draft_of(api, tool))["nodes"][0]["config"]
    assert kept == config
    assert list(kept) == ["zeta", "alpha"]


async def test_an_unfinished_graph_can_be_saved_but_not_deployed(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    await api.call(UPDATE, workflowUuid=tool["workflowUuid"], nodes=graph[:1])
    status, body = await api.refusal(DEPLOY, workflowUuid=tool["workflowUuid"])
    assert (status, body["reason"]) == (400, "draftReleaseNodesAreInvalid")
    assert [(fault["node"]["slug"], fault["reason"]) for fault in body["invalidNodes"]] == [("start", "nodesNotFound")]
    status, body = await api.refusal("orchestration.release.getDeployed", workflowUuid=tool["workflowUuid"])
    assert (status, body["reason"]) == (404, "releaseNotFound")
    assert "draft-release deploy" in body["fix"]


@pytest.mark.parametrize("missing", ["uuid", "slug", "kind", "actionSlug"])
async def test_a_node_without_what_every_node_needs_is_bad_input(api: ApiClient, graph: Any, missing: str) -> None:
    tool = await api.tool()
    broken = {key: value for key, value in graph[0].items() if key != missing}
    status, body = await api.refusal(UPDATE, workflowUuid=tool["workflowUuid"], nodes=[broken])
    assert (status, body["reason"]) == (400, "invalidInput")
    assert body["errors"][0]["path"].startswith("nodes.0")
    assert (await draft_of(api, tool))["nodes"] == []


async def test_unknown_fields_of_a_node_are_dropped_with_a_warning(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    warnings = await api.warnings(UPDATE, workflowUuid=tool["workflowUuid"], nodes=[graph[0] | {"colour": "red"}, graph[1]])
    assert any("nodes[0].colour" in sentence for sentence in warnings)
    assert (await draft_of(api, tool))["nodes"] == graph


async def test_repeated_slugs_are_accepted_with_a_warning(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    twice = [*graph, graph[1] | {"uuid": "other"}]
    warnings = await api.warnings(UPDATE, workflowUuid=tool["workflowUuid"], nodes=twice)
    assert any("the slug end" in sentence for sentence in warnings)


async def test_a_graph_of_more_than_500_nodes_is_bad_input(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    status, body = await api.refusal(UPDATE, workflowUuid=tool["workflowUuid"], nodes=[graph[1]] * 501)
    assert (status, body["reason"]) == (400, "invalidInput")


async def test_deploying_freezes_numbers_archives_and_goes_on_with_a_copy(api: ApiClient, graph: Any) -> None:
    tool, first = await api.deployed(graph)
    assert (first["status"], first["version"]) == ("deployed", "1.0.0")
    assert first["deployedAt"]
    draft = await draft_of(api, tool)
    assert (draft["parentUuid"], draft["nodes"], draft["version"]) == (first["uuid"], graph, None)
    changed = [graph[0], graph[1] | {"config": {}}]
    await api.call(UPDATE, workflowUuid=tool["workflowUuid"], nodes=changed)
    second = (await api.call(DEPLOY, workflowUuid=tool["workflowUuid"], description="less"))["release"]
    assert (second["uuid"], second["version"], second["nodes"], second["description"]) == (draft["uuid"], "1.0.1", changed, "less")
    former = (await api.call("orchestration.release.get", uuid=first["uuid"]))["release"]
    assert (former["status"], former["nodes"]) == ("archived", graph)
    deployed = (await api.call("orchestration.release.getDeployed", workflowUuid=tool["workflowUuid"]))["release"]
    assert deployed == second


async def test_form_fields_stay_those_of_the_draft_unless_they_are_given(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    await api.call(UPDATE, workflowUuid=tool["workflowUuid"], nodes=graph, formFields=[FIELD])
    assert (await api.call(DEPLOY, workflowUuid=tool["workflowUuid"]))["release"]["formFields"] == [FIELD]
    assert (await api.call(DEPLOY, workflowUuid=tool["workflowUuid"], formFields=None))["release"]["formFields"] is None


async def test_an_enabled_public_form_needs_form_fields(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    await api.call("orchestration.tool.update", uuid=tool["uuid"], publicForm={"isEnabled": True})
    status, body = await api.refusal(DEPLOY, workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    assert (status, body["reason"]) == (400, "toolReleaseRequiresFormFields")
    await api.call(DEPLOY, workflowUuid=tool["workflowUuid"], nodes=graph, formFields=[FIELD])


async def test_a_given_version_must_be_three_numbers_above_the_last(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    workflow = tool["workflowUuid"]
    assert (await api.call(DEPLOY, workflowUuid=workflow, nodes=graph, version="2.3.4"))["release"]["version"] == "2.3.4"
    for version in ("2.3.4", "2.3.3", "1.9.9", "3", "v3.0.0", "3.0", "3.0.0-rc1", "03.0.0", "", "３.0.0"):
        status, body = await api.refusal(DEPLOY, workflowUuid=workflow, nodes=graph, version=version)
        assert (status, body["reason"]) == (400, "invalidReleaseVersion"), version
    assert (await api.call(DEPLOY, workflowUuid=workflow, nodes=graph))["release"]["version"] == "2.3.5"
    assert (await api.call(DEPLOY, workflowUuid=workflow, nodes=graph, version="2.10.0"))["release"]["version"] == "2.10.0"


async def test_deploys_at_once_take_turns(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    await api.call(UPDATE, workflowUuid=tool["workflowUuid"], nodes=graph)
    replies = await asyncio.gather(*(api.call(DEPLOY, workflowUuid=tool["workflowUuid"]) for _ in range(4)))
    assert sorted(reply["release"]["version"] for reply in replies) == ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]
    releases = (await api.call("orchestration.release.list", workflowUuid=tool["workflowUuid"]))["releases"]
    assert sorted(release["status"] for release in releases) == ["archived", "archived", "archived", "deployed", "draft"]


async def test_the_same_version_deployed_twice_at_once_wins_once(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    fields = {"workflowUuid": tool["workflowUuid"], "nodes": graph, "version": "1.0.0"}
    replies = await asyncio.gather(*(api.send(DEPLOY, **fields) for _ in range(3)))
    assert sorted(reply.status_code for reply in replies) == [200, 400, 400]
    assert {reply.json()["reason"] for reply in replies if reply.status_code == 400} == {"invalidReleaseVersion"}


async def test_releases_are_listed_newest_first_by_status_and_page(api: ApiClient, graph: Any) -> None:
    tool, first = await api.deployed(graph)
    await api.deployed(graph, "another")
    await api.call(DEPLOY, workflowUuid=tool["workflowUuid"])
    of_tool = {"workflowUuid": tool["workflowUuid"]}
    listed = (await api.call("orchestration.release.list", **of_tool))["releases"]
    assert [release["status"] for release in listed] == ["draft", "deployed", "archived"]
    archived = (await api.call("orchestration.release.list", **of_tool, statuses=["archived"]))["releases"]
    assert [release["uuid"] for release in archived] == [first["uuid"]]
    paged = (await api.call("orchestration.release.list", **of_tool, limit=1, offset=1))["releases"]
    assert [release["status"] for release in paged] == ["deployed"]
    status, body = await api.refusal("orchestration.release.list", limit=1001)
    assert (status, body["errors"][0]["path"]) == (400, "limit")


async def test_the_parent_of_a_draft_is_an_earlier_release_of_its_workflow(api: ApiClient, graph: Any) -> None:
    tool, first = await api.deployed(graph)
    _, foreign = await api.deployed(graph, "another")
    await api.call(DEPLOY, workflowUuid=tool["workflowUuid"])
    back = (await api.call(UPDATE, workflowUuid=tool["workflowUuid"], parentUuid=first["uuid"], nodes=first["nodes"]))["release"]
    assert back["parentUuid"] == first["uuid"]
    for wrong in (foreign["uuid"], back["uuid"], str(ids.new()), "nothing"):
        status, body = await api.refusal(UPDATE, workflowUuid=tool["workflowUuid"], parentUuid=wrong)
        assert (status, body["reason"]) == (400, "invalidParent")


async def test_options_that_name_what_is_not_there_are_refused(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    for kind in ("connectorUuidsByIntegrationSlug", "modelUuidsByIntegrationSlug"):
        options = {kind: {"http": str(ids.new())}}
        status, body = await api.refusal(UPDATE, workflowUuid=tool["workflowUuid"], nodes=graph, options=options)
        assert (status, body["reason"]) == (400, "failedToReconciliateNodes")
    assert (await draft_of(api, tool))["nodes"] == []


async def test_an_unknown_workflow_has_no_draft(api: ApiClient, other_api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    for who, workflow in ((api, str(ids.new())), (api, "nothing"), (other_api, tool["workflowUuid"])):
        for name, fields in ((GET, {}), (UPDATE, {"nodes": graph}), (DEPLOY, {"nodes": graph, "formFields": None})):
            status, body = await who.refusal(name, workflowUuid=workflow, **fields)
            assert (status, body["reason"]) == (404, "workflowNotFound")


async def test_the_door_says_what_new_runs_take(api: ApiClient, state: State, first_workspace: Bootstrap, graph: Any) -> None:
    tool = await api.tool()
    workflow = uuid.UUID(tool["workflowUuid"])
    async with state.database.session(first_workspace.workspace_uuid) as db:
        bare = await lookup.runnable(db, workflow)
        assert bare is not None
        assert (bare.kind, str(bare.tool_uuid), bare.release_uuid, bare.nodes) == ("tool", tool["uuid"], None, None)
    release = (await api.call(DEPLOY, workflowUuid=tool["workflowUuid"], nodes=graph))["release"]
    async with state.database.session(first_workspace.workspace_uuid) as db:
        found = await lookup.runnable(db, workflow)
        assert found is not None
        assert (str(found.release_uuid), found.nodes) == (release["uuid"], graph)
        assert await lookup.release_nodes(db, uuid.UUID(release["uuid"])) == graph
        assert await lookup.runnable(db, ids.new()) is None


async def test_a_workspace_has_one_hidden_workflow_however_many_ask(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    async def ask() -> uuid.UUID:
        async with state.database.session(first_workspace.workspace_uuid) as db:
            found = await lookup.hidden_workflow(db, first_workspace.workspace_uuid)
            await db.commit()
            return found

    assert len(set(await asyncio.gather(*(ask() for _ in range(3))))) == 1
    hidden = str(await ask())
    assert (await api.call("orchestration.workflow.all"))["workflows"] == []
    status, body = await api.refusal(GET, workflowUuid=hidden)
    assert (status, body["reason"]) == (404, "workflowNotFound")
