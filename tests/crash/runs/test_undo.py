"""All of the server is killed while a large change set is undone: it is undone once, whatever had been committed."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit.processes.real_server import csv_of, real_server, wait_until

pytestmark = [pytest.mark.slow]
RECORDS = 6_000


@pytest.mark.parametrize("point", ["before undo commit", "after undo commit"])
def test_an_undo_in_the_background_ends_once_though_everything_is_killed(tmp_path: Path, point: str) -> None:
    once = tmp_path / "once"
    (tmp_path / "home").mkdir()
    with real_server(tmp_path / "home", workers=1, CRASH_AT=f"{point}@{once}") as server:
        server.wait_for_workers()
        dataset = next(one for one in server.call("storage.dataset.all")["datasets"] if one["kind"] == "native")
        config = {"columns": [{"slug": slug, "type": "string", "label": slug} for slug in ("_id", "name", "n")][1:], "idColumnSlug": "name"}
        wanted = {"slug": "companies", "name": "C", "datasetUuid": dataset["uuid"], "extractorSlug": "defineObject", "config": config}
        model = server.call("storage.model.create", **wanted)["model"]["uuid"]
        file = csv_of(RECORDS).replace(b"_id,", b"number,", 1)
        server.call("storage.record.ingest", modelUuid=model, s3Filename=server.upload(file))
        (made,) = server.call("storage.changeSet.list", modelUuid=model)["changeSets"]
        assert made["addedCount"] == RECORDS
        once.touch()
        run = server.call("storage.changeSet.undo", uuid=made["uuid"])["run"]
        wait_until(lambda: not once.exists(), 60, "the worker dies")
        everything = server.children()
        server.kill()
        for pid in everything:
            # Some hear of their supervisor's end, and end by themselves.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.start()
        final = {"success", "error", "cancelled"}
        wait_until(lambda: server.call("storage.run.get", uuid=run["uuid"])["run"]["status"] in final, 60, "the undo ends")
        ended = server.call("storage.run.get", uuid=run["uuid"])["run"]
        assert (ended["status"], ended["counts"]["removed"], ended["errorMessage"]) == ("success", RECORDS, None)
        undone = [one for one in server.call("storage.changeSet.list", modelUuid=model)["changeSets"] if one["kind"] == "undo"]
        assert [(one["undoesUuid"], one["removedCount"]) for one in undone] == [(made["uuid"], RECORDS)]
