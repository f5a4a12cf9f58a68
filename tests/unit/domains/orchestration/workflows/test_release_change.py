"""Differences between releases, going back to one, and what goes live."""

from __future__ import annotations

import copy
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.domains.orchestration.workflows.release_change import compare
from tests.kit.api_client import ApiClient, Body
from tests.kit.graphs import node


def ends(text: str) -> Body:
    return node("end", config={"variables": [{"name": "tier", "type": "string", "value": text}]})


def graph(text: str, *between: Body) -> list[Body]:
    return [node("start", children=(between[0]["uuid"] if between else "end",)), *between, ends(text)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
    max_leaves=5,
)


@st.composite
def graphs(draw: st.DrawFn) -> list[Body]:
    names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    found = [
        node(name, "variables", tuple(draw(st.lists(st.sampled_from("abcd"), max_size=2))), config={"v": draw(json_values)})
        for name in names
    ]
    if found and draw(st.booleans()):
        found[0] = found[0] | {"actionSlug": "group", "config": {"_nodes": copy.deepcopy(found[1:])}}
    return found


@given(graphs(), graphs())
def test_there_is_a_difference_exactly_when_the_graphs_differ_and_it_turns_around(one: list[Body], other: list[Body]) -> None:
    def by_uuid(nodes: list[Body]) -> dict[str, Any]:
        return {
            entry["uuid"]: entry
            | {"config": entry["config"] | ({"_nodes": by_uuid(entry["config"]["_nodes"])} if "_nodes" in entry["config"] else {})}
            for entry in nodes
        }

    def same(a: Any, b: Any) -> bool:
        if not isinstance(a, dict) or not isinstance(b, dict):
            return repr(cast(object, a)) == repr(cast(object, b))
        mine, theirs = cast(Body, a), cast(Body, b)
        return mine.keys() == theirs.keys() and all(same(mine[key], theirs[key]) for key in mine)

    there, back = compare(one, other), compare(other, one)
    equal = same(by_uuid(one), by_uuid(other))
    # An empty group is the same as no group.
    if not any(entry["config"].get("_nodes") == [] for entry in [*one, *other]):
        assert (not there.summary) == equal
    assert sorted(n.uuid for n in there.added) == sorted(n.uuid for n in back.removed)
    assert len(there.added_edges) == len(back.removed_edges)


async def test_the_draft_is_compared_with_what_is_deployed(api: ApiClient) -> None:
    tool, release = await api.deployed(graph("A"))
    workflow = tool["workflowUuid"]
    assert (await api.call("orchestration.release.diff", workflowUuid=workflow))["isSame"] is True
    more = node("more", "variables", ("end",))
    await api.call("orchestration.draftRelease.update", workflowUuid=workflow, nodes=graph("B", more))
    found = await api.call("orchestration.release.diff", workflowUuid=workflow)
    assert found["before"] == {"uuid": release["uuid"], "version": "1.0.0", "status": "deployed"}
    assert (found["after"]["status"], found["isSame"]) == ("draft", False)
    assert [one["slug"] for one in found["addedNodes"]] == ["more"] and found["removedNodes"] == []
    (changed,) = found["changedNodes"]
    assert (changed["slug"], changed["changes"]) == (
        "end",
        [{"path": "config.variables[0].value", "kind": "changed", "before": "A", "after": "B"}],
    )
    assert found["summary"] == [
        "+ node more",
        "~ end config.variables[0].value: 'A' -> 'B'",
        "+ way start -> more",
        "+ way more -> end",
        "- way start -> end",
    ]
    fresh = await api.tool()
    assert (await api.call("orchestration.release.diff", workflowUuid=fresh["workflowUuid"]))["before"] is None
    assert (await api.refusal("orchestration.release.diff", workflowUuid=tool["uuid"]))[1]["reason"] == "workflowNotFound"
    assert (await api.refusal("orchestration.release.diff", before=release["uuid"], after=tool["uuid"]))[1]["reason"] == "releaseNotFound"
    assert (await api.refusal("orchestration.release.diff", before=release["uuid"]))[1]["reason"] == "invalidInput"


