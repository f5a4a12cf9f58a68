"""Alerts: what conditions measure, what is refused, and what an evaluation stores and starts."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from cargo_ai.domains.observability.due import DueJob
from cargo_ai.kernel import clock
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.application import signed_in
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAITS = node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes || 0}}"})
GRAPH = [node("start", children=("wait",)), WAITS, node("end")]
PREVIEW, CREATE, UPDATE = "observability.alert.preview", "observability.alert.create", "observability.alert.update"
NOBODY = "0198c0de-0000-7000-8000-000000000001"


def threshold(metric: str, value: float = 1, operator: str = "gte", **more: str) -> Body:
    return {"metric": metric, "operator": operator, "value": value, **more}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workflow(backend: Backend) -> str:
    """A tool with three runs that went well and one that failed."""
    tool, _ = await backend.admin.deployed(GRAPH)
    for minutes in (0, 0, 0, "soon"):
        await backend.run({"name": "O'Hara 100%", "minutes": minutes}, workflowUuid=tool["workflowUuid"])
    return str(tool["workflowUuid"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(backend: Backend) -> str:
    """A model with two companies."""
    uid = await backend.admin.model("companies")
    await backend.admin.add(uid, {"domain": "acme.com", "employees": 5}, {"domain": "bolt.io", "employees": 50})
    return uid


async def test_runs_records_and_executions_are_measured(backend: Backend, workflow: str) -> None:
    async def value(kind: str, scope: Body, metric: str, aggregation: str | None = None) -> Any:
        more = {} if aggregation is None else {"aggregation": aggregation}
        shown = await backend.admin.call(
            PREVIEW, scope={"kind": kind, "workflowUuid": workflow, **scope}, threshold=threshold(metric) | more
        )
        return (shown["outcome"], shown["value"])

    assert await value("runs", {}, "errorRate") == ("computed", 25)
    assert await value("runs", {}, "count") == ("computed", 4)
    assert await value("runs", {"statuses": ["error"]}, "count") == ("computed", 1)
    assert await value("runs", {"statuses": ["running", "pending"]}, "count") == ("computed", 0)
    assert await value("runs", {"recordTitleOrErrorMessage": "o'hara 100%"}, "count") == ("computed", 4)
    assert await value("runs", {"recordTitleOrErrorMessage": "O_Hara"}, "count") == ("computed", 0)
    assert await value("runs", {"recordTitleOrErrorMessage": "\\'"}, "errorRate") == ("empty", None)
    assert await value("runs", {"releaseUuid": "1.0.0"}, "count") == ("computed", 0)
    assert await value("records", {}, "count") == ("computed", 4)
    assert await value("spans", {"nodeActionSlug": "delay"}, "errorRate") == ("computed", 25)
    assert await value("spans", {"executionStatuses": ["error"]}, "count") == ("computed", 1)
    assert await value("runs", {}, "credits", aggregation="sum") == ("computed", 0)
    for aggregation in ("avg", "p50", "p95", "p99"):
        outcome, seconds = await value("runs", {}, "duration", aggregation=aggregation)
        assert outcome == "computed" and 0 <= seconds < 60
    shown = await backend.admin.call(PREVIEW, scope={"kind": "runs", "workflowUuid": workflow}, threshold=threshold("errorRate", 26))
    assert (shown["isBreached"], shown["total"], shown["failed"]) == (False, 4, 1)


async def test_models_and_queries_are_measured(backend: Backend, model: str) -> None:
    async def value(scope: Body, metric: str) -> Any:
        shown = await backend.admin.call(PREVIEW, scope=scope, threshold=threshold(metric))
        return shown["value"] if shown["outcome"] == "computed" else shown["outcome"]

    of_model = {"kind": "model", "modelUuid": model}
    large = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [
        {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 10}]}]}  # fmt: skip
    assert await value(of_model, "recordsCount") == 2
    assert await value({**of_model, "filter": large}, "recordsCount") == 1
    assert await value({**of_model, "filter": large}, "recordsShare") == 50
    assert 0 <= await value(of_model, "freshness") < 5
    assert await value(of_model, "syncDuration") == "empty"
    assert await value({"kind": "storageQuery", "query": "SELECT sum(employees) FROM default.companies"}, "query") == 55
    assert await value({"kind": "storageQuery", "query": "SELECT employees FROM default.companies WHERE 1 = 0"}, "query") == "empty"
    assert await value({"kind": "orchestrationQuery", "query": "SELECT count() FROM runs WHERE 1 = 0"}, "query") == 0
    for scope in (
        {"kind": "storageQuery", "query": "SELECT domain FROM default.companies"},
        {"kind": "storageQuery", "query": "SELECT nothing FROM default.companies"},
        {"kind": "orchestrationQuery", "query": "DROP TABLE runs"},
        {"kind": "model", "modelUuid": NOBODY},
    ):
        metric = "recordsCount" if scope["kind"] == "model" else "query"
        shown = await backend.admin.call(PREVIEW, scope=scope, threshold=threshold(metric))
        assert shown["outcome"] == "notComputed" and shown["errorMessage"] == shown["computeErrorMessage"] != ""


async def test_a_threshold_of_another_scope_is_not_computed_and_no_alert(backend: Backend, workflow: str) -> None:
    condition: Body = {"scope": {"kind": "runs", "workflowUuid": workflow}, "threshold": threshold("freshness")}
    shown = await backend.admin.call(PREVIEW, **condition)
    assert shown["outcome"] == "notComputed" and "errorRate or duration or credits or count" in shown["errorMessage"]
    assert await backend.admin.refused(CREATE, name="A", cron="@every 30m", **condition) == (400, "mismatchedThreshold")


async def test_what_cannot_be_evaluated_is_refused_when_it_is_created(backend: Backend, workflow: str, model: str) -> None:
    good: Body = {"name": "A", "cron": "@every 30m", "scope": {"kind": "runs"}, "threshold": threshold("count")}

    async def refused(**changes: Any) -> str:
        return (await backend.admin.refused(CREATE, **good | changes))[1]

    query = {"threshold": threshold("query")}
    assert await refused(cron="now and then") == "invalidCron"
    assert await refused(cron="@every 30s") == "invalidCron"
    assert await refused(scope={"kind": "storageQuery", "query": "SELECT nothing"}, **query) == "invalidSql"
    assert await refused(scope={"kind": "model", "modelUuid": NOBODY}, threshold=threshold("recordsCount")) == "modelNotFound"
    wrong = {"conjonction": "and", "groups": [{"conditions": [{"kind": "nonsense"}]}]}
    assert (
        await refused(scope={"kind": "model", "modelUuid": model, "filter": wrong}, threshold=threshold("recordsCount")) == "invalidInput"
    )
    assert await refused(threshold=threshold("duration")) == "invalidInput"
    for name in (NOBODY, "Failures"):
        assert await refused(scope={"kind": "runs", "workflowUuid": name}) == "invalidInput"
    assert await refused(folderUuid=NOBODY) == "folderNotFound"
    for action in (
        {"kind": "tool", "toolUuid": NOBODY},
        {"kind": "native", "actionSlug": "no"},
    ):
        assert await refused(actions=[action]) == "actionNotFound"
    assert await backend.admin.refused(UPDATE, uuid=NOBODY, name="B") == (404, "alertNotFound")
    assert (await backend.admin.call("observability.alert.list"))["alerts"] == []


async def evaluated(backend: Backend, alert: str) -> Body:
    """The newest event, after the alert's clock has struck now."""
    before = (await backend.admin.call("observability.event.count", alertUuid=alert))["count"]
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        await db.execute(
            text("update schedules set next_fire_at = now() where kind = 'alert' and owner_uuid = cast(:uid as uuid)"), {"uid": alert}
        )
        await db.execute(text("select pg_notify('cargo_schedules', '')"))
        await db.commit()
    deadline = clock.seconds() + 60
    while clock.seconds() < deadline:
        listed = await backend.admin.call("observability.event.list", alertUuid=alert)
        if listed["count"] > before:
            event: Body = listed["events"][0]
            return event
        await asyncio.sleep(0.02)
    raise AssertionError("the clock did not strike")


