"""The reads of people and programs over a grown journal: what is asked, and how long the answers take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import report
from bench.report import Json
from bench.temporary_server import Api

NONE = "00000000-0000-4000-8000-000000000001"
"""The uuid of nothing."""
Asked = tuple[str, str, Json | None]
"""Verb, path and body."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What of a filled journal the questions name."""

    workflow: str
    batch: str
    release: str
    user: str
    run: str
    failed: str
    parked: str
    records: int


def questions(journal: Journal) -> dict[str, Asked]:
    """By name. Every filter of the list of runs is among them, each where it finds much or little."""
    now = datetime.now(UTC)
    hour, day = (now - timedelta(hours=1)).isoformat(), (now - timedelta(days=1)).isoformat()
    filters: dict[str, Json] = {
        "all": {},
        "error": {"statuses": ["error"]},
        "idle": {"statuses": ["idle"]},
        "pending": {"statuses": ["pending"]},
        "running": {"statuses": ["running"]},
        "cancelled": {"statuses": ["cancelled"]},
        "success": {"statuses": ["success"]},
        "finished": {"isFinished": True},
        "unfinished": {"isFinished": False},
        "title": {"recordTitle": f"company {journal.records // 3}"},
        "title or id": {"recordTitleOrId": f"company-{journal.records // 3}"},
        "record id": {"recordId": f"company-{journal.records // 3}"},
        "batch": {"batchUuid": journal.batch},
        "batch error": {"batchUuid": journal.batch, "statuses": ["error"]},
        "release": {"releaseUuid": journal.release},
        "user": {"userUuid": journal.user},
        "created after": {"createdAfter": day},
        "updated after": {"updatedAfter": hour},
        "node error": {"executionsFilter": _failed_at("small")},
        "no child runs": {"isGroupParent": True},
        "several statuses": {"statuses": ["running", "idle", "cancelled"]},
        "release of none": {"releaseUuid": NONE},
        "user of none": {"userUuid": NONE},
        "updated before": {"updatedBefore": (now - timedelta(days=29)).isoformat()},
        "updated later": {"updatedAfter": (now + timedelta(days=1)).isoformat()},
    }
    asked: dict[str, Asked] = {}
    for name, filter in filters.items():
        of_workflow = {"workflowUuid": journal.workflow, **filter}
        asked[f"run list, {name}"] = ("POST", "/orchestration/runs/list", {**of_workflow, "limit": 20})
        asked[f"run count, {name}"] = ("POST", "/orchestration/runs/count", of_workflow)
    asked["run list, any workflow"] = ("POST", "/orchestration/runs/list", {"limit": 20})
    asked["run list, page 100"] = ("POST", "/orchestration/runs/list", {"workflowUuid": journal.workflow, "limit": 20, "offset": 2_000})
    asked["run list, half way"] = (
        "POST",
        "/orchestration/runs/list",
        {"workflowUuid": journal.workflow, "limit": 20, "offset": journal.records},
    )
    asked["run list, after"] = ("POST", "/orchestration/runs/list", {"workflowUuid": journal.workflow, "limit": 20, "after": journal.run})
    for name, filter in {"all": {}, "error": {"statuses": ["error"]}, "id": {"ids": [f"company-{journal.records // 3}"]}}.items():
        of_workflow = {"workflowUuid": journal.workflow, **filter}
        asked[f"record list, {name}"] = ("POST", "/orchestration/records/list", {**of_workflow, "limit": 20})
        asked[f"record count, {name}"] = ("POST", "/orchestration/records/count", of_workflow)
    month = {"executionStartedAfter": (now - timedelta(days=40)).isoformat()}
    for name, filter in {
        "month": month,
        "day": {"executionStartedAfter": day},
        "error": {**month, "executionStatuses": ["error"]},
        "pending": {**month, "executionStatuses": ["pending"]},
        "run": {**month, "runUuid": journal.run},
        "batch": {**month, "batchUuid": journal.batch},
        "node": {**month, "nodeSlug": "sized"},
        "node of none": {**month, "nodeSlug": "nothing"},
        "trace": {**month, "traceUuid": journal.batch},
        "record": {**month, "recordId": f"company-{journal.records // 3}"},
        "before": {**month, "executionStartedBefore": (now - timedelta(days=20)).isoformat()},
        "page 100": {**month, "offset": 2_000},
    }.items():
        asked[f"span list, {name}"] = ("POST", "/orchestration/spans/list", {**filter, "limit": 20})
    asked["span count"] = ("POST", "/orchestration/spans/count", month)
    asked["trace list"] = ("POST", "/orchestration/traces/list", {"startedAfter": month["executionStartedAfter"], "limit": 20})
    asked["batch list"] = ("GET", "/orchestration/batches/list?limit=20", None)
    asked["batch list, workflow"] = ("GET", f"/orchestration/batches/list?workflowUuids={journal.workflow}&limit=20", None)
    asked["batch list, unfinished"] = ("GET", "/orchestration/batches/list?isFinished=false&limit=20", None)
    asked["batch list, cancelled"] = ("GET", "/orchestration/batches/list?statuses=cancelled&limit=20", None)
    asked["run errors"] = ("POST", "/orchestration/runs/errors", {"workflowUuid": journal.workflow})
    asked["run errors, day"] = ("POST", "/orchestration/runs/errors", {"workflowUuid": journal.workflow, "createdAfter": day})
    asked["run metrics, workflow"] = ("POST", "/orchestration/runs/metrics", {"workflowUuid": journal.workflow})
    asked["run metrics, batch"] = ("POST", "/orchestration/runs/metrics", {"workflowUuid": journal.workflow, "batchUuid": journal.batch})
    asked["run get"] = ("GET", f"/orchestration/runs/{journal.run}", None)
    asked["run explain, failed"] = ("GET", f"/orchestration/runs/{journal.failed}/explanation", None)
    asked["run explain, parked"] = ("GET", f"/orchestration/runs/{journal.parked}/explanation", None)
    asked["server queue"] = ("GET", "/orchestration/queue", None)
    asked["segment list"] = ("GET", "/segmentation/segments/list", None)
    return asked


def _failed_at(slug: str) -> Json:
    condition = {"kind": "node", "nodeSlug": slug, "status": "error"}
    return {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}


def answer_times(api: Api, asked: Mapping[str, Asked], times: int) -> dict[str, list[float]]:
    """Seconds of each answer, by question, after one that is not counted."""
    took: dict[str, list[float]] = {}
    for name, (verb, path, body) in asked.items():
        seconds = list[float]()
        for _ in range(times + 1):
            began = time.perf_counter()
            _ask(api, verb, path, body)
            seconds.append(time.perf_counter() - began)
            if seconds[-1] > 2:
                break
        took[name] = seconds[1:] or seconds
        if report.median(took[name]) > 0.03:
            report.say(f"{name}: {report.median(took[name]) * 1000:.0f} ms")
    return took


def _ask(api: Api, verb: str, path: str, body: Json | None) -> Any:
    return api.send(verb, path) if body is None else api.post(path, body)
