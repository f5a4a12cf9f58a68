"""A worker is killed while it refreshes a model: the run goes on with another one, and every record is there once."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.processes.real_server import Json, wait_until

ROWS = 100_000

pytestmark = [pytest.mark.slow]


def csv(count: int) -> bytes:
    """Rows without ids; many of the second half are all alike."""
    lines = [f"Company {number if number < count // 2 else 0},{number % 7}" for number in range(count)]
    return ("name,size\n" + "\n".join(lines) + "\n").encode()


def test_a_killed_workers_refresh_is_repeated_without_doubling_anything(make_server: MakeServer) -> None:
    small, large = csv(10), csv(ROWS)
    # Rows that are all alike are as many records as the larger file has of them.
    count = (Counter(small.splitlines()[1:]) | Counter(large.splitlines()[1:])).total()
    server = make_server(workers=1)
    (before,) = server.wait_for_workers(1)
    dataset = next(one["uuid"] for one in server.call("storage.dataset.all")["datasets"])
    model = server.call(
        "storage.model.create",
        slug="rows", name="Rows", datasetUuid=dataset, extractorSlug="uploadFile", config={"s3Filename": server.upload(small)},
    )["model"]["uuid"]  # fmt: skip
    server.call("storage.model.update", uuid=model, config={"s3Filename": server.upload(large)})
    run = server.call("storage.run.create", modelUuid=model)["run"]["uuid"]

    def now() -> Json:
        found: Json = server.call("storage.run.get", uuid=run)["run"]
        return found

    wait_until(lambda: now()["status"] == "running", 30, "the refresh to begin")
    os.kill(before, signal.SIGKILL)
    assert server.call("storage.record.list", modelUuid=model)["isRefreshing"] is True
    wait_until(lambda: now()["finishedAt"] is not None, 90, "the refresh to end")
    assert (now()["status"], now()["errorMessage"]) == ("success", None)
    assert server.wait_for_workers(1) != [before]
    rows = server.call("storage.query.execute", query="SELECT COUNT(*) AS n, COUNT(DISTINCT _id) AS ids FROM default.rows")["rows"]
    assert rows == [{"n": count, "ids": count}]