async def test_going_back_deploys_the_old_content_as_a_new_version_and_leaves_the_draft(api: ApiClient, other_api: ApiClient) -> None:
    tool, first = await api.deployed(graph("A"))
    workflow = tool["workflowUuid"]
    second = await api.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=graph("B"), formFields=None)
    assert second["goesLive"]["replaces"]["uuid"] == first["uuid"]
    await api.call("orchestration.draftRelease.update", workflowUuid=workflow, nodes=graph("C"))
    assert (await other_api.refusal("orchestration.release.rollback", uuid=first["uuid"]))[1]["reason"] == "releaseNotFound"
    found = await api.call("orchestration.release.rollback", uuid=first["uuid"])
    assert (found["release"]["version"], found["release"]["status"], found["release"]["parentUuid"]) == ("1.0.2", "deployed", first["uuid"])
    assert found["release"]["nodes"] == first["nodes"] and "replaces 1.0.1" in found["goesLive"]["message"]
    deployed = (await api.call("orchestration.release.getDeployed", workflowUuid=workflow))["release"]
    assert deployed["uuid"] == found["release"]["uuid"]
    assert (await api.call("orchestration.release.diff", before=first["uuid"], after=deployed["uuid"]))["isSame"] is True
    draft = (await api.call("orchestration.draftRelease.get", workflowUuid=workflow))["release"]
    assert draft["nodes"] == graph("C")
    for uuid, status, reason in (
        (draft["uuid"], 400, "releaseIsDraft"),
        (deployed["uuid"], 409, "releaseAlreadyDeployed"),
        (workflow, 404, "releaseNotFound"),
    ):
        refused = await api.refusal("orchestration.release.rollback", uuid=uuid)
        assert (refused[0], refused[1]["reason"]) == (status, reason)
        assert refused[1]["fix"].startswith("cargo-ai orchestration ")
    assert (await api.refusal("orchestration.release.rollback", uuid=first["uuid"], version="1.0.1"))[1][
        "reason"
    ] == "invalidReleaseVersion"


async def test_a_release_that_uses_what_is_gone_cannot_come_back(api: ApiClient) -> None:
    connector = (await api.call("connection.connector.create", integrationSlug="http", slug="gone", name="Gone"))["connector"]
    service = {"integrationSlug": "http", "connectorUuid": connector["uuid"], "config": {"url": "https://example.com"}}
    call = node("call", "request", ("end",), kind="connector", **service)
    tool, first = await api.deployed(graph("A", call))
    await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=graph("B"), formFields=None)
    await api.call("connection.connector.remove", uuid=connector["uuid"])
    status, body = await api.refusal("orchestration.release.rollback", uuid=first["uuid"])
    assert (status, body["reason"], body["invalidNodes"][0]["reason"]) == (400, "releaseNodesAreInvalid", "connectorNotFound")


async def test_deploying_says_what_goes_live(api: ApiClient) -> None:
    tool = await api.tool()
    trigger: Body = {"name": "Monday", "type": "cron", "cron": "0 9 * * 1", "data": {}}
    await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[trigger])
    ask = {"workflowUuid": tool["workflowUuid"], "formFields": None}
    found = (await api.call("orchestration.draftRelease.deploy", nodes=graph("A"), **ask))["goesLive"]
    assert (found["replaces"], found["publicForm"], found["play"], found["runsInFlight"]) == (None, False, None, 0)
    assert found["triggers"][0]["cron"] == "0 9 * * 1"
    await api.call("orchestration.run.create", workflowUuid=tool["workflowUuid"], data={})
    found = (await api.call("orchestration.draftRelease.deploy", nodes=graph("B"), **ask))["goesLive"]
    assert found["runsInFlight"] == 1 and "1 run in flight" in found["message"]
