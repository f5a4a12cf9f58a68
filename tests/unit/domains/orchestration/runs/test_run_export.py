"""Downloads of runs and batches: their forms, their columns, their order, and large outputs."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from cargo_ai.kernel import ids
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = ["runUuid", "recordId", "recordTitle", "status", "errorMessage", "creditsUsedCount", "createdAt", "finishedAt"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def graph(*extra: Body) -> list[Body]:
    """start → pick → (wait →) end; `status` is the slug of the branch, which the head of a row has, too."""
    return [
        node("start", children=("pick",)),
        node("pick", "branch", ("wait", "end"), config={"condition": "{{nodes.start.minutes}}"}) | {"slug": "status"},
        node("wait", "delay", ("end",), config={"minutes": "{{nodes.start.minutes}}"}),
        node("end", config={"variables": [{"name": "who", "type": "any", "value": "{{nodes.start.name}}"}]}),
        *extra,
    ]


RECORDS: list[Body] = [
    {"_id": "a", "name": "Acme, Inc"},
    {"_id": "b", "name": 'Say "hi"\n', "minutes": "soon"},
    {"_id": "c", "name": {"x": [1.0, None]}, "minutes": 0},
]


async def fetched(backend: Backend, url: str) -> Any:
    return await backend.admin.http.get(url)


async def rows_of(backend: Backend, name: str, form: str | None, **fields: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of a download; the columns of JSON are its first row's keys."""
    reply = await fetched(backend, (await backend.admin.call(name, **fields | ({} if form is None else {"format": form})))["url"])
    assert reply.status_code == 200, reply.text
    if form == "json":
        rows: list[dict[str, Any]] = reply.json()
    elif form == "ndjson":
        rows = [json.loads(line) for line in reply.text.splitlines()]
    else:
        text = gzip.decompress(reply.content).decode() if form is None else reply.text
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return list(reader.fieldnames or ()), list(reader)
    return list(rows[0]) if rows else [], rows


async def a_batch(backend: Backend) -> Body:
    """A finished batch of RECORDS."""
    tool, _ = await backend.admin.deployed(graph())
    return await backend.batch(RECORDS, workflowUuid=tool["workflowUuid"])


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_runs_as_json_have_the_head_only_newest_first(backend: Backend, form: str) -> None:
    batch = await a_batch(backend)
    columns, rows = await rows_of(backend, "orchestration.run.download", form, workflowUuid=batch["workflowUuid"])
    assert columns == HEAD
    assert [(row["recordId"], row["status"], row["creditsUsedCount"]) for row in rows] == [
        ("c", "success", 0),
        ("b", "error", 0),
        ("a", "success", 0),
    ]
    assert rows[1]["errorMessage"].startswith("wait: ")
    assert rows[0]["errorMessage"] is None
    assert all(row["createdAt"].endswith("Z") and row["finishedAt"].endswith("Z") for row in rows)
    listed = (await backend.admin.call("orchestration.run.list", workflowUuid=batch["workflowUuid"]))["runs"]
    assert [row["runUuid"] for row in rows] == [run["uuid"] for run in listed]


@pytest.mark.parametrize("form", ["csv", None])
async def test_runs_as_csv_have_a_column_per_node_with_the_title_of_its_execution(backend: Backend, form: str | None) -> None:
    batch = await a_batch(backend)
    columns, rows = await rows_of(backend, "orchestration.run.download", form, workflowUuid=batch["workflowUuid"])
    assert columns == [*HEAD, "start", "nodes.status", "wait", "end"]
    assert [(row["recordId"], row["status"], row["nodes.status"]) for row in rows] == [
        ("c", "success", "❌ Condition is not matched"),
        ("b", "error", "✅ Condition is matched"),
        ("a", "success", "❌ Condition is not matched"),
    ]
    assert rows[0]["wait"] == "" and rows[1]["wait"].startswith("❌ `minutes`")
    assert rows[1]["end"] == ""


