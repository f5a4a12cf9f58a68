"""Plays that fire: on a write, by the clock, after one another; by their rules, each cause once; with a worker that works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from cargo_ai.domains.orchestration.plays import play_schedule
from cargo_ai.kernel import clock, ids
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLUMNS = [{"slug": "id", "type": "string", "label": "Id"}, {"slug": "stage", "type": "string", "label": "Stage"}]
LINE = [node("start", children=("end",)), node("end")]
WAITING = [node("start", children=("delay",)), node("delay", config={"minutes": 60}, children=("end",)), node("end")]
REALTIME = {"type": "realtime"}
ALL: Body = {"conjonction": "and", "groups": []}
CRON = {"type": "cron", "cron": "0 0 1 1 *"}


def having(stage: str) -> Body:
    condition = {"kind": "string", "columnSlug": "stage", "operator": "is", "values": [stage]}
    return {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}


class Deals:
    """A model of deals with plays on it."""

    def __init__(self, backend: Backend, model: str) -> None:
        self.backend, self.model = backend, model
        self.known: set[str] = set()

    async def write(self, *records: tuple[str, str]) -> None:
        """Add or change deals: (id, stage)."""
        fresh = [{"data": {"id": uid, "stage": stage}} for uid, stage in records if uid not in self.known]
        changed = [{"id": uid, "data": {"stage": stage}} for uid, stage in records if uid in self.known]
        self.known |= {uid for uid, _ in records}
        for verb, rows in (("createBulk", fresh), ("updateBulk", changed)):
            if rows:
                await self.backend.admin.call(f"storage.record.{verb}", modelUuid=self.model, records=rows)

    async def play(self, *, graph: list[Body] = LINE, enabled: bool = True, **fields: Any) -> Body:
        """A play on the won deals, deployed."""
        wanted = {"name": "Won", "modelUuid": self.model, "filter": having("won"), "changeKinds": ["added"]} | fields
        made: Body = (await self.backend.admin.call("orchestration.play.create", **wanted))["play"]
        await self.backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=made["workflowUuid"], nodes=graph, formFields=None)
        if enabled:
            await self.backend.admin.call("orchestration.play.update", uuid=made["uuid"], isEnabled=True)
        return made

    async def entered(self, play: Body) -> list[tuple[str, str]]:
        """(record, status) of the play's runs, oldest first."""
        runs = (await self.backend.admin.call("orchestration.run.list", workflowUuid=play["workflowUuid"]))["runs"]
        return [(run["recordId"], run["status"]) for run in runs[::-1]]

    async def batches(self, play: Body) -> list[Body]:
        """The play's batches, oldest first."""
        found: list[Body] = (await self.backend.admin.call("orchestration.batch.list", workflowUuids=[play["workflowUuid"]]))["batches"]
        return found[::-1]

    async def statuses(self, play: Body) -> list[str]:
        """The statuses of the play's batches, oldest first."""
        return [batch["status"] for batch in await self.batches(play)]

    async def stages(self) -> dict[str, str]:
        """The stage of every deal."""
        records = (await self.backend.admin.call("storage.record.list", modelUuid=self.model))["records"]
        return {record["_id"]: record["stage"] for record in records}

    async def quiet(self) -> None:
        """Return when no change is left to be noticed, no play to be started and no run to be finished."""
        left = (
            "select (select count(*) from segment_work) + (select count(*) from schedules where kind = 'playChange') "
            "+ (select count(*) from runs where finished_ms is null and status <> 'idle')"
        )

        async def count() -> int:
            async with self.backend.state.database.session(ALL_WORKSPACES) as db:
                return int(await db.scalar(text(left)) or 0)

        await until(count, 0)

    async def by_hand(self, play: Body, *uids: str) -> Body:
        """A batch of these records that has ended."""
        data = {"kind": "recordIds", "modelUuid": self.model, "ids": list(uids)}
        made = (await self.backend.admin.call("orchestration.batch.create", workflowUuid=play["workflowUuid"], data=data))["batch"]
        found: Body = (await self.backend.ended("batches", made["uuid"]))["batch"]
        return found

    async def due(self, play: Body) -> None:
        """Make the play's clock strike now."""
        async with self.backend.state.database.session(ALL_WORKSPACES) as db:
            strike = "update schedules set next_fire_at = now() where kind = :kind and owner_uuid = cast(:uid as uuid)"
            await db.execute(text(strike), {"kind": play_schedule.KIND, "uid": play["uuid"]})
            await db.execute(text("select pg_notify('cargo_schedules', '')"))
            await db.commit()


