"""Batches of a model's records: by filter, by segment and by id, with every column, once each whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.engine.dispatch.enumerate import SourceFailed
from cargo_ai.kernel import ids
from cargo_ai.server.compose import compose
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE = "orchestration.batch.create"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
LINE = [node("start", children=("end",)), node("end")]
COLUMNS = [
    {"slug": "domain", "type": "string", "label": "Domain"},
    {"slug": "name", "type": "string", "label": "Name"},
    {"slug": "score", "type": "number", "label": "Score"},
]


async def companies(backend: Backend, slug: str, count: int = 5) -> str:
    """A model of this many companies: c0, c1 …, with a score each."""
    dataset = next(one["uuid"] for one in (await backend.admin.call("storage.dataset.all"))["datasets"] if one["kind"] == "native")
    config = {"columns": COLUMNS, "idColumnSlug": "domain", "titleColumnSlug": "name"}
    wanted = {"slug": slug, "name": slug, "datasetUuid": dataset, "extractorSlug": "defineObject", "config": config}
    model = (await backend.admin.call("storage.model.create", **wanted))["model"]["uuid"]
    records = [{"data": {"domain": f"c{at}", "name": f"N{at}", "score": at}} for at in range(count)]
    await backend.admin.call("storage.record.createBulk", modelUuid=model, records=records)
    return str(model)


async def test_ids_that_are_not_in_the_model_are_reported_at_once_and_by_the_batch(backend: Backend) -> None:
    model = await companies(backend, "given_ids")
    data = {"kind": "recordIds", "modelUuid": model, "ids": ["c1", *(f"gone{at}" for at in range(7))]}
    (warning,) = await backend.admin.warnings(CREATE, nodes=LINE, data=data)
    assert warning == "7 of the 8 ids are not in the model: gone0, gone1, gone2, gone3, gone4 and 2 more."
    (batch, *_) = (await backend.admin.call("orchestration.batch.list", limit=1))["batches"]
    batch = (await backend.ended("batches", batch["uuid"]))["batch"]
    assert (batch["status"], batch["runsCount"], batch["warnings"]) == ("success", 1, [warning])
    batch = (await backend.admin.call(CREATE, nodes=LINE, data=data | {"ids": ["c1"]}))["batch"]
    assert (batch["warnings"], "missingIdsCount" in batch["data"]) == ([], False)


def above(score: int) -> Body:
    condition = {"kind": "number", "columnSlug": "score", "operator": "greaterThan", "value": score}
    return {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [condition]}]}


async def runs_of(backend: Backend, data: Body, **fields: Any) -> list[Body]:
    """The runs of a batch that has ended well, in the order of the source."""
    made = (await backend.admin.call(CREATE, **({"nodes": LINE} | fields), data=data))["batch"]
    found = (await backend.ended("batches", made["uuid"]))["batch"]
    assert (found["status"], found["errorMessage"], found["failedRunsCount"]) == ("success", None, 0)
    listed: list[Body] = (await backend.admin.call("orchestration.run.list", batchUuid=made["uuid"], limit=1000))["runs"][::-1]
    assert found["runsCount"] == len(listed)
    return listed


async def refusal(backend: Backend, data: Body, **fields: Any) -> tuple[int, str, str | None]:
    """Status, reason and the reason of the data."""
    status, body = await backend.admin.refusal(CREATE, **({"nodes": LINE} | fields), data=data)
    return status, body["reason"], body.get("dataError", {}).get("reason")


async def test_the_records_of_a_filter_start_runs_with_every_column(backend: Backend) -> None:
    model = await companies(backend, "whole")
    expression = {"kind": "jsExpression", "expression": "record.score * 2", "instructTo": "none"}
    double = {"kind": "computed", "slug": "double", "type": "number", "label": "", "expression": expression, "columnsUsed": ["score"]}
    await backend.admin.call("storage.column.create", modelUuid=model, column=double)
    runs = await runs_of(backend, {"kind": "filter", "modelUuid": model, "filter": above(2)})
    assert [(run["recordId"], run["recordTitle"]) for run in runs] == [("c3", "N3"), ("c4", "N4")]
    start = (await backend.admin.call("orchestration.run.get", uuid=runs[0]["uuid"]))["runContext"]["start"]
    wanted = {"_id": "c3", "_title": "N3", "domain": "c3", "name": "N3", "score": 3, "double": 6}
    assert wanted.items() <= start.items() and "_time" in start


async def test_sort_and_limit_choose_and_order_the_runs(backend: Backend) -> None:
    model = await companies(backend, "sorted")
    data = {"kind": "filter", "modelUuid": model, "sort": [{"columnSlug": "score", "kind": "desc"}], "limit": 2}
    assert [run["recordId"] for run in await runs_of(backend, data)] == ["c4", "c3"]


async def test_one_flat_condition_is_a_filter(backend: Backend) -> None:
    model = await companies(backend, "flat")
    data = {"kind": "filter", "modelUuid": model, "filter": {"field": "name", "operator": "is", "value": "N1"}}
    assert [run["recordId"] for run in await runs_of(backend, data)] == ["c1"]


async def test_a_batch_of_a_segment_takes_its_members(backend: Backend) -> None:
    model = await companies(backend, "parted")
    made = await backend.admin.call("segmentation.segment.create", name="High", modelUuid=model, filter=above(1), limit=2)
    segment = made["segment"]["uuid"]
    assert [run["recordId"] for run in await runs_of(backend, {"kind": "segment", "segmentUuid": segment})] == ["c2", "c3"]


async def test_ids_in_either_spelling_start_one_run_each_in_their_order(backend: Backend) -> None:
    model = await companies(backend, "listed")
    for spelling in ("ids", "recordIds"):
        data = {"kind": "recordIds", "modelUuid": model, spelling: ["c4", "gone", "c0", "c4"]}
        assert [run["recordId"] for run in await runs_of(backend, data)] == ["c4", "c0"]


async def test_a_filter_that_matches_nothing_is_a_batch_without_runs(backend: Backend) -> None:
    model = await companies(backend, "empty")
    assert await runs_of(backend, {"kind": "filter", "modelUuid": model, "filter": above(100)}) == []
    typo: Body = {"kind": "filter", "modelUuid": model, "filter": {"conjunction": "and", "groups": []}}
    warnings = await backend.admin.warnings(CREATE, nodes=LINE, data=typo)
    assert any("conjonction" in one for one in warnings)


async def test_what_is_not_there_or_does_not_fit_is_refused_before_anything_runs(backend: Backend) -> None:
    model = await companies(backend, "wrong", 1)
    bad = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [{"kind": "number", "columnSlug": "scor"}]}]}
    unknown = above(1)
    unknown["groups"][0]["conditions"][0]["columnSlug"] = "scores"
    cases: list[tuple[Body, str]] = [
        ({"kind": "segment", "segmentUuid": UNKNOWN}, "failedToGetSegment"),
        ({"kind": "filter", "modelUuid": UNKNOWN}, "invalidData"),
        ({"kind": "filter", "modelUuid": model, "filter": bad}, "invalidData"),
        ({"kind": "filter", "modelUuid": model, "filter": unknown}, "invalidData"),
        ({"kind": "recordIds", "modelUuid": model, "ids": []}, "noRecords"),
        ({"kind": "recordIds", "ids": ["c0"]}, "invalidData"),
        ({"kind": "recordIds", "modelUuid": UNKNOWN, "ids": ["c0"]}, "invalidData"),
    ]
    for data, reason in cases:
        assert await refusal(backend, data) == (400, "dataError", reason), data
    status, body = await backend.other_api.refusal(CREATE, nodes=LINE, data={"kind": "filter", "modelUuid": model})
    assert (status, body["dataError"]["reason"]) == (400, "invalidData")


async def test_a_tool_takes_records_and_files_only(backend: Backend) -> None:
    model = await companies(backend, "tooled", 1)
    tool, _ = await backend.admin.deployed(LINE)
    for data in ({"kind": "filter", "modelUuid": model}, {"kind": "segment", "segmentUuid": UNKNOWN}):
        assert await refusal(backend, data, nodes=None, workflowUuid=tool["workflowUuid"]) == (400, "invalidDataKind", None)
    assert await refusal(backend, {"kind": "change", "changeUuid": UNKNOWN}) == (400, "invalidDataKind", None)


async def test_reading_goes_on_behind_the_runs_that_are_there_though_the_records_changed(backend: Backend) -> None:
    model = await companies(backend, "resumed", 6)
    data: Body = {"kind": "filter", "modelUuid": model, "sort": [{"columnSlug": "score", "kind": "desc"}], "limit": 4}
    made = (await backend.admin.call(CREATE, nodes=LINE, data=data | {"limit": 2}))["batch"]["uuid"]
    await backend.ended("batches", made)
    state = backend.state
    sources = compose(state.services).sources
    # c5 and c4 have their runs; now another order, and a record that was not there.
    await backend.admin.call("storage.record.update", modelUuid=model, id="c0", data={"score": 50})
    await backend.admin.call("storage.record.create", modelUuid=model, data={"domain": "c9", "score": 49})
    workspace = ids.parse(backend.workspace)
    assert workspace is not None
    cases: list[Body] = [data, {"kind": "recordIds", "modelUuid": model, "ids": ["c5", "c0", "c4", "c9"]}]
    for given in cases:
        read = sources.kinds[given["kind"]](workspace, given, 2, ids.parse(made) or ids.new())
        assert [row["_id"] async for chunk in read for row in chunk] == ["c0", "c9"]


async def test_a_source_holds_neither_locks_nor_a_transaction_between_its_chunks(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from cargo_ai.domains.segmentation import batch_chunks

    monkeypatch.setattr(batch_chunks, "PAGE", 2)
    model = await companies(backend, "unheld")
    state = backend.state
    sources = compose(state.services).sources
    workspace = ids.parse(backend.workspace)
    assert workspace is not None
    seen = list[str]()
    async for chunk in sources.kinds["filter"](workspace, {"kind": "filter", "modelUuid": model, "limit": 5}, 0, ids.new()):
        seen += [row["_id"] for row in chunk]
        # Between the chunks a column can be added, and it is there in the next one.
        column = {"kind": "custom", "slug": f"after_{len(seen)}", "type": "string", "label": ""}
        await backend.admin.call("storage.column.create", modelUuid=model, column=column)
        assert all(f"after_{len(seen)}" not in row for row in chunk)
    assert seen == [f"c{at}" for at in range(5)]
    async with state.database.session(workspace) as db:
        held = await (await (await driver_connection(db)).execute("select count(*) from pg_cursors where name = 'members'")).fetchone()
    assert held == (0,)


async def test_a_model_that_is_gone_ends_the_reading_with_a_sentence(backend: Backend) -> None:
    model = await companies(backend, "removed", 1)
    state = backend.state
    sources = compose(state.services).sources
    await backend.admin.call("storage.model.remove", uuid=model)
    workspace = ids.parse(backend.workspace)
    assert workspace is not None
    for data in ({"kind": "filter", "modelUuid": model}, {"kind": "recordIds", "modelUuid": model, "ids": ["c0"]}):
        with pytest.raises(SourceFailed, match="removed"):
            _ = [chunk async for chunk in sources.kinds[str(data["kind"])](workspace, data, 0, ids.new())]