async def test_graphs_of_all_runs_give_columns_the_newest_first(backend: Backend) -> None:
    tool, _ = await backend.admin.deployed([node("start", children=("old",)), node("old", "end")])
    workflow = tool["workflowUuid"]
    await backend.run({"_id": "1"}, workflowUuid=workflow)
    other = [node("start", children=("new",)), node("new", "filter", ("end",), config={"filter": 1}), node("end")]
    await backend.run({"_id": "2"}, workflowUuid=workflow, nodes=other)
    columns, rows = await rows_of(backend, "orchestration.run.download", "csv", workflowUuid=workflow)
    assert columns == [*HEAD, "start", "new", "end", "old"]
    assert [(row["recordId"], row["new"]) for row in rows] == [("2", "✅ Condition is matched"), ("1", "")]
    columns, _ = await rows_of(backend, "orchestration.run.download", "csv", workflowUuid=workflow, recordId="1")
    assert columns == [*HEAD, "start", "old"]
    columns, rows = await rows_of(backend, "orchestration.run.download", "csv", workflowUuid=workflow, recordId="none")
    assert (columns, rows) == (HEAD, [])


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", None])
async def test_a_batch_comes_in_the_order_of_its_source(backend: Backend, form: str | None) -> None:
    batch = await a_batch(backend)
    columns, rows = await rows_of(backend, "orchestration.batch.download", form, uuid=batch["uuid"])
    assert [row["recordId"] for row in rows] == ["a", "b", "c"]
    assert columns == (HEAD if form in ("json", "ndjson") else [*HEAD, "start", "nodes.status", "wait", "end"])


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", None])
async def test_outputs_of_a_node_come_with_the_input_in_the_order_of_the_source(backend: Backend, form: str | None) -> None:
    batch = await a_batch(backend)
    columns, rows = await rows_of(backend, "orchestration.batch.download", form, uuid=batch["uuid"], outputNodeSlug="end")
    assert columns == [*HEAD, "input", "output"]
    outputs = [row["output"] for row in rows]
    inputs = [row["input"] for row in rows]
    if form in ("csv", None):
        outputs, inputs = [json.loads(text) if text else None for text in outputs], [json.loads(text) for text in inputs]
    assert outputs == [{"who": "Acme, Inc"}, None, {"who": {"x": [1.0, None]}}]
    assert inputs == RECORDS


async def test_a_thousand_and_more_rows_come_whole_and_in_order(backend: Backend) -> None:
    batch = await backend.batch([{"_id": str(at)} for at in range(2_300)], nodes=[node("start", children=("end",)), node("end")])
    _, rows = await rows_of(backend, "orchestration.batch.download", "ndjson", uuid=batch["uuid"])
    assert [row["recordId"] for row in rows] == [str(at) for at in range(2_300)]
    _, rows = await rows_of(backend, "orchestration.run.download", "csv", workflowUuid=batch["workflowUuid"], batchUuid=batch["uuid"])
    assert [row["recordId"] for row in rows] == [str(at) for at in range(2_300)][::-1]


async def test_an_unknown_slug_is_refused_with_those_there_are(backend: Backend) -> None:
    batch = await a_batch(backend)
    status, body = await backend.admin.refusal("orchestration.batch.download", uuid=batch["uuid"], outputNodeSlug="gone")
    assert (status, body["reason"]) == (404, "nodeNotFound")
    assert body["errorMessage"].endswith("has no node gone. Its graph has: start, status, wait, end.")


async def test_a_batch_that_is_going_cannot_be_downloaded_yet(backend: Backend) -> None:
    made = await backend.start_batch([{"minutes": 60}], nodes=graph())
    status, body = await backend.admin.refusal("orchestration.batch.download", uuid=made["uuid"])
    assert (status, body["reason"]) == (400, "batchNotFinished")
    assert body["fix"] == f"cargo-ai orchestration batch get {made['uuid']}"
    await backend.admin.call("orchestration.batch.cancel", uuid=made["uuid"])


@pytest.mark.parametrize("form", ["xlsx", ""])
async def test_a_form_that_is_not_made_is_refused(backend: Backend, form: str) -> None:
    batch = await a_batch(backend)
    for name, field in (("orchestration.batch.download", "uuid"), ("orchestration.run.download", "workflowUuid")):
        status, body = await backend.admin.refusal(name, **{field: batch[field], "format": form})
        assert (status, body["reason"], body["errors"][0]["path"]) == (400, "invalidInput", "format")


