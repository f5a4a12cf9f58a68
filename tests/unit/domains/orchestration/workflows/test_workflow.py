"""The list of workflows, by real requests."""

from __future__ import annotations

from typing import Any

from tests.kit.api_client import ApiClient


async def test_a_workflow_shows_the_nodes_of_its_draft_until_something_is_deployed(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    await api.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph[:1])
    (row,) = (await api.call("orchestration.workflow.all"))["workflows"]
    assert (row["uuid"], row["toolUuid"], row["playUuid"], row["deployedRelease"]) == (tool["workflowUuid"], tool["uuid"], None, None)
    assert row["nodes"] == [
        {"uuid": "start", "slug": "start", "kind": "native", "actionSlug": "start", "isArchived": False, "nodes": []},
    ]
    release = (await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=graph))["release"]
    (row,) = (await api.call("orchestration.workflow.all"))["workflows"]
    assert [node["slug"] for node in row["nodes"]] == ["start", "end"]
    assert (row["deployedRelease"]["uuid"], row["deployedRelease"]["nodes"]) == (release["uuid"], graph)
    assert row["deployedRelease"]["version"] == "1.0.0"
    assert "name" not in row


async def test_the_nodes_of_a_group_are_inside_it(api: ApiClient, graph: Any) -> None:
    tool = await api.tool()
    group = graph[0] | {"uuid": "loop", "slug": "loop", "actionSlug": "group", "config": {"_nodes": graph}}
    await api.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=[graph[0], group])
    (row,) = (await api.call("orchestration.workflow.all"))["workflows"]
    assert [node["slug"] for node in row["nodes"][1]["nodes"]] == ["start", "end"]


async def test_a_workflow_carries_the_folder_of_its_tool(api: ApiClient) -> None:
    folder = (await api.call("workspaceManagement.folder.create", name="Q1", emojiSlug="rocket", kind="tool"))["folder"]["uuid"]
    await api.call("orchestration.tool.create", name="Tier", folderUuid=folder)
    (row,) = (await api.call("orchestration.workflow.all"))["workflows"]
    assert row["folderUuid"] == folder
