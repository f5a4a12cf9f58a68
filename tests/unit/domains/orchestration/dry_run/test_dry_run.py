"""A dry run tells what a batch would do and does nothing: no call, no run, no row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.unit.domains.orchestration.replay.test_rerun import Service, again, call, line, service

__all__ = ["service"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE = "orchestration.batch.create"


async def forecast(backend: Backend, data: Body, **fields: Any) -> Body:
    """What a dry run tells; nothing is there afterwards that was not before."""
    before = [await backend.admin.call("orchestration.run.count"), await backend.admin.call("orchestration.batch.list")]
    reply = await backend.admin.call(CREATE, data=data, dryRun=True, **fields)
    assert [await backend.admin.call("orchestration.run.count"), await backend.admin.call("orchestration.batch.list")] == before
    assert reply["batch"] is None
    found: Body = reply["dryRun"]
    return found


def counted(found: Body) -> dict[str, tuple[int, int]]:
    return {one["path"]: (one["executionsMin"], one["executionsMax"]) for one in found["nodes"]}


def records(*numbers: int) -> Body:
    return {"kind": "records", "records": [{"_id": f"x{at}", "n": at} for at in numbers]}


def forked(service: Service, condition: str) -> list[Body]:
    """start → a → branch → b or end, where `end` is the second way."""
    return [
        node("start", children=("a",)),
        call(service, "a", "a/{{nodes.start._id}}", "way"),
        node("way", "branch", ("b", "end"), config={"condition": condition}),
        call(service, "b", "b/{{nodes.start._id}}", "end"),
        node("end"),
    ]


async def test_ways_that_depend_on_the_record_are_counted_exactly_and_nothing_is_called(backend: Backend, service: Service) -> None:
    found = await forecast(backend, records(*range(10)), nodes=forked(service, "{{nodes.start.n >= 7}}"))
    assert counted(found) == {"start": (10, 10), "a": (10, 10), "way": (10, 10), "b": (3, 3), "end": (10, 10)}
    assert (found["recordsCount"], found["walkedCount"], found["isSample"], found["failedMax"]) == (10, 10, False, 0)
    assert not service.calls


async def test_ways_that_depend_on_an_answer_are_all_possible_until_it_was_given_once(backend: Backend, service: Service) -> None:
    nodes = forked(service, "{{nodes.a.status === 200}}")
    service.calls.clear()
    found = await forecast(backend, records(1, 2), nodes=nodes)
    assert counted(found) == {"start": (2, 2), "a": (2, 2), "way": (2, 2), "b": (0, 2), "end": (2, 2)}
    assert found["unknownCount"] and any("each way on" in one for one in found["assumptions"])
    await backend.batch(records(1)["records"], nodes=nodes)
    service.calls.clear()
    found = await forecast(backend, records(1, 2), nodes=nodes)
    # Record 1 has been there; of record 2 no one knows.
    assert counted(found)["b"] == (1, 2)
    assert found["rememberedCount"] == 2
    assert not service.calls


async def test_a_sample_is_spread_over_all_records_and_says_so(backend: Backend, service: Service) -> None:
    # Those that go to b are all at the end.
    nodes = forked(service, "{{nodes.start.n >= 200}}")
    found = await forecast(backend, records(*range(400)), nodes=nodes, sample=50)
    low, high = counted(found)["b"]
    assert low == high and 120 <= low <= 280 and low % 8 == 0
    assert (found["recordsCount"], found["walkedCount"], found["sampledFromCount"], found["isSample"]) == (400, 50, 400, True)
    assert found["assumptions"][0].startswith("50 of 400 records were walked, spread over all of them by a hash of their ids")
    # The same records give the same sample, whatever their order.
    again = await forecast(backend, records(*reversed(range(400))), nodes=nodes, sample=50)
    assert again == found
    everything = await forecast(backend, records(*range(40)), nodes=nodes)
    assert (everything["walkedCount"], everything["isSample"]) == (40, False)
    nameless: Body = {"kind": "records", "records": [{"n": at} for at in range(400)]}
    assert 120 <= counted(await forecast(backend, nameless, nodes=nodes, sample=50))["b"][0] <= 280


async def test_a_split_is_reported_by_its_shares_and_not_as_one_way(backend: Backend, service: Service) -> None:
    def graph(percentage: Any) -> list[Body]:
        return [
            node("start", children=("half",)),
            node("half", "split", ("a", "b"), config={"percentage": percentage}),
            node("a", "variables", ("end",)),
            call(service, "b", "b/{{nodes.start._id}}", "end"),
            node("end"),
        ]

    def expected(found: Body) -> dict[str, float | None]:
        return {one["path"]: one["executionsExpected"] for one in found["nodes"]}

    found = await forecast(backend, records(*range(10)), nodes=graph(25))
    assert counted(found) == {"start": (10, 10), "half": (10, 10), "a": (0, 10), "b": (0, 10), "end": (10, 10)}
    assert expected(found) == {"start": 10, "half": 10, "a": 2.5, "b": 7.5, "end": 10}
    assert any(one.startswith("25 % of the runs go the first way on from half") for one in found["assumptions"])
    # What the records decide is known, and 0 % and 100 % are not chance at all.
    found = await forecast(backend, records(*range(10)), nodes=graph("{{nodes.start.n >= 4 ? 100 : 0}}"))
    assert (counted(found)["a"], counted(found)["b"], expected(found)["a"]) == ((6, 6), (4, 4), 6)
    broken = await forecast(backend, records(1, 2), nodes=graph("{{nodes.start.n * 100}}"))
    assert (broken["failedMin"], broken["failedMax"]) == (1, 1)
    # What hangs on an answer that no one knows has no shares.
    hanging = [
        node("start", children=("a",)),
        call(service, "a", "a/{{nodes.start._id}}", "half"),
        node("half", "split", ("b", "end"), config={"percentage": "{{nodes.a.status}}"}),
        node("b", "variables", ("end",)),
        node("end"),
    ]
    found = await forecast(backend, records(1), nodes=hanging)
    assert expected(found) == {"start": 1, "a": 1, "half": 1, "b": None, "end": 1}
    assert not service.calls


async def test_a_run_that_is_done_again_goes_as_its_splits_went(backend: Backend, service: Service) -> None:
    nodes = [
        node("start", children=("half",)),
        node("half", "split", ("a", "end"), config={"percentage": 50}),
        node("a", "variables", ("end",)),
        node("end"),
    ]
    first = await backend.batch([{"_id": f"s{at}"} for at in range(12)], nodes=nodes)
    runs = (await backend.admin.call("orchestration.run.list", batchUuid=first["uuid"]))["runs"]
    went = sum(any(one["nodeSlug"] == "a" for one in run["executions"]) for run in runs)
    found = await forecast(backend, again("firstNode", first["uuid"]))
    assert counted(found).get("a", (0, 0)) == (went, went)


async def test_groups_and_rate_limits_are_counted_in(backend: Backend, service: Service) -> None:
    rate = {"unit": "minute", "max": 6, "strategy": "spread"}
    made = await backend.admin.call("connection.connector.create", integrationSlug="http", slug="slow", name="Slow", rateLimit=rate)
    inside = [node("start", children=("a",)), call(service, "a", "a", "end") | {"connectorUuid": made["connector"]["uuid"]}, node("end")]
    nodes = [
        node("start", children=("each",)),
        node("each", "group", ("end",), config={"items": "{{nodes.start.items}}", "_nodes": inside}),
        node("end"),
    ]
    data: Body = {"kind": "records", "records": [{"items": [1, 2, 3]}, {"items": []}, {"items": [4]}]}
    found = await forecast(backend, data, nodes=nodes)
    assert [one["path"] for one in found["nodes"]] == ["start", "each", "each.start", "each.a", "each.end", "end"]
    assert counted(found)["each.a"] == (4, 4)
    (limit,) = found["limits"]
    assert (limit["name"], limit["callsMin"], limit["callsMax"]) == ("Slow", 4, 4)
    # One may go at once, the other three follow ten seconds apart.
    assert 29 < limit["secondsMin"] < 32 and found["secondsMin"] == limit["secondsMin"]
    assert not service.calls


async def test_runs_that_are_done_again_are_walked_from_where_they_go_on(backend: Backend, service: Service) -> None:
    service.broken = {"/b/r1"}
    first = await backend.batch([{"_id": f"r{at}"} for at in range(3)], nodes=line(service))
    service.broken = set()
    service.calls.clear()
    found = await forecast(backend, again("lastNode", first["uuid"], ["error"]))
    assert (found["recordsCount"], counted(found)) == (1, {"b": (1, 1), "end": (1, 1)})
    assert not service.calls


async def test_a_dry_run_refuses_what_a_real_one_refuses(backend: Backend, service: Service) -> None:
    status, body = await backend.admin.refusal(CREATE, data=records(), nodes=line(service), dryRun=True)
    assert (status, body["dataError"]["reason"]) == (400, "noRecords")
    assert (await backend.admin.refusal(CREATE, data=records(1), dryRun=True))[1]["reason"] == "nodesNotFound"
    assert (await backend.admin.refusal(CREATE, data=records(1), nodes=line(service), dryRun=True, sample=0))[0] == 400
    assert any(
        "sample" in one
        for one in await backend.admin.warnings(CREATE, data=records(1), nodes=[node("start", children=("end",)), node("end")], sample=5)
    )