async def test_the_file_has_a_name_and_a_type(backend: Backend) -> None:
    batch = await a_batch(backend)
    kinds = {"json": "application/json", "csv": "text/csv; charset=utf-8", None: "application/gzip"}
    for form, kind in kinds.items():
        url = (await backend.admin.call("orchestration.batch.download", uuid=batch["uuid"], **({"format": form} if form else {})))["url"]
        reply = await fetched(backend, url)
        assert reply.headers["content-type"] == kind
        assert reply.headers["content-disposition"] == f'attachment; filename="runs-{batch["uuid"]}.{form or "csv.gz"}"'


async def test_a_changed_url_opens_nothing(backend: Backend) -> None:
    batch = await a_batch(backend)
    url: str = (await backend.admin.call("orchestration.batch.download", uuid=batch["uuid"], format="json"))["url"]
    assert (await fetched(backend, url.replace("format=json", "format=csv"))).status_code == 403
    assert (await fetched(backend, url.replace("/runs?", "/runOutputs?"))).status_code == 403


async def test_outputs_of_runs_are_of_the_last_node_unless_reported(backend: Backend) -> None:
    batch = await a_batch(backend)
    _, rows = await rows_of(backend, "orchestration.run.downloadOutputs", "json", workflowUuid=batch["workflowUuid"])
    assert [(row["recordId"], sorted(row["output"])) for row in rows] == [("c", ["who"]), ("b", ["errorMessage"]), ("a", ["who"])]
    fields = {"workflowUuid": batch["workflowUuid"], "outputNodeSlug": "status", "limit": 1, "offset": 1}
    _, rows = await rows_of(backend, "orchestration.run.downloadOutputs", "json", **fields)
    assert [(row["recordId"], row["output"]) for row in rows] == [("b", {"condition": True})]


async def test_outputs_without_runs_or_of_no_workflow_are_refused(backend: Backend) -> None:
    batch = await a_batch(backend)
    name, workflow = "orchestration.run.downloadOutputs", batch["workflowUuid"]
    for fields in ({"recordId": "none"}, {"offset": 3}):
        status, body = await backend.admin.refusal(name, workflowUuid=workflow, **fields)
        assert (status, body["reason"]) == (400, "noRunsFound")
    for name in ("orchestration.run.downloadOutputs", "orchestration.run.download"):
        status, body = await backend.admin.refusal(name, workflowUuid=UNKNOWN)
        assert (status, body["reason"]) == (404, "workflowNotFound")


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_large_outputs_are_read_from_their_files(backend: Backend, form: str) -> None:
    name = "Zoë" * 30_000
    batch = await backend.batch([{"_id": "1", "name": name}, {"_id": "2", "name": "small"}], nodes=graph())
    _, rows = await rows_of(backend, "orchestration.batch.download", form, uuid=batch["uuid"], outputNodeSlug="end")
    outputs = [json.loads(row["output"]) if form == "csv" else row["output"] for row in rows]
    assert outputs == [{"who": name}, {"who": "small"}]


async def test_a_download_of_thousands_of_runs_has_a_url_that_programs_take(backend: Backend) -> None:
    run = (await backend.run({"name": "Acme"}, nodes=graph()))["run"]
    uuids = [run["uuid"], *(str(ids.new()) for _ in range(3_000))]
    fields: Body = {"workflowUuid": run["workflowUuid"], "uuids": uuids, "format": "json"}
    url = (await backend.admin.call("orchestration.run.download", **fields))["url"]
    assert len(url) < 2_000
    assert [row["runUuid"] for row in (await fetched(backend, url)).json()] == [run["uuid"]]
    theirs = (await backend.other_api.call("orchestration.run.download", **{**fields, "workflowUuid": await hidden(backend)}))["url"]
    mixed = theirs.replace(theirs.partition("kept=")[2][:32], url.partition("kept=")[2][:32])
    assert (await fetched(backend, mixed)).status_code == 403


async def hidden(backend: Backend) -> str:
    """A workflow of the stranger's."""
    made = await backend.other_api.call("orchestration.run.create", data={}, nodes=graph())
    return str(made["run"]["workflowUuid"])