async def until(what: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Return as soon as it is so."""
    deadline, found = clock.seconds() + 60, None
    while clock.seconds() < deadline:
        found = await what()
        if found == wanted:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{found} instead of {wanted}")


@pytest_asyncio.fixture(loop_scope="module")
async def deals(backend: Backend) -> Deals:
    """A fresh model of deals."""
    default = next(one for one in (await backend.admin.call("storage.dataset.all"))["datasets"] if one["kind"] == "native")
    slug = f"deals_{ids.new().hex[-8:]}"
    config = {"columns": COLUMNS, "idColumnSlug": "id", "titleColumnSlug": "id"}
    wanted = {"name": slug, "slug": slug, "datasetUuid": default["uuid"], "extractorSlug": "defineObject", "config": config}
    return Deals(backend, str((await backend.admin.call("storage.model.create", **wanted))["model"]["uuid"]))


async def test_a_record_that_comes_into_the_segment_runs_at_once_and_one_that_was_there_does_not(deals: Deals) -> None:
    await deals.write(("old", "won"), ("open", "open"))
    play = await deals.play(schedule=REALTIME)

    await deals.write(("new", "won"), ("other", "open"), ("open", "won"))

    await until(lambda: deals.entered(play), [("new", "success"), ("open", "success")])
    # Of two requests: they are one change of the segment, or two where it is compared between them.
    batches = [(await deals.backend.ended("batches", batch["uuid"]))["batch"] for batch in await deals.batches(play)]
    assert {(batch["data"]["kind"], *batch["data"]["changeKinds"]) for batch in batches} == {("schedule", "added")}
    assert {(batch["status"], batch["runsStatus"]) for batch in batches} == {("success", "healthy")}
    assert sum(batch["data"]["addedRecordsCount"] for batch in batches) == sum(batch["runsCount"] for batch in batches) == 2


async def test_a_play_that_watches_runs_on_each_record_as_it_lands(deals: Deals) -> None:
    play = await deals.play(schedule={"type": "watch"}, changeKinds=["added", "updated"], filter={"conjonction": "and", "groups": []})

    await deals.write(("a", "open"))
    await until(lambda: deals.entered(play), [("a", "success")])
    await deals.write(("a", "won"))

    await until(lambda: deals.entered(play), [("a", "success"), ("a", "success")])


async def test_updated_and_removed_records_enrol_where_they_are_wanted(deals: Deals) -> None:
    await deals.write(("a", "won"), ("b", "won"))
    leaving = await deals.play(schedule=REALTIME, changeKinds=["removed"])
    entering = await deals.play(schedule=REALTIME)

    await deals.write(("a", "lost"))

    await until(lambda: deals.entered(leaving), [("a", "success")])
    assert await deals.entered(entering) == []


async def test_a_disabled_play_starts_nothing_and_what_changed_meanwhile_is_no_change_later(deals: Deals) -> None:
    play = await deals.play(schedule=REALTIME)
    await deals.backend.admin.call("orchestration.play.update", uuid=play["uuid"], isEnabled=False)
    await deals.write(("meanwhile", "won"))
    await deals.backend.admin.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True)

    await deals.write(("after", "won"))

    await until(lambda: deals.entered(play), [("after", "success")])


async def test_a_clock_enrols_everything_since_it_struck_last_and_says_when_there_was_nothing(deals: Deals) -> None:
    play = await deals.play(schedule=CRON)
    await deals.due(play)
    await until(lambda: _statuses(deals, play), ["skipped"])

    await deals.write(("a", "won"))
    await deals.write(("b", "won"))
    await deals.due(play)

    await until(lambda: deals.entered(play), [("a", "success"), ("b", "success")])
    shown = (await deals.backend.admin.call("orchestration.play.get", uuid=play["uuid"]))["play"]
    assert shown["lastFireAt"] is not None and shown["nextFireAt"] > shown["lastFireAt"] and shown["problem"] is None
    assert [batch["data"].get("skip") for batch in await deals.batches(play)] == [True, None]


async def test_what_someone_else_compared_before_the_clock_struck_is_not_lost(deals: Deals) -> None:
    play = await deals.play(schedule=REALTIME)
    # From here on its changes are held until the clock strikes.
    await deals.backend.admin.call("orchestration.play.update", uuid=play["uuid"], schedule=CRON)
    await deals.write(("a", "won"))
    await deals.backend.admin.call("orchestration.play.update", uuid=play["uuid"], schedule=REALTIME)

    await until(lambda: deals.entered(play), [("a", "success")])


async def test_a_play_comes_after_the_batches_of_another(deals: Deals) -> None:
    first = await deals.play(schedule=REALTIME)
    second = await deals.play(schedule={"type": "dependency", "playUuid": first["uuid"]})

    await deals.write(("a", "won"))

    await until(lambda: deals.entered(second), [("a", "success")])


async def _statuses(deals: Deals, play: Body) -> list[str]:
    return [batch["status"] for batch in await deals.batches(play)]


async def test_once_skips_a_record_that_ever_entered_and_counts_it(deals: Deals) -> None:
    await deals.write(("a", "won"), ("b", "won"))
    play = await deals.play(enabled=False, runCreationRule="once")
    await deals.by_hand(play, "a")

    batch = await deals.by_hand(play, "a", "b")

    assert sorted(await deals.entered(play)) == [("a", "skipped"), ("a", "success"), ("b", "success")]
    assert (batch["status"], batch["runsCount"], batch["executedRunsCount"], batch["skippedRunsCount"]) == ("success", 2, 1, 1)
    counted = {
        status: (await deals.backend.admin.call("orchestration.run.count", batchUuid=batch["uuid"], statuses=[status]))["count"]
        for status in ("success", "skipped", "error", "finished")
    }
    assert counted == {"success": 1, "skipped": 1, "error": 0, "finished": 2}


async def test_no_concurrency_skips_a_record_while_its_run_goes_on(deals: Deals) -> None:
    await deals.write(("a", "won"))
    play = await deals.play(graph=WAITING, enabled=False, runCreationRule="noConcurrency")
    data = {"kind": "recordIds", "modelUuid": deals.model, "ids": ["a"]}
    first = (await deals.backend.admin.call("orchestration.batch.create", workflowUuid=play["workflowUuid"], data=data))["batch"]
    (run,) = await deals.backend.idle(first["uuid"], 1)

    assert (await deals.by_hand(play, "a"))["skippedRunsCount"] == 1
    await deals.backend.admin.call("orchestration.run.cancel", workflowUuid=play["workflowUuid"], uuids=[run])
    await deals.backend.ended("batches", first["uuid"])
    again = (await deals.backend.admin.call("orchestration.batch.create", workflowUuid=play["workflowUuid"], data=data))["batch"]
    assert await deals.backend.idle(again["uuid"], 1)


async def test_batches_at_once_enrol_each_record_a_single_time(deals: Deals) -> None:
    names = [f"r{at}" for at in range(40)]
    await deals.write(*((name, "won") for name in names))
    play = await deals.play(enabled=False, runCreationRule="once")

    made = await asyncio.gather(*(deals.by_hand(play, *names) for _ in range(5)))

    assert sum(batch["executedRunsCount"] for batch in made) == 40
    assert sum(batch["skippedRunsCount"] for batch in made) == 160


async def test_a_batch_is_as_healthy_as_its_play_asks_for_and_an_unhealthy_one_is_reported(deals: Deals) -> None:
    await deals.write(*((f"d{at}", "won") for at in range(4)))
    broken = [
        node("start", children=("code",)),
        node("code", "script", config={"script": "if (nodes.start._id === 'd0') { throw new Error('no') }"}, children=("end",)),
        node("end"),
    ]
    alert = (await deals.backend.admin.deployed(LINE, "Alert"))[0]
    play = await deals.play(graph=broken, enabled=False)
    action: Body = {"kind": "tool", "toolUuid": alert["uuid"], "config": {}}

    async def ask(threshold: float) -> str:
        await deals.backend.admin.call(
            "orchestration.play.update", uuid=play["uuid"], healthThreshold=threshold, healthAlertActions=[action]
        )
        found = await deals.by_hand(play, "d0", "d1", "d2", "d3")
        assert found["failedRunsCount"] == 1
        return str(found["runsStatus"])

    async def alerts() -> list[str]:
        return [
            run["recordTitle"]
            for run in (await deals.backend.admin.call("orchestration.run.list", workflowUuid=alert["workflowUuid"]))["runs"]
        ]

    assert await ask(0.75) == "healthy"
    assert await ask(75) == "healthy"
    assert await ask(0.9) == "unhealthy"
    await until(alerts, ["Won: 1 of 4 runs failed"])
    status, body = await deals.backend.admin.refusal("orchestration.tool.remove", uuid=alert["uuid"])
    assert status == 409 and "Won" in body["errorMessage"]


def writing(model: str, value: str, *, matching: str = "{{nodes.start._id}}", action: str = "modelUpdate") -> list[Body]:
    """A graph that writes the stage of a deal."""
    mappings = [{"columnSlug": "stage", "value": value}]
    config = {"modelUuid": model, "matchingColumnSlug": "_id", "matchingValue": matching, "mappings": mappings}
    return [node("start", children=("write",)), node("write", action, children=("end",), config=config), node("end")]


async def test_a_play_that_writes_what_it_tracks_does_not_wake_itself_and_what_someone_else_writes_does(deals: Deals) -> None:
    await deals.write(("a", "x"), ("b", "x"))
    graph = writing(deals.model, "{{nodes.start.stage}}x")
    play = await deals.play(graph=graph, filter=ALL, changeKinds=["added", "updated", "removed"], schedule=REALTIME)

    await deals.write(("a", "y"), ("b", "y"))
    await until(lambda: deals.entered(play), [("a", "success"), ("b", "success")])
    await deals.write(("c", "z"))
    await until(lambda: deals.entered(play), [("a", "success"), ("b", "success"), ("c", "success")])
    await deals.quiet()
    assert await deals.stages() == {"a": "yx", "b": "yx", "c": "zx"}
    assert len(await deals.entered(play)) == 3

    await deals.write(("a", "later"))
    await until(deals.stages, {"a": "laterx", "b": "yx", "c": "zx"})
    await deals.quiet()
    assert [uid for uid, _ in await deals.entered(play)] == ["a", "b", "c", "a"]
    reported = await deals.backend.admin.call("orchestration.record.explain", workflowUuid=play["workflowUuid"], id="a")
    assert reported["explanation"]["reason"] == "succeeded"
    assert "what a play writes does not start it" in reported["explanation"]["sentence"]


async def test_a_play_by_the_clock_passes_over_what_it_wrote_itself_but_not_what_others_wrote_in_between(deals: Deals) -> None:
    await deals.write(("a", "x"), ("b", "x"))
    graph = writing(deals.model, "{{nodes.start.stage}}x")
    play = await deals.play(graph=graph, filter=ALL, changeKinds=["updated"], schedule=CRON)
    await deals.write(("a", "y"), ("b", "y"))
    await deals.due(play)
    await until(deals.stages, {"a": "yx", "b": "yx"})

    await deals.write(("b", "z"))
    await deals.due(play)
    await until(deals.stages, {"a": "yx", "b": "zx"})
    await deals.due(play)
    await until(lambda: deals.statuses(play), ["success", "success", "skipped"])
    assert await deals.stages() == {"a": "yx", "b": "zx"}


async def test_what_a_file_writes_of_many_records_is_not_taken_for_what_a_play_wrote(deals: Deals) -> None:
    async def read(stage: str) -> None:
        text = "id,stage\n" + "".join(f"f{number},{stage}\n" for number in range(1_000))
        key = await upload(deals.backend.admin, text)
        await deals.backend.admin.call("storage.record.ingest", modelUuid=deals.model, s3Filename=key)

    async def stage() -> str:
        return str((await deals.backend.admin.call("storage.record.get", modelUuid=deals.model, id="f7"))["record"]["stage"])

    await deals.write(("a", "x"))
    await read("x")
    only: Body = {"kind": "string", "columnSlug": "id", "operator": "is", "values": ["f7"]}
    filter = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [only]}]}
    graph = writing(deals.model, "{{nodes.start.stage}}x")
    play = await deals.play(graph=graph, filter=filter, changeKinds=["updated"], schedule=CRON)
    for value in ("y", "z"):
        await read(value)
        await deals.due(play)
        await until(stage, f"{value}x")


async def test_a_play_that_adds_records_to_its_own_segment_does_not_go_on_for_ever(deals: Deals) -> None:
    graph = writing(deals.model, "won", matching="{{nodes.start._id}}1", action="modelUpsert")
    play = await deals.play(graph=graph, schedule=REALTIME)
    await deals.write(("a", "won"))
    await until(deals.stages, {"a": "won", "a1": "won"})
    await deals.quiet()
    assert await deals.entered(play) == [("a", "success")]
    reported = await deals.backend.admin.call("orchestration.record.explain", workflowUuid=play["workflowUuid"], id="a1")
    assert reported["explanation"]["reason"] == "ownChange"

    await deals.backend.admin.call("storage.record.update", modelUuid=deals.model, id="a1", data={"stage": "lost"})
    await deals.quiet()
    await deals.backend.admin.call("storage.record.update", modelUuid=deals.model, id="a1", data={"stage": "won"})
    await until(deals.stages, {"a": "won", "a1": "won", "a11": "won"})


async def test_what_one_play_writes_wakes_another(deals: Deals) -> None:
    await deals.write(("a", "x"))
    await deals.play(graph=writing(deals.model, "won"), filter=ALL, changeKinds=["updated"], schedule=REALTIME)
    other = await deals.play(schedule=REALTIME)
    await deals.write(("a", "y"))
    await until(lambda: deals.entered(other), [("a", "success")])