async def test_an_unhealthy_window_starts_the_actions_and_the_next_one_begins_where_it_ended(backend: Backend) -> None:
    watched, _ = await backend.admin.deployed(GRAPH)
    posts, _ = await backend.admin.deployed([node("start", children=("end",)), node("end", config={"variables": [
        {"name": "title", "type": "string", "value": "{{nodes.start.alert.title}}"}]})])  # fmt: skip
    made = await backend.admin.call(
        CREATE,
        name="Failures",
        cron="@every 30m",
        scope={"kind": "runs", "workflowUuid": watched["workflowUuid"]},
        threshold=threshold("errorRate", 50),
        actions=[{"kind": "tool", "toolUuid": posts["uuid"]}],
    )
    alert = made["alert"]["uuid"]
    assert made["alert"]["schedule"]["nextFireAt"] and made["alert"]["lastEvent"] is None
    assert (await backend.admin.refused("orchestration.tool.remove", uuid=posts["uuid"]))[1] == "toolIsUsed"

    quiet = await evaluated(backend, alert)
    assert (quiet["status"], quiet["value"], quiet["runUuids"]) == ("healthy", None, [])
    await backend.run({"minutes": "soon"}, workflowUuid=watched["workflowUuid"])
    loud = await evaluated(backend, alert)
    assert (loud["status"], loud["value"], loud["windowStartedAt"]) == ("unhealthy", 100, quiet["windowEndedAt"])
    (run,) = loud["runUuids"]
    assert (await backend.ended("runs", run))["runContext"]["end"] == {"title": "Failures: errorRate is 100 (at least 50)"}
    again = await evaluated(backend, alert)
    assert (again["status"], again["windowStartedAt"]) == ("healthy", loud["windowEndedAt"])

    shown = (await backend.admin.call("observability.alert.get", uuid=alert))["alert"]
    assert shown["lastEvent"] == again and shown["lastEvaluatedAt"] == again["windowEndedAt"]
    counted = await backend.admin.call("observability.event.count", alertUuid=alert, statuses=["unhealthy"])
    assert counted == {"count": 1}
    # The same due time twice, as after a crash: one event.
    await DueJob(backend.state.services).evaluate(backend.workspace, alert, clock.to_iso(clock.now() - timedelta(minutes=1)))
    assert (await backend.admin.call("observability.event.count", alertUuid=alert))["count"] == 3


