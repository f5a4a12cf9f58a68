"""Plays and clocks through real processes: at once, each cause once, nothing lost when a worker dies, nothing asked when idle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.crash.conftest import MakeServer, end
from tests.kit.graphs import node
from tests.kit.processes.real_server import RealServer, wait_until

pytestmark = pytest.mark.slow

LINE = [node("start", children=("end",)), end()]
WON = {
    "conjonction": "and",
    "groups": [{"conjonction": "and", "conditions": [{"kind": "string", "columnSlug": "stage", "operator": "is", "values": ["won"]}]}],
}
POINTS = [
    "before change commit",
    "after change commit",
    "before play batch",
    "before schedule commit",
    "after schedule commit",
    "before enumeration commit",
    "after enumeration commit",
]


def model(server: RealServer) -> str:
    """A model of deals with a stage."""
    default = next(one for one in server.call("storage.dataset.all")["datasets"] if one["kind"] == "native")
    columns = [{"slug": slug, "type": "string", "label": slug} for slug in ("id", "stage")]
    config = {"columns": columns, "idColumnSlug": "id", "titleColumnSlug": "id"}
    wanted = {"name": "Deals", "slug": "deals", "datasetUuid": default["uuid"], "extractorSlug": "defineObject", "config": config}
    return str(server.call("storage.model.create", **wanted)["model"]["uuid"])


def play(server: RealServer, deals: str, schedule: dict[str, Any], name: str = "Won") -> dict[str, Any]:
    """An enabled play on the won deals."""
    made = server.call("orchestration.play.create", name=name, modelUuid=deals, filter=WON, schedule=schedule)["play"]
    server.call("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=LINE, formFields=None)
    found: dict[str, Any] = server.call("orchestration.play.update", uuid=made["uuid"], isEnabled=True)["play"]
    return found


def write(server: RealServer, deals: str, *ids: str) -> None:
    """Add won deals."""
    server.call("storage.record.createBulk", modelUuid=deals, records=[{"data": {"id": uid, "stage": "won"}} for uid in ids])


def ended(server: RealServer, workflow: str) -> list[str]:
    """The records whose runs have ended well."""
    rows = server.rows("select record_id from runs where workflow_uuid = %s and status = 'success' order by record_id", workflow)
    return [row["record_id"] for row in rows]


def test_a_write_that_changes_the_segment_starts_its_run_within_a_second(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.wait_for_workers()
    deals = model(server)
    won = play(server, deals, {"type": "realtime"})
    took: list[float] = []
    for number in range(20):
        began = time.time()
        write(server, deals, f"d{number}")

        def started() -> Any:
            statement = "select min(started_ms) as ms from executions e join runs r on r.uuid = e.run_uuid where r.record_id = %s"
            return server.value(statement, f"d{number}")  # noqa: B023 - called at once

        wait_until(lambda: started() is not None, 10, "the run")
        took.append(started() / 1000 - began)
    print("seconds from write to first node:", " ".join(f"{one:.2f}" for one in took))
    assert sorted(took)[-2] <= 1.0, took
    assert len(ended(server, won["workflowUuid"])) == 20


def test_a_small_change_does_not_wait_behind_a_large_batch(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.wait_for_workers()
    deals = model(server)
    won = play(server, deals, {"type": "realtime"})
    slow = [node("start", children=("code",)), node("code", "script", ("end",), config={"script": "return 1"}), end()]
    records = "_id\n" + "".join(f"r{at}\n" for at in range(20_000))
    batch = server.batch(server.tool(slow), records.encode())
    server.busy_worker()
    began = time.time()
    write(server, deals, "urgent")
    wait_until(lambda: ended(server, won["workflowUuid"]) == ["urgent"], 10, "the urgent run")
    took = time.time() - began
    assert server.get_batch(batch)["finishedAt"] is None
    server.call("orchestration.batch.cancel", uuid=batch)
    assert took <= 3.0, took


@pytest.mark.parametrize("point", POINTS)
def test_a_death_between_the_write_and_the_run_neither_loses_nor_doubles_a_record(
    make_server: MakeServer, tmp_path: Path, point: str
) -> None:
    once = tmp_path / "once"
    once.touch()
    server = make_server(workers=2, CRASH_AT=f"{point}:1@{once}")
    server.wait_for_workers()
    deals = model(server)
    won = play(server, deals, {"type": "realtime"})
    names = sorted(f"d{at}" for at in range(12))
    for name in names:
        write(server, deals, name)
    wait_until(lambda: ended(server, won["workflowUuid"]) == names, 60, "all runs")
    assert not once.exists(), "no one died there"
    assert server.value("select count(*) from runs where workflow_uuid = %s", won["workflowUuid"]) == len(names)


@pytest.mark.parametrize("point", ["", "before schedule commit", "after schedule commit"])
def test_a_clock_fires_once_with_two_workers_and_those_who_dies(make_server: MakeServer, tmp_path: Path, point: str) -> None:
    once = tmp_path / "once"
    if point:
        once.touch()
    server = make_server(workers=2, **({"CRASH_AT": f"{point}:2@{once}"} if point else {}))
    server.wait_for_workers()
    workflow = server.tool(LINE)
    tool = server.call("orchestration.tool.all")["tools"][0]["uuid"]
    trigger = {"name": "Yearly", "type": "cron", "cron": "0 0 1 1 *", "timeZone": "Europe/Paris", "data": {"_id": "r", "n": 1}}
    server.call("orchestration.tool.update", uuid=tool, triggers=[trigger])
    for number in range(1, 9):
        # The first time is days late: what was missed fires once.
        strike(server, "now() - interval '3 days'" if number == 1 else "now()")
        wait_until(lambda: server.value("select next_fire_at > now() from schedules"), 30, "the clock")
        wait_until(lambda: len(ended(server, workflow)) >= number, 30, "the run")  # noqa: B023 - called at once
        assert server.value("select count(*) from runs where workflow_uuid = %s", workflow) == number
    assert not once.exists()
    (shown,) = server.call("orchestration.tool.get", uuid=tool)["tool"]["triggers"]
    assert shown["lastRunUuid"] and shown["problem"] is None and shown["nextFireAt"].endswith("12-31T23:00:00.000Z")


def strike(server: RealServer, moment: str) -> None:
    """Make all clocks strike, as if that moment had come."""
    with psycopg.connect(server.database_url) as connection:
        connection.execute(f"update schedules set next_fire_at = {moment}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        connection.execute("select pg_notify('cargo_schedules', '')")


def test_an_idle_minute_asks_nothing_about_any_play(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.wait_for_workers()
    deals = model(server)
    for number in range(20):
        play(server, deals, {"type": "realtime"}, f"Realtime {number}")
        play(server, deals, {"type": "cron", "cron": "0 0 1 1 *"}, f"Yearly {number}")
    write(server, deals, "d0")
    wait_until(lambda: server.value("select count(*) from runs where status = 'success'") == 20, 60, "the runs")

    def scans() -> dict[str, int]:
        query = "select relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) as n from pg_stat_user_tables where relname = any(%s)"
        return {row["relname"]: row["n"] for row in server.rows(query, ["plays", "segments", "enrolments", "schedules", "segment_work"])}

    # What was counted a while ago reaches the statistics within seconds.
    time.sleep(12)
    before = scans()
    time.sleep(60)
    asked = {name: count - before[name] for name, count in scans().items()}
    print("scans in an idle minute, with 40 plays and two workers:", asked)
    assert (asked["plays"], asked["segments"], asked["enrolments"]) == (0, 0, 0)
    assert asked["schedules"] <= 8 and asked["segment_work"] <= 8
