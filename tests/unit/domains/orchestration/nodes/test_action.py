"""Actions: executed on one record and on many, found by words, and their webhooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.kernel import clock
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import EchoService, Heard, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")
REQUEST = {"kind": "connector", "integrationSlug": "http", "actionSlug": "request"}


@pytest_asyncio.fixture(loop_scope="module")
async def service(backend: Backend) -> AsyncIterator[EchoService]:
    """A service that says back what it was sent."""
    async with echo_service() as running:
        yield running


async def executed(backend: Backend, action: Body, data: Body) -> Body:
    made = await backend.admin.call("orchestration.action.execute", action=action, data=data)
    return await backend.ended("runs", made["run"]["uuid"])


async def batch(backend: Backend, records: list[Body], action: Body = REQUEST, **more: Any) -> Body:
    made = await backend.admin.call("orchestration.action.executeBatch", action=action, records=records, **more)
    found: Body = (await backend.ended("batches", made["batch"]["uuid"]))["batch"]
    return found


async def test_the_record_is_the_input_of_an_action_without_settings(backend: Backend, service: EchoService) -> None:
    actions: tuple[Body, ...] = (REQUEST, REQUEST | {"config": {}})
    for action in actions:
        found = await executed(backend, action, {"method": "POST", "url": service.url + "/x", "body": {"text": "{{no template}}"}})
        assert (found["run"]["status"], found["run"]["releaseUuid"]) == ("success", None)
        assert json.loads(found["runContext"]["action"]["body"]["body"]) == {"text": "{{no template}}"}
        assert found["runComputedConfigs"]["action"]["method"] == "POST"


async def test_the_records_fields_win_over_settings_and_unknown_ones_stay_away(backend: Backend, service: EchoService) -> None:
    action = REQUEST | {"config": {"method": "PUT", "url": service.url + "/{{nodes.start.path}}"}}
    found = await executed(backend, action, {"method": "POST", "path": "here"})
    assert found["run"]["status"] == "success", found["run"]["errorMessage"]
    assert (found["runContext"]["action"]["body"]["method"], service.heard[-1].path) == ("POST", "/here")


async def test_an_action_is_tried_again_as_its_rule_says(backend: Backend, service: EchoService) -> None:
    answers = [Say(503), Say(200, b'{"ok":true}', {"content-type": "application/json"})]
    service.answers["/shaky"] = lambda _heard: answers.pop(0)
    action = REQUEST | {"retry": {"maximumAttempts": 2, "initialInterval": 10}}
    found = await executed(backend, action, {"url": service.url + "/shaky"})
    assert (found["run"]["status"], found["runContext"]["action"]["body"]) == ("success", {"ok": True})


async def test_a_native_action_computes(backend: Backend) -> None:
    variables = [{"name": "n", "type": "number", "value": "42"}]
    found = await executed(backend, {"kind": "native", "actionSlug": "variables"}, {"variables": variables})
    assert found["runContext"]["action"] == {"n": 42}
    branch = await executed(backend, {"kind": "native", "actionSlug": "branch"}, {"condition": False})
    assert branch["runContext"]["action"] == {"condition": False}


async def test_a_tool_action_runs_the_tools_own_workflow(backend: Backend, graph: list[Body]) -> None:
    tool, release = await backend.admin.deployed(graph)
    found = await executed(backend, {"kind": "tool", "toolUuid": tool["uuid"]}, {"domain": "acme.com"})
    assert (found["run"]["workflowUuid"], found["run"]["releaseUuid"]) == (tool["workflowUuid"], release["uuid"])
    assert found["runContext"]["end"] == {"domain": "acme.com"}
    pinned = await executed(backend, {"kind": "tool", "releaseUuid": release["uuid"], "config": {"domain": "set"}}, {})
    assert pinned["runContext"]["end"] == {"domain": "set"}


async def test_what_cannot_be_executed_is_refused_with_a_reason(backend: Backend) -> None:
    unknown = "0198a000-0000-7000-8000-000000000000"
    for action, reason, word in (
        ({"kind": "agent"}, "nodesNotFound", "agents"),
        ({"kind": "tool", "toolUuid": unknown}, "nodesNotFound", "no tool"),
        ({"kind": "tool", "templateSlug": "nothing"}, "nodesNotFound", "template"),
        ({"kind": "native", "actionSlug": "end"}, "nodesNotFound", "graph"),
        ({"kind": "native", "actionSlug": "fly"}, "invalidReleaseOrCustomNodes", "fly"),
        (REQUEST | {"actionSlug": "fly"}, "invalidReleaseOrCustomNodes", "fly"),
        (REQUEST | {"connectorUuid": unknown}, "invalidReleaseOrCustomNodes", "connector"),
        ({"kind": "tool"}, "invalidInput", "toolUuid"),
    ):
        status, body = await backend.admin.refusal("orchestration.action.execute", action=action, data={})
        assert (status, body["reason"]) == (400, reason) and word in body["errorMessage"]
    assert (await backend.admin.refusal("orchestration.action.execute", action=REQUEST, data=[1]))[1]["reason"] == "invalidData"
    assert (await backend.admin.refusal("orchestration.action.executeBatch", action=REQUEST))[1]["reason"] == "invalidInput"
    assert (await backend.admin.refusal("orchestration.action.executeBatch", action=REQUEST, records=[]))[1]["reason"] == "dataError"


async def test_a_batch_of_an_action_has_a_run_for_each_record(backend: Backend, service: EchoService) -> None:
    found = await batch(backend, [{"url": f"{service.url}/{name}"} for name in "abc"])
    assert (found["status"], found["runsCount"], found["executedRunsCount"], found["failedRunsCount"]) == ("success", 3, 3, 0)
    single = await backend.admin.call("orchestration.action.executeBatch", action=REQUEST, data={"url": service.url + "/one"})
    assert (await backend.ended("batches", single["batch"]["uuid"]))["batch"]["runsCount"] == 1


async def test_settings_stand_in_where_a_record_does_not_override_them(backend: Backend, service: EchoService) -> None:
    action = REQUEST | {"config": {"method": "PUT", "url": service.url + "/m"}}
    found = await batch(backend, [{"method": "POST"}, {}], action)
    assert found["failedRunsCount"] == 0
    assert sorted(heard.method for heard in service.heard[-2:]) == ["POST", "PUT"]


async def reported(service: EchoService, path: str, count: int) -> list[Heard]:
    deadline = clock.seconds() + 60
    while clock.seconds() < deadline:
        found = [heard for heard in service.heard if heard.path == path]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} was called {len([h for h in service.heard if h.path == path])} times, not {count}")


async def test_the_end_of_a_batch_is_reported_once_signed_and_again_after_a_failure(backend: Backend, service: EchoService) -> None:
    answers = [Say(500), Say(204)]
    service.answers["/done"] = lambda _heard: answers.pop(0)
    done: Body = {"webhookUrl": service.url + "/done", "webhookSecret": "s3cret"}
    found = await batch(backend, [{"url": service.url + "/r"}], **done)
    first, second = await reported(service, "/done", 2)
    body = json.loads(second.body)
    assert (body["event"], body["batch"]["uuid"], body["batch"]["status"]) == ("batch.finished", found["uuid"], "success")
    assert second.headers["x-cargo-signature"] == hmac.new(b"s3cret", second.body, hashlib.sha256).hexdigest()
    assert (first.method, first.headers["x-cargo-delivery"]) == ("POST", second.headers["x-cargo-delivery"])
    await batch(backend, [{"url": service.url + "/r"}], webhookUrl=service.url + "/done-plain")
    (plain,) = await reported(service, "/done-plain", 1)
    assert "x-cargo-signature" not in plain.headers
    assert answers == []


async def test_an_address_that_cannot_be_reported_is_refused_before_anything_starts(backend: Backend) -> None:
    for url, word in (("ftp://example.com", "http"), ("http://10.0.0.1/x", "private"), ("nonsense", "http")):
        status, body = await backend.admin.refusal("orchestration.action.executeBatch", action=REQUEST, records=[{}], webhookUrl=url)
        assert (status, body["reason"]) == (400, "invalidInput") and word in body["errorMessage"]


async def test_actions_are_found_by_all_of_their_words_the_best_first(backend: Backend, graph: list[Body]) -> None:
    await backend.admin.call("connection.connector.create", integrationSlug="http", slug="found", name="Found")
    tool, _ = await backend.admin.deployed(graph, name="Zebra request tool")
    found = await backend.admin.call("orchestration.action.list", query="request")
    assert found["totalMatches"] >= 2 and found["query"] == "request"
    names = [one["name"] for one in found["results"]]
    assert "Zebra request tool" in names
    http = next(one for one in found["results"] if one["action"].get("integrationSlug") == "http")
    assert http["action"]["connectorUuid"] == http["connectors"][0]["uuid"]
    made = (await backend.admin.call("connection.connector.create", integrationSlug="http", slug="meteo", name="Weather station"))[
        "connector"
    ]
    (weather,) = (await backend.admin.call("orchestration.action.list", query="weather", kind="connector", limit=5))["results"]
    assert weather["action"]["connectorUuid"] == weather["connectors"][0]["uuid"] == made["uuid"]
    (only,) = (await backend.admin.call("orchestration.action.list", query="zebra tool"))["results"]
    assert only["action"] == {"kind": "tool", "toolUuid": tool["uuid"]}
    assert (await backend.admin.call("orchestration.action.list", query="zebra nothing"))["totalMatches"] == 0
    records = (await backend.admin.call("orchestration.action.list", query="hubspot contacts upsert"))["results"]
    assert records[0]["action"]["actionSlug"] == "upsertRecords", "what it acts on is said by its fields"
    agent = (await backend.admin.call("ai.agent.create", name="Zebra expert", icon={"color": "blue", "face": "🦓"}, triggers=[]))["agent"]
    (expert,) = (await backend.admin.call("orchestration.action.list", query="zebra", kind="agent"))["results"]
    assert expert["action"] == {"kind": "agent", "agentUuid": agent["uuid"]}
    natives = (await backend.admin.call("orchestration.action.list", kind="native", limit=50))["results"]
    slugs = {one["action"]["actionSlug"] for one in natives}
    assert {"python", "script"} <= slugs and not slugs & {"start", "end", "branch"}
    enriching = (await backend.admin.call("orchestration.action.list", category="enrichment", limit=50))["results"]
    assert {one["action"]["integrationSlug"] for one in enriching} >= {"hunter", "peopleDataLabs"}
    assert "hubspot" not in {one["action"]["integrationSlug"] for one in enriching}
    assert all(one["credits"]["costs"] for one in (await backend.admin.call("orchestration.action.list", creditsOnly=True))["results"])
    limited = await backend.admin.call("orchestration.action.list", limit=1)
    assert len(limited["results"]) == 1 and limited["totalMatches"] > 1
    assert (await backend.other_api.call("orchestration.action.list", query="zebra"))["totalMatches"] == 0


async def test_an_action_is_found_once_by_each_of_its_names(backend: Backend) -> None:
    for query in ("enrichCompanyFromDomain", "company_enrich", "enrich company"):
        found = await backend.admin.call("orchestration.action.list", query=query, integrationSlug="clearbit")
        assert [one["action"]["actionSlug"] for one in found["results"]] == ["company_enrich"], query


async def test_output_schemas_are_reported_without_executing(backend: Backend) -> None:
    ask = backend.admin.call
    assert (await ask("orchestration.action.getOutputSchema", action=REQUEST))["schema"]["required"] == ["status", "headers", "body"]
    ends = node("end", config={"variables": [{"name": "tier", "type": "string", "value": "A"}]})
    tool, _ = await backend.admin.deployed([node("start", children=("end",)), ends])
    schema = (await ask("orchestration.action.getOutputSchema", action={"kind": "tool", "toolUuid": tool["uuid"]}))["schema"]
    assert list(schema["properties"]) == ["tier"]
    for action, status, reason in (
        (REQUEST | {"integrationSlug": "none"}, 404, "integrationNotFound"),
        (REQUEST | {"actionSlug": "none"}, 404, "actionNotFound"),
        (REQUEST | {"connectorUuid": tool["uuid"]}, 404, "connectorNotFound"),
        ({"kind": "native", "actionSlug": "none"}, 404, "actionNotFound"),
        ({"kind": "tool", "releaseUuid": tool["uuid"]}, 404, "releaseNotFound"),
    ):
        assert await refusal(backend, action) == (status, reason)


async def refusal(backend: Backend, action: Body) -> tuple[int, str]:
    status, body = await backend.admin.refusal("orchestration.action.getOutputSchema", action=action)
    return status, body["reason"]
