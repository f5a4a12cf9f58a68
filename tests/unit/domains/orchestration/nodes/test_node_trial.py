"""Trying nodes: what their settings come to, and what they do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import EchoService, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONTEXT = {"nodes": {"start": {"domain": "acme.com", "employee_count": 5, "tags": ["a", "b"]}}}


@pytest_asyncio.fixture(loop_scope="module")
async def service(backend: Backend) -> AsyncIterator[EchoService]:
    """A service that says back what it was sent."""
    async with echo_service() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def workflow(backend: Backend) -> str:
    """A workflow to try nodes of."""
    made = await backend.admin.tool("Trials")
    return str(made["workflowUuid"])


async def computed(backend: Backend, action: str, config: Body, **more: Any) -> Body:
    one = node("one", action, config=config)
    found: Body = (await backend.admin.call("orchestration.node.compute", node=one, **{"context": CONTEXT} | more))["computedConfig"]
    return found


def calling(service: EchoService, path: str) -> Body:
    config = {"method": "POST", "url": service.url + path, "body": {"domain": "{{nodes.start.domain}}"}}
    return node("call", "request", ("next",), kind="connector", integrationSlug="http", config=config)


async def test_settings_come_to_values_and_conditions_to_true_or_false(backend: Backend) -> None:
    assert await computed(backend, "variables", {"a": "{{nodes.start.domain}}", "b": "{{nodes.start.tags.map(t => t + 1)}}"}) == {
        "a": "acme.com",
        "b": ["a1", "b1"],
    }
    assert await computed(backend, "branch", {"condition": "{{nodes.start.employee_count > 100}}"}) == {"condition": False}
    assert await computed(backend, "branch", {"condition": "false"}) == {"condition": False}
    routes = [{"name": "x", "uuid": "x", "value": "{{nodes.start.domain}}"}]
    assert (await computed(backend, "switch", {"routes": routes}))["routes"][0]["value"] is True


async def test_a_context_may_come_without_a_wrapper_and_with_that_of_the_group(backend: Backend) -> None:
    config = {"a": "{{nodes.start.value}}", "b": "{{parentNodes.start.domain}}"}
    inner = {"start": {"value": 1}}
    for context, group in (({"nodes": inner}, CONTEXT), (inner, CONTEXT["nodes"])):
        assert await computed(backend, "variables", config, context=context, groupContext=group) == {"a": 1, "b": "acme.com"}


async def test_missing_paths_warn_and_broken_expressions_are_refused(backend: Backend) -> None:
    one = node("one", "variables", config={"a": "{{nodes.nowhere.x}}"})
    assert any("nowhere" in text for text in await backend.admin.warnings("orchestration.node.compute", node=one, context=CONTEXT))
    broken = node("one", "variables", config={"a": "{{nodes.start.domain.nothing()}}"})
    status, body = await backend.admin.refusal("orchestration.node.compute", node=broken, context=CONTEXT)
    assert (status, body["reason"], body["errors"][0]["path"]) == (400, "invalidInput", "node.config")


async def test_a_node_is_executed_once_without_a_run(backend: Backend, service: EchoService, workflow: str) -> None:
    before = (await backend.admin.call("orchestration.run.count"))["count"]
    one = calling(service, "/x")
    found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one, context=CONTEXT)
    assert (found["status"], found["creditsUsedCount"], found["childIndex"]) == ("success", 0, 0)
    assert found["data"]["body"]["body"] == '{"domain":"acme.com"}' and "message" not in found
    given = {"method": "GET", "url": service.url + "/{{literally}}"}
    found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one, computedConfig=given)
    assert found["data"]["body"]["method"] == "GET"
    assert (await backend.admin.call("orchestration.run.count"))["count"] == before


async def test_pure_nodes_and_code_say_which_way_they_go(backend: Backend, workflow: str) -> None:
    ask = backend.admin.call
    branch = node("b", "branch", ("x", "y"), config={"condition": "{{nodes.start.employee_count > 100}}"})
    found = await ask("orchestration.node.execute", workflowUuid=workflow, node=branch, context=CONTEXT)
    assert found == {"status": "success", "data": {"condition": False}, "creditsUsedCount": 0, "childIndex": 1}
    script = node("s", "script", ("x",), config={"script": "return nodes.start.domain.length"})
    found = await ask("orchestration.node.execute", workflowUuid=workflow, node=script, context=CONTEXT)
    assert found["data"] == {"result": 8}


async def test_what_fails_or_waits_is_an_outcome_and_never_a_broken_server(backend: Backend, service: EchoService, workflow: str) -> None:
    service.answers["/bad"] = lambda _heard: Say(500, b"no")
    cases = [
        (calling(service, "/bad") | {"retry": {"maximumAttempts": 5, "initialInterval": 60_000}}, "error", "500"),
        (node("n", "fly"), "error", "fly"),
        (node("n", "variables", config={"variables": "{{nodes.start.domain.x()}}"}), "error", "domain"),
        (node("n", kind="agent"), "pending", "only a run can"),
        (node("n", "delay", ("x",), config={"minutes": 5}), "pending", "300"),
        (node("n", "group", ("x",), config={"items": [1], "_nodes": "nonsense"}), "error", "group"),
        (node("n", "group", ("x",), config={"items": 3, "_nodes": []}), "error", "items"),
    ]
    for one, status, word in cases:
        found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one, context=CONTEXT)
        assert found["status"] == status and word in found["message"], found


async def test_the_items_of_a_group_are_shown_one_by_one(backend: Backend, service: EchoService, workflow: str) -> None:
    service.answers["/item-b"] = lambda _heard: Say(404, b"no b")
    inner = calling(service, "/item-{{nodes.start.value}}") | {"childrenUuids": ["end"]}
    variables = [
        {"name": "is", "type": "string", "value": "{{nodes.start.value}}"},
        {"name": "of", "type": "string", "value": "{{parentNodes.start.domain}}"},
    ]
    held = [node("start", children=("call",)), inner, node("end", config={"variables": variables})]
    one = node("loop", "group", ("x",), config={"items": "{{nodes.start.tags}}", "_nodes": held})
    found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one, context=CONTEXT)
    assert found["status"] == "success", found
    assert found["data"] == [{"is": "a", "of": "acme.com"}, None]
    good, bad = found["groupItems"]
    assert (good["item"], good["executions"]["call"]["outcome"], good["error"]) == ("a", "executed", None)
    assert good["computedConfigs"]["call"]["computedConfig"]["url"].endswith("/item-a")
    assert bad["executions"]["call"]["outcome"] == "notExecuted" and "404" in bad["error"]
    strict = one | {"config": one["config"] | {"failOnItemFailure": True}}
    failed = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=strict, context=CONTEXT)
    assert failed["status"] == "error" and len(failed["groupItems"]) == 2


async def test_unknown_workflows_and_releases_are_refused(backend: Backend, workflow: str) -> None:
    refused = backend.admin.refusal
    one = node("n", "variables")
    assert (await refused("orchestration.node.execute", workflowUuid="x", node=one))[1]["reason"] == "workflowNotFound"
    status, body = await refused("orchestration.node.execute", workflowUuid=workflow, releaseUuid=workflow, node=one)
    assert (status, body["reason"]) == (404, "releaseNotFound")
    assert (await backend.other_api.refusal("orchestration.node.execute", workflowUuid=workflow, node=one))[0] == 404


async def test_a_tool_node_gives_what_the_tool_gives(backend: Backend, workflow: str, graph: list[Body]) -> None:
    tool, _ = await backend.admin.deployed(graph, name="Inner")
    one = node("t", children=("x",), kind="tool", toolUuid=tool["uuid"], config={"domain": "{{nodes.start.domain}}"})
    found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one, context=CONTEXT)
    assert found == {"status": "success", "data": {"domain": "acme.com"}, "creditsUsedCount": 0, "childIndex": 0}
    lost = one | {"toolUuid": workflow}
    failed = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=lost, context=CONTEXT)
    assert failed["status"] == "error" and "tool" in failed["message"]


@pytest.fixture
def priced(backend: Backend) -> Iterator[list[Call]]:
    """Every call of a native action `priced`, which costs 2.5 credits where it goes well."""
    calls = list[Call]()

    async def perform(call: Call) -> Outcome:
        calls.append(call)
        return Failed("no") if call.config.get("fail") else Done({"n": len(calls)}, credits=2.5)

    services = backend.state.services
    known = services.actions
    action: Action[Call] = Action(slug="priced", name="Priced", description="", does="acts", config_schema={}, perform=perform)
    services.actions = Actions([*known.natives(), action], known.tools)
    yield calls
    services.actions = known


async def spent(backend: Backend, workflow: str) -> dict[str, tuple[int, int, float]]:
    """By node: executions, failures, credits."""
    found = (await backend.admin.call("orchestration.run.getMetrics", workflowUuid=workflow))["runMetrics"]
    counted = [(one["totalExecutionsCount"], one["errorExecutionsCount"], one["creditsUsedCount"]) for one in found]
    return {one["nodeUuid"]: counts for one, counts in zip(found, counted, strict=True) if counts[0]}


async def test_what_a_tried_node_costs_is_counted_once_where_runs_are_counted(backend: Backend, priced: list[Call]) -> None:
    workflow = (await backend.admin.tool("Priced"))["workflowUuid"]
    one = node("p", "priced", ("x",))
    body = {"workflowUuid": workflow, "node": one}
    for _ in range(2):
        reply = await backend.admin.http.post("/v1/orchestration/nodes/execute", json=body, headers={"Idempotency-Key": f"try-{workflow}"})
        assert (reply.status_code, reply.json()["creditsUsedCount"]) == (200, 2.5)
    assert await spent(backend, workflow) == {"p": (1, 0, 2.5)} and len(priced) == 1
    await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one)
    failed = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=one | {"config": {"fail": True}})
    assert (failed["status"], failed["creditsUsedCount"]) == ("error", 0)
    assert await spent(backend, workflow) == {"p": (3, 1, 5)}
    await backend.admin.call("orchestration.node.compute", node=one)
    assert await spent(backend, workflow) == {"p": (3, 1, 5)}
    assert await spent(backend, (await backend.admin.tool("Other"))["workflowUuid"]) == {}


async def test_a_group_and_a_tool_count_their_credits_for_the_nodes_inside(backend: Backend, priced: list[Call]) -> None:
    workflow = (await backend.admin.tool("Priced group"))["workflowUuid"]
    held = [node("start", children=("p",)), node("p", "priced", ("end",)), node("end")]
    loop = node("loop", "group", ("x",), config={"items": [1, 2, 3], "_nodes": held})
    found = await backend.admin.call("orchestration.node.execute", workflowUuid=workflow, node=loop)
    assert (found["status"], found["creditsUsedCount"], len(priced)) == ("success", 7.5, 3)
    assert await spent(backend, workflow) == {"loop": (1, 0, 0), "start": (3, 0, 0), "p": (3, 0, 7.5), "end": (3, 0, 0)}
    assert {str(call.workflow) for call in priced} == {workflow}
