"""Computed columns of many records: filled by a job, and everything that shows them says so meanwhile."""

from __future__ import annotations

import uuid
from urllib.parse import unquote

import pytest
from sqlalchemy import select, text

from cargo_ai.context import background_work
from cargo_ai.domains.storage.columns import fill_job
from cargo_ai.domains.storage.columns.fill_job import FillJob
from cargo_ai.domains.storage.tables import StorageRun
from cargo_ai.records import ddl
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.graphs import node
from tests.unit.domains.orchestration.plays.test_play import deployed

COUNT = 50
EVERYTHING: Body = {"conjonction": "and", "groups": []}
SCORE: Body = {"kind": "computed", "slug": "score", "type": "number", "label": "", "expression": {"expression": "record.employees * 2"}}


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty records are filled by a job, seven at a time."""
    monkeypatch.setattr(ddl, "REHASH_ROWS", 10)
    monkeypatch.setattr(fill_job, "CHUNK", 7)


@pytest.fixture
async def model(api: ApiClient) -> str:
    """Companies."""
    uid = await api.model()
    await api.add(uid, *({"domain": f"{number:03d}.com", "employees": number} for number in range(COUNT)))
    return uid


async def begun(api: ApiClient, model: str, **column: object) -> Body:
    """The fill of a new column."""
    run: Body = (await api.call("storage.column.create", modelUuid=model, column=SCORE | column))["run"]
    assert (run["kind"], run["status"], run["columnSlugs"]) == ("fill", "pending", [column.get("slug", "score")])
    return run


async def move(state: State, run: Body, chunks: int) -> None:
    """Do some chunks, as a worker does before it is killed."""
    job = FillJob(state.database)
    here, model, uid = (uuid.UUID(run[name]) for name in ("workspaceUuid", "modelUuid", "uuid"))
    assert await background_work.begin(state.database, here, StorageRun, uid, noun="fill", most=fill_job.MAX_TRIES)
    for _ in range(chunks):
        assert await job._fill_chunk(here, model, uid, fill_job.CHUNK) is None  # pyright: ignore[reportPrivateUsage]


async def finish(state: State, run: Body) -> None:
    """Let a worker carry the fill out."""
    await FillJob(state.database).run(run["workspaceUuid"], run["modelUuid"], run["uuid"])


async def warnings(api: ApiClient, operation: str, **fields: object) -> str:
    """The warnings of a reply."""
    return unquote((await api.send(operation, **fields)).headers.get("x-cargo-warnings", ""))


async def test_a_fill_is_a_job_and_ends_with_every_value(api: ApiClient, state: State, model: str) -> None:
    reply = await api.send("storage.column.create", modelUuid=model, column=SCORE)
    run = reply.json()["run"]
    assert f"score is being filled in the background (cargo-ai storage run get {run['uuid']})" in unquote(reply.headers["x-cargo-warnings"])
    async with state.database.engine.connect() as connection:
        jobs = (await connection.execute(text("select task_name, args from procrastinate_jobs"))).all()
    assert [tuple(job) for job in jobs] == [("storage.recompute", {"workspace": run["workspaceUuid"], "model": model, "run": run["uuid"]})]
    await finish(state, run)
    assert [record["score"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]
    ended = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (ended["status"], ended["recordsDone"], ended["recordsTotal"]) == ("success", COUNT, COUNT)
    found = (await api.call("storage.model.get", uuid=model))["model"]
    assert (found["isRefreshing"], found["filling"], found["lastRun"]) == (False, None, None)


async def test_batches_and_plays_over_records_that_lack_values_say_so(api: ApiClient, state: State, model: str) -> None:
    line = [node("start", children=("end",)), node("end")]
    created = (await api.call("orchestration.play.create", name="Scored", modelUuid=model, filter=EVERYTHING, changeKinds=["added"]))[
        "play"
    ]
    await deployed(api, created, line)
    ids: Body = {"kind": "recordIds", "ids": ["001.com"]}
    assert "filled" not in await warnings(api, "orchestration.batch.create", workflowUuid=created["workflowUuid"], data=ids)
    run = await begun(api, model)
    await move(state, run, 2)
    sentence = "score is still being filled: 14 of 50 records."
    assert sentence in await warnings(api, "orchestration.play.update", uuid=created["uuid"], isEnabled=True)
    filtered: Body = {"kind": "filter", "modelUuid": model}
    for data in (ids, filtered):
        assert sentence in await warnings(api, "orchestration.batch.preview", workflowUuid=created["workflowUuid"], data=data)
        batch = (await api.call("orchestration.batch.create", workflowUuid=created["workflowUuid"], data=data))["batch"]
        assert batch["warnings"] == [f"When the batch was created: {sentence}"]
    await finish(state, run)
    assert (await api.call("orchestration.batch.create", workflowUuid=created["workflowUuid"], data=ids))["batch"]["warnings"] == []


async def test_everything_that_shows_a_column_says_that_it_is_being_filled(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 2)
    sentence = "score is still being filled: 14 of 50 records."
    for query in ("SELECT score FROM default.companies", "SELECT COUNT(*) AS n FROM default.companies WHERE score > 3"):
        assert sentence in await warnings(api, "storage.query.execute", query=query)
        assert (await api.call("storage.query.execute", query=query))["isRefreshing"] is True
        assert sentence in await warnings(api, "storage.query.download", query=query)
        assert sentence in await warnings(api, "systemOfRecordIntegration.client.query", slug="postgres", query=query)
    everything: Body = {"conjonction": "and", "groups": []}
    above: Body = {"kind": "number", "columnSlug": "score", "operator": "greaterThan", "value": 3}
    filtered = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [above]}]}
    requests: list[tuple[str, Body]] = [
        ("storage.record.list", {}),
        ("storage.record.get", {"id": "000.com"}),
        ("storage.record.download", {}),
        ("segmentation.segment.fetch", {"filter": everything}),
        ("segmentation.segment.download", {"filter": everything}),
        ("segmentation.segment.create", {"name": "Large", "filter": filtered}),
    ]
    for name, fields in requests:
        assert sentence in await warnings(api, name, modelUuid=model, **fields), name
    found = (await api.call("storage.model.get", uuid=model))["model"]
    assert (found["isRefreshing"], found["filling"]["recordsDone"], found["filling"]["recordsTotal"]) == (True, 14, COUNT)
    columns = {column["slug"]: column for column in (await api.call("storage.column.list", modelUuid=model))["columns"]}
    assert columns["score"]["filling"]["runUuid"] == run["uuid"]
    assert "filling" not in columns["name"]


async def test_what_reads_no_unfinished_column_is_not_warned_about(api: ApiClient, state: State, model: str) -> None:
    await move(state, await begun(api, model), 1)
    assert not await warnings(api, "storage.query.execute", query="SELECT name, employees AS score FROM default.companies")
    other = await api.model("others")
    assert not await warnings(api, "storage.record.list", modelUuid=other)


async def test_columns_made_of_one_that_is_being_filled_say_so_too(api: ApiClient, state: State, model: str) -> None:
    contacts = await api.model("contacts", columns=[{"slug": "id", "type": "string"}, {"slug": "at", "type": "string"}], idColumnSlug="id")
    run = await begun(api, model)
    join = {"toModelUuid": model, "fromColumnSlug": "at", "toColumnSlug": "domain"}
    await api.column(contacts, kind="lookup", slug="worth", type="number", join=join, extractColumnSlug="score")
    expected = "worth, which reads score, is still being filled: 0 of 50 records."
    assert expected in await warnings(api, "storage.query.execute", query="SELECT worth FROM default.contacts")
    await finish(state, run)
    assert not await warnings(api, "storage.query.execute", query="SELECT worth FROM default.contacts")


async def test_the_queue_shows_how_far_a_fill_is(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 1)
    (item,) = (await api.call("orchestration.queue.get"))["items"]
    assert (item["reason"], item["modelUuid"], item["recordsDone"], item["recordsTotal"]) == ("filling", model, 7, COUNT)
    assert item["fix"] == f"cargo-ai storage run get {run['uuid']}"
    assert (await api.call("storage.run.list", modelUuid=model))["runs"][0]["uuid"] == run["uuid"]


async def test_another_worker_goes_on_behind_the_last_chunk(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 3)
    async with state.database.session(ALL_WORKSPACES) as db:
        fill = (await db.scalars(select(StorageRun))).one()
        assert (fill.records_done, fill.after_id) == (21, "020.com")
    await finish(state, run)
    assert [record["score"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]


async def test_a_column_that_is_added_meanwhile_keeps_what_was_done_and_comes_round(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 3)
    again = await api.call("storage.column.create", modelUuid=model, column=SCORE | {"slug": "double"})
    assert (again["run"]["uuid"], again["run"]["columnSlugs"]) == (run["uuid"], ["score", "double"])
    assert again["run"]["recordsDone"] == 0
    # To the end, seven at a time from 021.com on, and once more to find that it is the end.
    await move(state, run, 6)
    query = "SELECT score, double FROM default.companies"
    said = await warnings(api, "storage.query.execute", query=query)
    assert "score is" not in said and "double is still being filled: 29 of 50 records" in said
    assert [record["score"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]
    assert [record["double"] is None for record in await api.records(model)] == [number < 21 for number in range(COUNT)]
    await move(state, run, 3)
    assert not await warnings(api, "storage.query.execute", query=query)
    await finish(state, run)
    assert [record["double"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]
    ended = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (ended["status"], ended["columnSlugs"], ended["recordsDone"]) == ("success", ["score", "double"], COUNT)


async def test_each_record_counts_once_also_where_the_last_chunk_would_reach_beyond_the_end_of_its_lap(
    api: ApiClient, state: State, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begun(api, model)
    await move(state, run, 3)
    await begun_again(api, model, "double", "record.employees * 2")
    monkeypatch.setattr(fill_job, "CHUNK", 8)
    await finish(state, run)
    ended = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert (ended["status"], ended["recordsDone"], ended["recordsTotal"]) == ("success", COUNT, COUNT)
    assert [record["double"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]


async def test_a_chunk_that_was_computed_before_a_column_came_is_done_again(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 1)
    here = uuid.UUID(run["workspaceUuid"])
    async with state.database.session(here) as db:
        fill = (await db.scalars(select(StorageRun))).one()
        await api.call("storage.column.create", modelUuid=model, column=SCORE | {"slug": "double"})
        moved = FillJob(state.database)._move_on(db, fill, ["013.com"], [], {})  # pyright: ignore[reportPrivateUsage]
        assert not await moved
    await finish(state, run)
    assert [record["double"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]


async def test_a_column_that_changes_while_it_is_filled_goes_round_again_with_all_that_are_made_of_it(
    api: ApiClient, state: State, model: str
) -> None:
    run = await begun(api, model)
    for slug, source in (("twice", "score"), ("four", "twice")):
        await begun_again(api, model, slug, f"record.{source} * 2")
    await move(state, run, 4)
    changed = SCORE | {"expression": {"expression": "record.employees * 3"}}
    await api.call("storage.column.update", modelUuid=model, column=changed)
    await finish(state, run)
    records = await api.records(model)
    assert [(record["score"], record["four"]) for record in records] == [(number * 3, number * 12) for number in range(COUNT)]


async def begun_again(api: ApiClient, model: str, slug: str, expression: str) -> None:
    """Another column for the fill that is under way."""
    await api.call("storage.column.create", modelUuid=model, column=SCORE | {"slug": slug, "expression": {"expression": expression}})


async def test_a_cancelled_fill_leaves_a_column_that_says_that_it_is_not_complete(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await move(state, run, 2)
    await api.call("storage.run.cancel", uuid=run["uuid"])
    await finish(state, run)
    assert (await api.call("storage.run.get", uuid=run["uuid"]))["run"]["status"] == "cancelled"
    query = "SELECT score FROM default.companies"
    assert "score is not complete: it was filled for 14 of 50 records" in await warnings(api, "storage.query.execute", query=query)
    again = (await api.call("storage.column.update", modelUuid=model, column=SCORE))["run"]
    assert again["uuid"] != run["uuid"]
    await finish(state, again)
    assert not await warnings(api, "storage.query.execute", query=query)


async def test_a_cause_is_reported_once_however_many_records_it_has(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model, expression={"expression": "record.domain"})
    await finish(state, run)
    ended = (await api.call("storage.run.get", uuid=run["uuid"]))["run"]
    assert len(ended["warnings"]) == 1
    assert "score is number" in ended["warnings"][0]


async def test_a_job_of_an_earlier_version_fills_the_column(api: ApiClient, state: State, model: str) -> None:
    run = await begun(api, model)
    await FillJob(state.database).run(run["workspaceUuid"], model)
    assert [record["score"] for record in await api.records(model)] == [number * 2 for number in range(COUNT)]


def test_a_chunk_takes_as_many_records_as_take_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_job, "CHUNK", 2_000)
    assert [fill_job.next_count(1_000, seconds) for seconds in (1, fill_job.CHUNK_SECONDS, 0.001)] == [fill_job.LEAST_CHUNK, 1_000, 2_000]
