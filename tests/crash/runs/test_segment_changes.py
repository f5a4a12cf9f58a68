"""A worker or all of the server dies while a segment is compared: the change is there once, whatever had been committed."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.segmentation import public
from cargo_ai.store.session import Database
from tests.kit.graphs import node
from tests.kit.processes.real_server import RealServer, csv_of, real_server, wait_until

pytestmark = [pytest.mark.slow]

COLUMNS = [{"slug": "domain", "type": "string", "label": ""}, {"slug": "score", "type": "number", "label": ""}]
EVERYTHING: dict[str, Any] = {"conjonction": "and", "groups": []}


async def watch(url: str, workspace: str, segment: str) -> None:
    database = Database(url)
    async with database.session(uuid.UUID(workspace)) as db:
        await public.watch(db, uuid.UUID(segment))
        await db.commit()
    await database.close()


def model_of_a_file(server: RealServer, records: int) -> str:
    """A model of this many companies; its uuid."""
    dataset = next(one for one in server.call("storage.dataset.all")["datasets"] if one["kind"] == "native")
    config = {"s3Filename": server.upload(csv_of(records)), "idColumnSlug": "_id"}
    wanted = {"slug": "companies", "name": "C", "datasetUuid": dataset["uuid"], "extractorSlug": "uploadFile", "config": config}
    return str(server.call("storage.model.create", **wanted)["model"]["uuid"])


@pytest.mark.parametrize("point", ["before change commit", "after change commit"])
def test_a_change_is_neither_lost_nor_doubled_when_its_worker_dies(tmp_path: Path, point: str) -> None:
    once = tmp_path / "once"
    (tmp_path / "home").mkdir()
    with real_server(tmp_path / "home", workers=1, CRASH_AT=f"{point}@{once}") as server:
        server.wait_for_workers()
        dataset = next(one for one in server.call("storage.dataset.all")["datasets"] if one["kind"] == "native")
        config = {"columns": COLUMNS, "idColumnSlug": "domain", "titleColumnSlug": "domain"}
        wanted = {"slug": "companies", "name": "C", "datasetUuid": dataset["uuid"], "extractorSlug": "defineObject", "config": config}
        model = server.call("storage.model.create", **wanted)["model"]["uuid"]
        made = server.call("segmentation.segment.create", name="All", modelUuid=model, filter=EVERYTHING)["segment"]
        asyncio.run(watch(server.database_url, made["workspaceUuid"], made["uuid"]))
        wait_until(lambda: server.value("select count(*) from segment_work") == 0, 30, "the beginning of the watch settles")
        once.touch()
        server.call("storage.record.create", modelUuid=model, data={"domain": "a", "score": 1})
        wait_until(lambda: not once.exists(), 30, "the worker dies")
        wait_until(lambda: server.logged("a process died and is replaced") == 1, 60, "another takes over")
        server.wait_for_workers()
        done = "select count(*) from segment_work"
        wait_until(lambda: server.value(done) == 0, 60, "the work is done")
        (change,) = server.call("segmentation.change.list", segmentUuid=made["uuid"])["changes"]
        assert (change["addedRecordsCount"], change["totalRecordsCount"]) == (1, 1)
        assert server.value("select count(*) from segment_changes") == 1


@pytest.mark.parametrize("point", ["before change commit", "after change commit"])
def test_a_play_on_a_large_segment_is_prepared_though_everything_is_killed(tmp_path: Path, point: str) -> None:
    once, records = tmp_path / "once", 51_000
    (tmp_path / "home").mkdir()
    with real_server(tmp_path / "home", workers=1, CRASH_AT=f"{point}@{once}") as server:
        server.wait_for_workers()
        model = model_of_a_file(server, records)
        play = server.call("orchestration.play.create", name="P", modelUuid=model, schedule={"type": "realtime"}, changeKinds=["added"])[
            "play"
        ]
        graph = [node("start", children=("end",)), node("end")]
        server.call("orchestration.draftRelease.deploy", workflowUuid=play["workflowUuid"], nodes=graph, formFields=None)
        once.touch()
        play = server.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True)["play"]
        assert play["isPreparing"]
        wait_until(lambda: not once.exists(), 60, "the worker dies")
        kill_everything(server)
        server.start()
        server.call("storage.record.create", modelUuid=model, data={"_id": "new"})
        wait_until(lambda: server.value("select count(*) from segment_work") == 0, 60, "the segment is read")
        assert not server.call("orchestration.play.get", uuid=play["uuid"])["play"]["isPreparing"]
        assert server.value("select count(*) from segment_members") == records + 1
        wait_until(lambda: server.value("select count(*) from runs where status = 'success'") == 1, 60, "the new record runs")
        assert server.value("select count(*) from segment_changes") == 1


@pytest.mark.parametrize("point", ["before comparison commit", "after comparison commit"])
def test_a_comparison_in_the_background_ends_once_though_everything_is_killed(tmp_path: Path, point: str) -> None:
    once, records = tmp_path / "once", 51_000
    (tmp_path / "home").mkdir()
    with real_server(tmp_path / "home", workers=1, CRASH_AT=f"{point}@{once}") as server:
        server.wait_for_workers()
        model = model_of_a_file(server, records)
        segment = server.call("segmentation.segment.create", name="All", modelUuid=model, filter=EVERYTHING)["segment"]["uuid"]
        once.touch()
        change = server.call("segmentation.change.create", segmentUuid=segment)["change"]
        assert change["status"] == "pending"
        wait_until(lambda: not once.exists(), 60, "the worker dies")
        kill_everything(server)
        server.start()
        found = wait_for_change(server, change["uuid"])
        assert (found["status"], found["addedRecordsCount"], found["totalRecordsCount"]) == ("success", records, records)
        assert server.value("select count(*) from segment_change_records") == records
        assert server.value("select count(*) from segment_changes") == 1


def kill_everything(server: RealServer) -> None:
    """Kill the supervisor, the API and the workers."""
    everything = server.children()
    server.kill()
    for pid in everything:
        # Some hear of their supervisor's end, and end by themselves.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_for_change(server: RealServer, uid: str) -> dict[str, Any]:
    """The change when its comparison has ended."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        found.update(server.call("segmentation.change.get", uuid=uid)["change"])
        return found["status"] in {"success", "error"}

    wait_until(has_ended, 60, "the comparison ends")
    return found
