"""The list of workflows, by real requests."""

from __future__ import annotations

from typing import Any


async def test_a_workflow_shows_the_nodes_of_its_draft_until_something_is_deployed(asker: Any, graph: Any) -> None:
    tool = await asker.tool()
    await asker.ask("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph[:1])
    (row,) = (await asker.ask("orchestration.workflow.all"))["workflows"]
    assert (row["uuid"], row["toolUuid"], row["playUuid"], row["deployedRelease"]) == (tool["workflowUuid"], tool["uuid"], None, None)
    assert row["nodes"] == [
        {"uuid": "start", "slug": "start", "kind": "native", "actionSlug": "start", "isArchived": False, "nodes": []},
    ]
    release = (await asker.ask("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=graph))["release"]
    (row,) = (await asker.ask("orchestration.workflow.all"))["workflows"]
    assert [node["slug"] for node in row["nodes"]] == ["start", "end"]
    assert (row["deployedRelease"]["uuid"], row["deployedRelease"]["nodes"]) == (release["uuid"], graph)
    assert row["deployedRelease"]["version"] == "1.0.0"
    assert "name" not in row


async def test_the_nodes_of_a_group_are_inside_it(asker: Any, graph: Any) -> None:
    tool = await asker.tool()
    group = graph[0] | {"uuid": "loop", "slug": "loop", "actionSlug": "group", "config": {"_nodes": graph}}
    await asker.ask("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=[graph[0], group])
    (row,) = (await asker.ask("orchestration.workflow.all"))["workflows"]
    assert [node["slug"] for node in row["nodes"][1]["nodes"]] == ["start", "end"]


async def test_a_workflow_carries_the_folder_of_its_tool(asker: Any) -> None:
    folder = (await asker.ask("workspaceManagement.folder.create", name="Q1", emojiSlug="rocket", kind="tool"))["folder"]["uuid"]
    await asker.ask("orchestration.tool.create", name="Tier", folderUuid=folder)
    (row,) = (await asker.ask("orchestration.workflow.all"))["workflows"]
    assert row["folderUuid"] == folder
