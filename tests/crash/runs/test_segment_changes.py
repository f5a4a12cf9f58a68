"""A worker dies while it compares a watched segment: the change is there once, whatever had been committed."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from cargo_ai.domains.segmentation import public
from cargo_ai.store.session import Database
from tests.kit.real_server import real_server, wait_until

pytestmark = [pytest.mark.slow]

COLUMNS = [{"slug": "domain", "type": "string", "label": ""}, {"slug": "score", "type": "number", "label": ""}]
EVERYTHING: dict[str, Any] = {"conjonction": "and", "groups": []}


async def watch(url: str, workspace: str, segment: str) -> None:
    database = Database(url)
    async with database.session(uuid.UUID(workspace)) as db:
        await public.set_watched(db, uuid.UUID(segment), True)
        await db.commit()
    await database.close()


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
