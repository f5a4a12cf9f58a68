"""Runs done again: the failed ones of a batch, a run from any node on, also inside groups; what came before makes no calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from cargo_ai.domains.orchestration.replay import rerun_source
from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import Answerer, Heard, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE, REPLAY = "orchestration.batch.create", "orchestration.run.replay"


@dataclass
class Service:
    """What is called: by path, how often; the paths in `broken` fail."""

    port: int
    calls: Counter[str] = field(default_factory=Counter[str])
    broken: set[str] = field(default_factory=set[str])
    """These paths fail."""
    silent: set[str] = field(default_factory=set[str])
    """These paths do it, and break the connection instead of answering."""

    async def say(self, heard: Heard) -> Say:
        self.calls[heard.path] += 1
        if heard.path in self.silent:
            return Say(reset=True)
        if heard.path in self.broken:
            return Say(400, b'{"error":"no"}', {"content-type": "application/json"})
        return Say(200, b'{"ok":true}', {"content-type": "application/json"})


class Always(dict[str, Answerer]):
    """One answer for every path."""

    def __init__(self, answer: Answerer) -> None:
        super().__init__()
        self._answer = answer

    def get(self, _path: str, _default: Any = None) -> Answerer:
        return self._answer


@pytest_asyncio.fixture(loop_scope="module")
async def service(backend: Backend) -> AsyncIterator[Service]:
    if not (await backend.admin.call("connection.connector.list"))["connectors"]:
        await backend.admin.call("connection.connector.create", integrationSlug="http", slug="web", name="Web")
    async with echo_service() as running:
        made = Service(running.port)
        running.answers = Always(made.say)
        yield made


def call(service: Service, slug: str, path: str, child: str) -> Body:
    config = {"method": "POST", "url": f"http://127.0.0.1:{service.port}/{path}"}
    return node(slug, "request", (child,), kind="connector", integrationSlug="http", config=config)


def line(service: Service, second: str = "b/{{nodes.start._id}}") -> list[Body]:
    """start → a → b → end; `end` gives the status of both."""
    seen = [{"name": slug, "type": "any", "value": f"{{{{nodes.{slug}.status}}}}"} for slug in ("a", "b")]
    return [
        node("start", children=("a",)),
        call(service, "a", "a/{{nodes.start._id}}", "b"),
        call(service, "b", second, "end"),
        node("end", config={"variables": seen}),
    ]


def again(start: str, batch: str | None = None, statuses: list[str] | None = None, **more: Any) -> Body:
    filter: Body = {"kind": "runs"} | ({"batchUuid": batch} if batch else {}) | ({"statuses": statuses} if statuses else {})
    return {"kind": "runs", "filter": filter, "reset": {"from": start, **more}}


async def failed_batch(backend: Backend, service: Service, **fields: Any) -> Body:
    """A batch of three whose second record fails at b."""
    service.broken = {"/b/r1"}
    made = await backend.batch([{"_id": f"r{at}", "_title": f"R{at}"} for at in range(3)], **fields)
    assert (made["failedRunsCount"], made["executedRunsCount"]) == (1, 3)
    service.broken = set()
    service.calls.clear()
    return made


async def runs_of(backend: Backend, batch: str) -> list[Body]:
    return (await backend.admin.call("orchestration.run.list", batchUuid=batch, limit=1000))["runs"][::-1]


async def test_the_failed_runs_of_a_batch_go_on_at_their_last_node_with_one_command(backend: Backend, service: Service) -> None:
    first = await failed_batch(backend, service, nodes=line(service))
    made = (await backend.admin.call(CREATE, data=again("lastNode", first["uuid"], ["error"])))["batch"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["status"], found["runsCount"], found["failedRunsCount"]) == ("success", 1, 0)
    assert service.calls == {"/b/r1": 1}
    (run,) = await runs_of(backend, made["uuid"])
    (former,) = (run for run in await runs_of(backend, first["uuid"]) if run["status"] == "error")
    assert (run["recordId"], run["recordTitle"], run["replayOfUuid"], run["reusedExecutionsCount"]) == ("r1", "R1", former["uuid"], 2)
    detail = await backend.admin.call("orchestration.run.get", uuid=run["uuid"])
    assert detail["runContext"]["end"] == {"a": 200, "b": 200}
    assert [one["nodeSlug"] for one in run["executions"]] == ["start", "a", "b", "end"]
    # What was done twice is reported as the latest of its record.
    records = await backend.admin.call("orchestration.record.list", batchUuid=made["uuid"])
    assert [(one["id"], one["status"]) for one in records["records"]] == [("r1", "success")]


async def test_what_may_have_taken_effect_is_repeated_only_when_that_is_asked_for(backend: Backend, service: Service) -> None:
    service.silent = {"/b/r1"}
    first = await backend.batch([{"_id": f"r{at}"} for at in range(2)], nodes=line(service))
    service.silent = set()
    (run,) = (run for run in await runs_of(backend, first["uuid"]) if run["status"] == "error")
    (entry,) = (entry for entry in run["executions"] if entry["nodeSlug"] == "b")
    assert entry["reason"] == "outcomeUnknown" and "may have done it all the same" in entry["errorMessage"]
    (group,) = (await backend.admin.call("orchestration.run.getErrors", workflowUuid=run["workflowUuid"], batchUuid=first["uuid"]))[
        "runErrors"
    ]
    assert (group["reason"], group["runsCount"]) == ("outcomeUnknown", 1)
    explained = (await backend.admin.call("orchestration.run.explain", uuid=run["uuid"]))["explanation"]
    assert (explained["reason"], explained["nodeSlug"]) == ("outcomeUnknown", "b")
    assert explained["fix"] == f"cargo-ai orchestration run replay {run['uuid']} --from-node b"
    service.calls.clear()
    made = (await backend.admin.call(CREATE, data=again("lastNode", first["uuid"], ["error"])))["batch"]
    await backend.ended("batches", made["uuid"])
    (skipped,) = await runs_of(backend, made["uuid"])
    assert skipped["status"] == "skipped" and "Whether b took effect is unknown" in skipped["errorMessage"]
    made = (await backend.admin.call("orchestration.batch.replay", uuid=first["uuid"], fromNode="b", statuses=["error"]))["batch"]
    await backend.ended("batches", made["uuid"])
    assert [run["status"] for run in await runs_of(backend, made["uuid"])] == ["skipped"] and not service.calls
    asked = {"uuid": first["uuid"], "fromNode": "b", "statuses": ["error"], "repeatUnknown": True}
    made = (await backend.admin.call("orchestration.batch.replay", **asked))["batch"]
    await backend.ended("batches", made["uuid"])
    assert [run["status"] for run in await runs_of(backend, made["uuid"])] == ["success"] and service.calls == {"/b/r1": 1}
    one = await backend.admin.call(REPLAY, uuid=run["uuid"], fromNode="b")
    assert (await backend.ended("runs", one["run"]["uuid"]))["run"]["status"] == "success" and service.calls == {"/b/r1": 2}


async def test_every_reset_begins_where_it_says(backend: Backend, service: Service) -> None:
    first = await failed_batch(backend, service, nodes=line(service))
    cases: list[tuple[Body, dict[str, int], tuple[str, int]]] = [
        (again("firstNode", first["uuid"], ["error"]), {"/a/r1": 1, "/b/r1": 1}, ("success", 0)),
        (again("nextNode", first["uuid"], ["error"]), {}, ("success", 3)),
        (again("node", first["uuid"], ["error"], nodeUuid="a"), {"/a/r1": 1, "/b/r1": 1}, ("success", 1)),
        (again("node", first["uuid"], ["error"], nodePath="b"), {"/b/r1": 1}, ("success", 2)),
    ]
    for data, calls, expected in cases:
        service.calls.clear()
        made = (await backend.admin.call(CREATE, data=data))["batch"]
        reset = data["reset"]
        assert made["data"]["reset"] == reset | ({"nodeUuid": reset["nodePath"]} if "nodePath" in reset else {})
        await backend.ended("batches", made["uuid"])
        (run,) = await runs_of(backend, made["uuid"])
        assert (run["status"], run["reusedExecutionsCount"]) == expected, data
        assert service.calls == calls, data


async def test_a_tool_s_runs_walk_what_is_deployed_now(backend: Backend, service: Service) -> None:
    tool, _ = await backend.admin.deployed(line(service))
    workflow = tool["workflowUuid"]
    first = await failed_batch(backend, service, workflowUuid=workflow)
    # The new release calls another path, and its nodes have other uuids.
    changed = line(service, "c/{{nodes.start._id}}")
    for one in changed:
        one["uuid"] += "2"
        one["childrenUuids"] = [f"{child}2" for child in one["childrenUuids"]]
    release = await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=changed, formFields=None)
    made = (await backend.admin.call(CREATE, workflowUuid=workflow, data=again("lastNode", first["uuid"], ["error"])))["batch"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["failedRunsCount"], found["releaseUuid"]) == (0, release["release"]["uuid"])
    assert service.calls == {"/c/r1": 1}
    # Without a workflow it is the graph that they walked.
    service.calls.clear()
    made = (await backend.admin.call(CREATE, data=again("lastNode", first["uuid"], ["error"])))["batch"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["releaseUuid"], service.calls) == (first["releaseUuid"], {"/b/r1": 1})


async def test_runs_that_never_came_to_the_node_are_skipped_with_the_reason(backend: Backend, service: Service) -> None:
    service.broken = {"/a/r0"}
    first = await backend.batch([{"_id": "r0"}, {"_id": "r1"}], nodes=line(service))
    service.broken = set()
    service.calls.clear()
    made = (await backend.admin.call("orchestration.batch.replay", uuid=first["uuid"], fromNode="b"))["batch"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["runsCount"], found["skippedRunsCount"], found["executedRunsCount"]) == (2, 1, 1)
    runs = await runs_of(backend, made["uuid"])
    assert [(run["status"], run["errorMessage"]) for run in runs] == [("skipped", "Skipped: The run never came to b."), ("success", None)]
    assert service.calls == {"/b/r1": 1}


async def test_a_run_is_repeated_from_any_of_its_nodes(backend: Backend, service: Service) -> None:
    first = (await backend.run({"_id": "x"}, nodes=line(service)))["run"]
    wanted = (await backend.admin.call("orchestration.run.get", uuid=first["uuid"]))["runContext"]
    for at, slug in enumerate(("start", "a", "b", "end")):
        service.calls.clear()
        made = (await backend.admin.call(REPLAY, uuid=first["uuid"], fromNode=slug))["run"]
        found = await backend.ended("runs", made["uuid"])
        contexts = [{name: one["status"] if name in ("a", "b") else one for name, one in c.items()} for c in (found["runContext"], wanted)]
        assert contexts[0] == contexts[1]
        assert found["run"]["reusedExecutionsCount"] == at
        assert service.calls == Counter(["/a/x", "/b/x"][max(0, at - 1) :])
        same = await backend.admin.call("orchestration.run.diff", uuid=first["uuid"], otherUuid=made["uuid"])
        assert same["same"] or same["divergence"]["nodeSlugs"][0] in ("a", "b")


async def test_a_repetition_is_found_again_from_a_repetition(backend: Backend, service: Service) -> None:
    split = [node("start", children=("s",)), node("s", "split", ("l", "r"), config={"percentage": 50}), node("l", "end"), node("r", "end")]
    first = (await backend.run({}, nodes=split))["run"]
    way = first["executions"][-1]["nodeSlug"]
    last = first["uuid"]
    for _ in range(6):
        last = (await backend.admin.call(REPLAY, uuid=last, fromNode="s"))["run"]["uuid"]
        found = (await backend.ended("runs", last))["run"]
        assert found["executions"][-1]["nodeSlug"] == way


def grouped(service: Service) -> list[Body]:
    inside = [
        node("start", children=("a",)),
        call(service, "a", "a/{{nodes.start.value}}", "b"),
        call(service, "b", "b/{{nodes.start.value}}", "end"),
        node("end", config={"variables": [{"name": "v", "type": "any", "value": "{{nodes.b.status}}"}]}),
    ]
    return [
        node("start", children=("each",)),
        node("each", "group", ("end",), config={"items": "{{nodes.start.items}}", "_nodes": inside}),
        node("end", config={"variables": [{"name": "all", "type": "any", "value": "{{nodes.each}}"}]}),
    ]


@pytest.mark.parametrize("count", [4, 60])
async def test_inside_a_group_every_item_goes_on_at_the_node(backend: Backend, service: Service, count: int) -> None:
    service.broken = {"/b/1", "/a/2"}
    first = (await backend.run({"items": list(range(count))}, nodes=grouped(service)))["run"]
    service.broken = set()
    service.calls.clear()
    made = (await backend.admin.call(REPLAY, uuid=first["uuid"], fromNode="each.b"))["run"]
    found = await backend.ended("runs", made["uuid"])
    assert found["run"]["status"] == "success"
    # Item 2 never came to b: it stays as it was.
    assert found["runContext"]["end"]["all"] == [None if at == 2 else {"v": 200} for at in range(count)]
    assert service.calls == Counter(f"/b/{at}" for at in range(count) if at != 2)
    listed = (await backend.admin.call("orchestration.run.list", parentUuid=made["uuid"], limit=1000))["runs"]
    assert len(listed) == count
    assert all(one["replayOfUuid"] for one in listed)


async def test_what_cannot_be_repeated_is_refused_with_a_sentence(backend: Backend, service: Service) -> None:
    first = (await backend.run({"items": [1]}, nodes=grouped(service)))["run"]
    for path, words in [
        ("nowhere", "there is no node 'nowhere'"),
        ("each.c", "in each, there is no node 'c'"),
        ("end.x", "no runs of its own"),
        ("each.", "nothing follows the dot"),
    ]:
        status, body = await backend.admin.refusal(REPLAY, uuid=first["uuid"], fromNode=path)
        assert (status, body["reason"]) == (404, "nodeNotFound") and words in body["errorMessage"], body
    child = (await backend.admin.call("orchestration.run.list", parentUuid=first["uuid"]))["runs"][0]["uuid"]
    assert (await backend.admin.refusal(REPLAY, uuid=child, fromNode="b"))[1]["reason"] == "runBelowAnother"
    assert (await backend.other_api.refusal(REPLAY, uuid=first["uuid"], fromNode="each"))[0] == 404
    assert (await backend.other_api.refusal("orchestration.batch.replay", uuid=first["uuid"], fromNode="each"))[0] == 404
    waiting = [node("start", children=("w",)), node("w", "delay", ("end",), config={"minutes": 60}), node("end")]
    parked = (await backend.admin.call("orchestration.run.create", nodes=waiting, data={}))["run"]["uuid"]
    await backend.parked(parked)
    assert (await backend.admin.refusal(REPLAY, uuid=parked, fromNode="w"))[1]["reason"] == "runNotFinished"
    await backend.admin.call("orchestration.run.cancel", workflowUuid=first["workflowUuid"], uuids=[parked])
    await backend.ended("runs", parked)
    # It was cancelled at w: there it goes on.
    again_ = (await backend.admin.call(REPLAY, uuid=parked, fromNode="w"))["run"]["uuid"]
    assert (await backend.parked(again_))["reusedExecutionsCount"] == 1
    branch = [node("start", children=("f",)), node("f", "filter", ("x",), config={"filter": False}), node("x", "end")]
    short = (await backend.run({}, nodes=branch))["run"]["uuid"]
    assert (await backend.admin.refusal(REPLAY, uuid=short, fromNode="x"))[1]["reason"] == "nodeNotReached"


async def test_data_of_runs_that_means_nothing_is_refused(backend: Backend, service: Service) -> None:
    first = await failed_batch(backend, service, nodes=line(service))
    cases = [
        {"kind": "runs", "filter": {"kind": "runs"}, "reset": {"from": "lastNode"}},
        {"kind": "runs", "filter": {"kind": "runs", "batchUuid": first["uuid"], "isGroupParent": True}, "reset": {"from": "lastNode"}},
        again("node", first["uuid"], nodeUuid="nowhere"),
        again("lastNode", "00000000-0000-4000-8000-000000000000"),
    ]
    for data in cases:
        status, body = await backend.admin.refusal(CREATE, data=data)
        assert (status, body["reason"], body["dataError"]["reason"]) == (400, "dataError", "invalidData"), body
    assert (await backend.admin.refusal(CREATE, data=again("node", first["uuid"])))[1]["reason"] == "invalidInput"
    status, body = await backend.other_api.refusal(CREATE, data=again("lastNode", first["uuid"]))
    assert (status, body["reason"]) == (400, "dataError")


async def test_the_latest_runs_of_records_can_be_chosen(backend: Backend, service: Service) -> None:
    tool, _ = await backend.admin.deployed(line(service))
    workflow = tool["workflowUuid"]
    await failed_batch(backend, service, workflowUuid=workflow)
    await backend.batch([{"_id": "r1"}], workflowUuid=workflow)
    service.calls.clear()
    data = {"kind": "runs", "filter": {"kind": "records", "statuses": ["error"]}, "reset": {"from": "firstNode"}}
    made = (await backend.admin.call(CREATE, workflowUuid=workflow, data=data))["batch"]
    # r1 went well the second time, so nothing is left to repeat.
    assert (await backend.ended("batches", made["uuid"]))["batch"]["runsCount"] == 0
    data["filter"] = {"kind": "records", "ids": ["r1", "r2"]}
    made = (await backend.admin.call(CREATE, workflowUuid=workflow, data=data))["batch"]
    assert (await backend.ended("batches", made["uuid"]))["batch"]["runsCount"] == 2
    assert service.calls == {"/a/r1": 1, "/b/r1": 1, "/a/r2": 1, "/b/r2": 1}


async def test_a_repetition_asks_no_one_again_about_the_same_proposal(backend: Backend, service: Service) -> None:
    proposed = [{"name": "n", "value": "{{nodes.start.n}}", "type": "any"}]
    asking = [
        node("start", children=("ask",)),
        node("ask", "humanReview", ("yes", "no"), config={"title": "Send it?", "fields": proposed}),
        node("yes", "end"),
        node("no", "end"),
    ]
    first = (await backend.admin.call("orchestration.run.create", nodes=asking, data={"n": 1}))["run"]["uuid"]
    await backend.parked(first)
    (review,) = (await backend.admin.call("orchestration.review.list", runUuid=first))["reviews"]
    await backend.admin.call("orchestration.review.reject", uuid=review["uuid"])
    assert (await backend.ended("runs", first))["run"]["executions"][-1]["nodeSlug"] == "no"
    for slug in ("start", "ask"):
        made = (await backend.admin.call(REPLAY, uuid=first, fromNode=slug))["run"]["uuid"]
        found = await backend.ended("runs", made)
        assert found["run"]["executions"][-1]["nodeSlug"] == "no"
        assert found["runContext"]["ask"]["reviewUuid"] == review["uuid"]
        assert (await backend.admin.call("orchestration.review.list", runUuid=made))["reviews"] == []
    # Another proposal is another question.
    asking[1]["config"]["fields"][0]["value"] = "{{nodes.start.n + 1}}"
    made = (await backend.admin.call(REPLAY, uuid=first, fromNode="ask", nodes=asking))["run"]["uuid"]
    await backend.parked(made)
    assert len((await backend.admin.call("orchestration.review.list", runUuid=made))["reviews"]) == 1


async def test_reading_runs_goes_on_behind_the_last_one_that_was_repeated(backend: Backend, service: Service) -> None:
    first = await backend.batch([{"_id": f"r{at}"} for at in range(3)], nodes=line(service))
    data = again("firstNode", first["uuid"])
    half = again("firstNode", first["uuid"])
    half["filter"]["uuids"] = [one["uuid"] for one in (await runs_of(backend, first["uuid"]))[:2]]
    made = (await backend.admin.call(CREATE, data=half))["batch"]["uuid"]
    await backend.ended("batches", made)
    workspace, batch = ids.parse(backend.workspace), ids.parse(made)
    assert workspace is not None and batch is not None
    for skip, expected in ((0, ["r0", "r1", "r2"]), (2, ["r2"])):
        read = rerun_source.chunks(backend.state.database, workspace, data, skip, batch)
        assert [one["_id"] async for chunk in read for one in chunk] == expected