async def test_a_state_starts_the_actions_when_it_becomes_unhealthy_and_one_that_is_broken_says_so(backend: Backend, model: str) -> None:
    tool, _ = await backend.admin.deployed([node("start", children=("end",)), node("end")])
    made = await backend.admin.call(
        CREATE,
        name="Small",
        cron="0 9 * * 1",
        scope={"kind": "model", "modelUuid": model},
        threshold=threshold("recordsCount", 100, "lte"),
        actions=[{"kind": "tool", "toolUuid": tool["uuid"]}],
    )
    alert = made["alert"]["uuid"]
    first, second = await evaluated(backend, alert), await evaluated(backend, alert)
    assert [(one["status"], one["value"], len(one["runUuids"])) for one in (first, second)] == [("unhealthy", 2, 1), ("unhealthy", 2, 0)]
    assert (await backend.admin.refused("storage.model.remove", uuid=model))[1] == "modelIsUsed"
    query = {"kind": "storageQuery", "query": "SELECT count(*) FROM default.briefly"}
    gone = await backend.admin.model("briefly")
    await backend.admin.call(UPDATE, uuid=alert, scope=query, threshold=threshold("query"))
    await backend.admin.call("storage.model.remove", uuid=gone)
    broken = await evaluated(backend, alert)
    assert (broken["status"], broken["value"]) == ("error", None) and "briefly" in broken["errorMessage"]


