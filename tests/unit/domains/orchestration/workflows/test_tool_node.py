"""Groups and tool nodes by real requests, with a worker: what `validate` and `run get` say of them, and how their runs are found."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE, DEPLOY = "orchestration.tool.create", "orchestration.draftRelease.deploy"


def ended(value: str) -> Body:
    return node("end", config={"variables": [{"name": "email", "type": "any", "value": value}]})


def using(tool: str, **more: Any) -> list[Body]:
    """start → find, a tool node → end."""
    find = node("find", None, ("end",), kind="tool", toolUuid=tool, config={"name": "{{nodes.start.name}}"}) | more
    del find["actionSlug"]
    return [node("start", children=("find",)), find, ended("{{nodes.find.email}}")]


async def deployed(backend: Backend, suffix: str) -> tuple[str, str, str]:
    """A tool that makes an address: its uuid, workflow and release."""
    tool = (await backend.admin.call(CREATE, name="Find"))["tool"]
    graph = [node("start", children=("end",)), ended("{{nodes.start.name}}@" + suffix)]
    reply = await backend.admin.call(DEPLOY, workflowUuid=tool["workflowUuid"], nodes=graph, formFields=None)
    return tool["uuid"], tool["workflowUuid"], reply["release"]["uuid"]


async def test_a_tool_node_runs_what_is_deployed_now_or_the_release_that_it_names(backend: Backend) -> None:
    tool, workflow, first = await deployed(backend, "old.com")
    graph = [node("start", children=("end",)), ended("{{nodes.start.name}}@new.com")]
    await backend.admin.call(DEPLOY, workflowUuid=workflow, nodes=graph, formFields=None)
    found = await backend.run({"name": "jo"}, nodes=using(tool))
    assert found["runContext"]["find"] == {"email": "jo@new.com"}
    execution = found["run"]["executions"][1]
    assert (execution["nodeKind"], execution["nodeToolUuid"], execution["nodeReleaseUuid"]) == ("tool", tool, None)
    listed = await backend.admin.call("orchestration.run.list", parentUuid=found["run"]["uuid"])
    assert [(run["workflowUuid"], run["parentNodeUuid"], run["traceUuid"]) for run in listed["runs"]] == [
        (workflow, "find", found["run"]["traceUuid"])
    ]
    everything = (await backend.admin.call("orchestration.run.list"))["runs"]
    for shown in (found["run"], next(run for run in everything if run["uuid"] == found["run"]["uuid"])):
        assert [one["nodeRunUuid"] for one in shown["executions"]] == [None, listed["runs"][0]["uuid"], None]
    old = await backend.run({"name": "jo"}, nodes=using(tool, releaseUuid=first))
    assert old["runContext"]["find"] == {"email": "jo@old.com"}


async def test_a_tool_without_a_release_fails_the_node_with_a_sentence(backend: Backend) -> None:
    tool = (await backend.admin.call(CREATE, name="Empty"))["tool"]["uuid"]
    found = await backend.run({}, nodes=using(tool))
    assert found["run"]["status"] == "error"
    assert 'The tool "Empty" has nothing deployed' in found["run"]["errorMessage"]


async def test_validate_finds_the_faults_of_tools_inside_groups(backend: Backend) -> None:
    tool, _, release = await deployed(backend, "a.com")
    for more, right in (
        ({}, True),
        ({"releaseUuid": release}, True),
        ({"releaseUuid": str(ids.new())}, False),
        ({"toolUuid": str(ids.new())}, False),
        ({"toolUuid": None, "templateSlug": "nothing"}, False),
    ):
        inner = [{key: value for key, value in one.items() if value is not None} for one in using(tool, **more)]
        loop = node("loop", "group", ("end",), config={"items": [1], "_nodes": inner})
        found = await backend.admin.call("orchestration.node.validate", nodes=[node("start", children=("loop",)), loop, ended("")])
        if right:
            assert found == {"outcome": "valid"}
        else:
            (fault,) = found["invalidNodes"]
            assert (fault["node"]["slug"], fault["reason"]) == ("loop", "subNodesInvalid")
            assert [(one["node"]["slug"], one["reason"]) for one in fault["invalidNodes"]] == [("find", "toolInvalid")]


async def test_a_group_gives_the_list_of_what_its_items_gave_and_its_runs_are_found_below_it(backend: Backend) -> None:
    inner = [node("start", children=("end",)), ended("{{nodes.start.value}}@{{parentNodes.start.domain}}")]
    loop = node("loop", "group", ("end",), config={"items": "{{nodes.start.names}}", "_nodes": inner})
    nodes = [node("start", children=("loop",)), loop, ended("{{nodes.loop[1].email}}")]
    batch = await backend.batch([{"_id": "r1", "domain": "a.com", "names": ["jo", "al"]}], nodes=nodes)
    assert (batch["status"], batch["runsCount"], batch["executedRunsCount"]) == ("success", 1, 1)
    (run,) = (await backend.admin.call("orchestration.run.list", batchUuid=batch["uuid"]))["runs"]
    found = await backend.admin.call("orchestration.run.get", uuid=run["uuid"])
    assert found["runContext"]["loop"] == [{"email": "jo@a.com"}, {"email": "al@a.com"}]
    assert found["runContext"]["end"] == {"email": "al@a.com"}
    below = (await backend.admin.call("orchestration.run.list", parentBatchUuid=batch["uuid"], isGroupParent=True))["runs"]
    assert [(one["recordId"], one["parentUuid"], one["isGroupParent"], one["batchUuid"]) for one in below] == [
        ("r1", run["uuid"], True, None)
    ] * 2
