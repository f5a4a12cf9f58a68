"""Two real runs side by side: the first node where they part, also inside a group."""

from __future__ import annotations

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

INNER = [
    node("start", children=("grade",)),
    node("grade", "variables", ("end",), config={"variables": [{"name": "tier", "type": "string", "value": "{{nodes.start.tier}}"}]}),
    node("end", config={"variables": [{"name": "tier", "type": "string", "value": "{{nodes.grade.tier}}"}]}),
]
GRAPH = [
    node("start", children=("pick",)),
    node("pick", "branch", ("loop", "end"), config={"condition": "{{nodes.start.go}}"}),
    node("loop", "group", ("end",), config={"items": "{{nodes.start.items}}", "_nodes": INNER}),
    node("end"),
]


async def parted(backend: Backend, workflow: str, one: Body, other: Body, **fields: object) -> Body:
    """The comparison of two runs of the workflow."""
    runs = [(await backend.run(data, workflowUuid=workflow))["run"]["uuid"] for data in (one, other)]
    return await backend.admin.call("orchestration.run.diff", uuid=runs[0], otherUuid=runs[1], **fields)


async def test_two_runs_part_at_their_input_a_config_or_inside_an_item(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    record: Body = {"_id": "a", "go": True, "items": [{"tier": "A"}, {"tier": "B"}]}
    same = await parted(backend, workflow, record, record)
    assert (same["same"], same["divergence"], same["sameNodesCount"]) == (True, None, 10)
    other: Body = {**record, "items": [{"tier": "A"}, {"tier": "C"}]}
    at_input = (await parted(backend, workflow, record, other))["divergence"]
    assert (at_input["kind"], at_input["values"]) == ("input", [{"path": "items.1.tier", "first": "B", "second": "C"}])
    further = (await parted(backend, workflow, record, {**record, "go": False}, ignoreInput=True))["divergence"]
    assert (further["kind"], further["nodeSlugs"]) == ("config", ["pick", "pick"])


async def test_a_change_of_the_graph_inside_a_group_is_found_inside_it(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    record: Body = {"_id": "a", "go": True, "items": [{"tier": "A"}, {"tier": "B"}]}
    first = (await backend.run(record, workflowUuid=workflow))["run"]["uuid"]
    value = [{"name": "tier", "type": "string", "value": "{{nodes.start.tier === 'B' ? 'best' : nodes.start.tier}}"}]
    inner = [{**one, "config": {"variables": value}} if one["slug"] == "grade" else one for one in INNER]
    graph = [{**one, "config": {**one["config"], "_nodes": inner}} if one["slug"] == "loop" else one for one in GRAPH]
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=graph)
    second = (await backend.run(record, workflowUuid=workflow))["run"]["uuid"]
    found = await backend.admin.call("orchestration.run.diff", uuid=first, otherUuid=second)
    divergence = found["divergence"]
    assert (divergence["steps"], divergence["nodeSlugs"]) == ([{"nodeSlug": "loop", "item": 1}], ["grade", "grade"])
    assert divergence["values"][0]["second"] == "best" and divergence["sentence"].startswith("In loop, item 1: grade")
    assert found["first"]["releaseUuid"] != found["second"]["releaseUuid"]


async def test_a_repetition_is_the_same_as_its_original_with_what_it_has_taken_over_below_it(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    workflow = tool["workflowUuid"]
    record: Body = {"_id": "a", "go": True, "items": [{"tier": "A"}, {"tier": "B"}]}
    original = (await backend.run(record, workflowUuid=workflow))["run"]["uuid"]
    run = original
    for _ in range(2):
        again = await backend.admin.call("orchestration.run.replay", uuid=run, fromNode="end")
        run = (await backend.ended("runs", again["run"]["uuid"]))["run"]["uuid"]
    for pair in ((original, run), (run, original)):
        found = await backend.admin.call("orchestration.run.diff", uuid=pair[0], otherUuid=pair[1])
        assert (found["same"], found["divergence"], found["sameNodesCount"]) == (True, None, 10)


async def test_nodes_are_compared_by_their_slugs_whatever_their_uuids(backend: Backend) -> None:
    record: Body = {"_id": "a", "go": True, "items": [{"tier": "A"}]}
    renamed = [{**one, "uuid": f"new-{one['uuid']}", "childrenUuids": [f"new-{child}" for child in one["childrenUuids"]]} for one in GRAPH]
    runs = [(await backend.run(record, nodes=nodes))["run"]["uuid"] for nodes in (GRAPH, renamed)]
    found = await backend.admin.call("orchestration.run.diff", uuid=runs[0], otherUuid=runs[1])
    assert (found["same"], found["divergence"]) == (True, None)


async def test_a_run_of_another_workspace_cannot_be_compared(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed(GRAPH)
    run = (await backend.run({}, workflowUuid=tool["workflowUuid"]))["run"]["uuid"]
    for pair in ({"uuid": run, "otherUuid": run}, {"uuid": "no-uuid", "otherUuid": run}):
        assert (await backend.other_api.refusal("orchestration.run.diff", **pair))[1]["reason"] == "runNotFound"