async def test_a_disabled_alert_is_not_due_and_a_removed_one_leaves_nothing(backend: Backend) -> None:
    folder = (await backend.admin.call("workspaceManagement.folder.create", name="Alerts", kind="alert", emojiSlug="bell"))["folder"][
        "uuid"
    ]
    condition: Body = {"scope": {"kind": "runs"}, "threshold": threshold("count")}
    made = await backend.admin.call(CREATE, name="Off", cron="@every 1m", disabled=True, folderUuid=folder, **condition)
    alert = made["alert"]["uuid"]
    assert not made["alert"]["isEnabled"] and made["alert"]["schedule"]["nextFireAt"] is None
    enabled = (await backend.admin.call(UPDATE, uuid=alert, isEnabled=True, cron="@every 2m", description="d"))["alert"]
    assert enabled["schedule"]["nextFireAt"] and (enabled["schedule"]["cron"], enabled["description"]) == ("@every 2m", "d")
    assert (await backend.admin.refused("workspaceManagement.folder.remove", uuid=folder))[1] == "folderIsUsed"
    cleared = (await backend.admin.call(UPDATE, uuid=alert, folderUuid=None, description=None, isEnabled=False))["alert"]
    assert (cleared["folderUuid"], cleared["description"], cleared["schedule"]["nextFireAt"]) == (None, None, None)
    await backend.admin.call("observability.alert.remove", uuid=alert)
    assert await backend.admin.refused("observability.event.list", alertUuid=alert) == (404, "alertNotFound")
    async with backend.state.database.session(ALL_WORKSPACES) as db:
        left = await db.scalar(text("select count(*) from schedules where owner_uuid = cast(:uid as uuid)"), {"uid": alert})
    assert left == 0


async def test_who_may_not_look_has_no_alert_look_either(backend: Backend, model: str) -> None:
    rules = [{"effect": "allow", "actions": ["observability:write", "orchestration:read"]}]
    token = (await backend.admin.call("workspaceManagement.token.create", name="watcher", permissions=rules))["token"]["token"]
    async with signed_in(backend.app, token) as http:
        watcher = ApiClient(http)
        assert (await watcher.call(PREVIEW, scope={"kind": "runs"}, threshold=threshold("count")))["outcome"] == "computed"
        for scope, metric in (
            ({"kind": "model", "modelUuid": model}, "recordsCount"),
            ({"kind": "storageQuery", "query": "SELECT 1"}, "query"),
        ):
            assert await watcher.refused(PREVIEW, scope=scope, threshold=threshold(metric)) == (403, "forbidden")
        acts: Body = {"name": "A", "cron": "@every 30m", "scope": {"kind": "runs"}, "threshold": threshold("count")}
        tool = (await backend.admin.tool("Acts"))["uuid"]
        assert await watcher.refused(CREATE, **acts, actions=[{"kind": "tool", "toolUuid": tool}]) == (403, "forbidden")


async def test_another_workspace_sees_no_alert(backend: Backend) -> None:
    condition: Body = {"scope": {"kind": "runs"}, "threshold": threshold("count")}
    alert = (await backend.admin.call(CREATE, name="Mine", cron="@every 1h", **condition))["alert"]["uuid"]
    for name, more in (("alert.get", {"uuid": alert}), ("alert.remove", {"uuid": alert}), ("event.list", {"alertUuid": alert})):
        assert await backend.other_api.refused(f"observability.{name}", **more) == (404, "alertNotFound")
    assert (await backend.other_api.call("observability.alert.list"))["alerts"] == []
    await DueJob(backend.state.services).evaluate(str(uuid.uuid4()), alert, clock.to_iso(clock.now()))
    assert (await backend.admin.call("observability.event.count", alertUuid=alert))["count"] == 0
