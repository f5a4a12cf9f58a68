"""Records in and out by the file: CSV and JSON lines, the same file twice, rows that do not fit, tokens, downloads."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.domains.storage.records.row_results import prune
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock
from cargo_ai.records.bulk import content_ids
from cargo_ai.records.rows import insert
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection, fetch
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient, Body
from tests.kit.published import collect
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

REPORT: Body = {"added": 0, "updated": 0, "unchanged": 0, "rejected": 0, "errors": [], "reportUuid": None, "reportUrl": None}


async def test_a_file_adds_changes_and_leaves_records(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "A", "employees": 1}, {"domain": "b.com", "name": "B"})
    key = await upload(api, "Domain,Name,whatever\na.com,A,1\nb.com,New,2\nc.com,C,3\n")
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key)
    assert found == REPORT | {"added": 1, "updated": 1, "unchanged": 1}
    assert [(record["_id"], record["name"], record["employees"]) for record in await api.records(uid)] == [
        ("a.com", "A", 1),
        ("b.com", "New", None),
        ("c.com", "C", None),
    ]


async def test_the_same_file_twice_changes_nothing(api: ApiClient) -> None:
    uid = await api.model()
    key = await upload(api, "domain,employees,founded\na.com,1,2020-01-01\nb.com,,\n")
    assert (await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key))["added"] == 2
    before = await api.records(uid)
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | {"unchanged": 2}
    assert await api.records(uid) == before


async def test_of_an_id_that_comes_twice_the_last_row_counts_in_any_order(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 0})
    for rows, wanted in (
        ("b.com,1\na.com,2\nb.com,3\na.com,4\n", {"added": 1, "updated": 1}),
        ("c.com,1\nc.com,2\n", {"added": 1}),
        ("a.com,4\nb.com,5\nc.com,2\n", {"updated": 1, "unchanged": 2}),
    ):
        key = await upload(api, f"domain,employees\n{rows}")
        assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | wanted
    assert [(one["_id"], one["employees"]) for one in await api.records(uid)] == [("a.com", 4), ("b.com", 5), ("c.com", 2)]


async def test_records_that_another_writer_adds_meanwhile_are_changed(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 0})
    key = await upload(api, "domain,employees\na.com,1\nb.com,2\nc.com,3\n")
    async with state.database.session(first_workspace.workspace_uuid) as db:
        relation = await storage.relation(db, uuid.UUID(uid))
        assert relation is not None
        await insert(await driver_connection(db), relation, [("b.com", {"domain": "b.com", "employees": "9"})], clock.now())
        loading = asyncio.create_task(api.call("storage.record.ingest", modelUuid=uid, s3Filename=key))
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        async with state.database.session(first_workspace.workspace_uuid) as watch, asyncio.timeout(20):
            while not await fetch(await driver_connection(watch), waiting):
                # Within one transaction, it is shown the same activity again.
                await watch.rollback()
                await asyncio.sleep(0.02)
        await db.commit()
    assert await loading == REPORT | {"added": 1, "updated": 2}
    assert [(one["_id"], one["employees"]) for one in await api.records(uid)] == [("a.com", 1), ("b.com", 2), ("c.com", 3)]
    changes = (await api.call("storage.record.history", modelUuid=uid, id="b.com"))["changes"]
    assert [one["change"] for one in changes] == ["updated", "added"]


async def test_a_row_that_does_not_fit_keeps_the_file_out_or_is_skipped(api: ApiClient) -> None:
    uid = await api.model()
    key = await upload(api, "domain,employees\na.com,1\nb.com,many\n,3\nc.com,4\n")
    reply = await api.send("storage.record.ingest", modelUuid=uid, s3Filename=key)
    assert (reply.status_code, reply.json()["reason"]) == (400, "rowsRejected")
    assert reply.json()["errors"] == [
        {"row": 3, "column": "employees", "message": '"many" is not a number', "value": "many"},
        {"row": 4, "column": "domain", "message": "is missing: it is the id of the record", "value": None},
    ]
    assert await api.records(uid) == []
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key, skipInvalid=True)
    assert (found["added"], found["rejected"]) == (2, 2)
    assert [record["_id"] for record in await api.records(uid)] == ["a.com", "c.com"]


async def verdicts(api: ApiClient, report: Body) -> list[tuple[Any, ...]]:
    """The rows of a report's file."""
    url = (await api.call("storage.record.downloadIngestReport", uuid=report["reportUuid"], format="json"))["url"]
    return [tuple(row.values()) for row in (await api.http.get(url.partition("http://test")[2])).json()]


async def test_each_row_has_its_verdict_where_rows_may_be_skipped(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "employees": 1}, {"domain": "b.com", "employees": 1})
    key = await upload(api, "domain,employees\na.com,1\nb.com,2\n,many\nc.com,3\nc.com,4\n")
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key, skipInvalid=True)
    problem = '"many" is not a number; domain is missing: it is the id of the record'
    assert await verdicts(api, found) == [
        (2, "unchanged", "a.com", None, None, None, None),
        (3, "updated", "b.com", None, None, None, None),
        (4, "rejected", None, "employees", "many", problem, {"domain": "", "employees": "many"}),
        (5, "replaced", "c.com", None, None, "row 6 has the same id", None),
        (6, "added", "c.com", None, None, None, None),
    ]
    assert (await api.http.get(found["reportUrl"].partition("http://test")[2])).content[:2] == b"\x1f\x8b"
    lines = '{"domain":"a.com"}\n{"domain":"d.com","employees":[]}\n{"domain":"d.com"}\n'
    key = await upload(api, lines, "data.ndjson")
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key, skipInvalid=True)
    assert [row[:2] for row in await verdicts(api, found)] == [(1, "unchanged"), (2, "rejected"), (3, "added")]


async def test_a_report_is_known_to_its_workspace_and_goes_after_thirty_days(
    api: ApiClient, other_api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await api.model()
    key = await upload(api, "domain\na.com\n")
    found = await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key, skipInvalid=True)
    assert await other_api.refused("storage.record.downloadIngestReport", uuid=found["reportUuid"]) == (404, "ingestReportNotFound")
    later = clock.now() + timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    await prune(state.database, state.files)
    monkeypatch.undo()
    assert await api.refused("storage.record.downloadIngestReport", uuid=found["reportUuid"]) == (404, "ingestReportNotFound")
    assert (await api.http.get(found["reportUrl"].partition("http://test")[2])).status_code == 404


async def test_what_changes_nothing_is_neither_published_nor_logged(api: ApiClient, state: State) -> None:
    uid = await api.model()
    files = [await upload(api, "domain,employees\na.com,1\nb.com,\n"), await upload(api, '{"domain":"a.com"}\n', "data.ndjson")]
    for key in files:
        await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key)

    async def logged() -> int:
        async with state.database.session(ALL_WORKSPACES) as db:
            schema, log = (await db.execute(text("select schema_name, log_name from models"))).one()
            return await db.scalar(text(f'select count(*) from "{schema}"."{log}"')) or 0

    before = await logged()
    with collect(RecordsChanged) as published:
        for key in files:
            for skip in (False, True):
                await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key, skipInvalid=skip)
    assert (await logged(), published) == (before, [])


async def test_rows_are_known_by_another_column_where_there_is_no_id(api: ApiClient) -> None:
    uid = await api.model("notes", columns=[{"slug": "mail", "type": "string"}, {"slug": "n", "type": "number"}])
    first = await api.add(uid, {"mail": "a@x", "n": 1})
    key = await upload(api, "mail,n\na@x,2\nb@x,3\nb@x,4\n")
    fields: Body = {"modelUuid": uid, "s3Filename": key, "matchingColumnSlug": "mail"}
    found = await api.call("storage.record.ingest", **fields)
    assert (found["added"], found["updated"], found["unchanged"]) == (1, 1, 0)
    assert await api.call("storage.record.ingest", **fields) == REPORT | {"unchanged": 2}
    records = sorted(await api.records(uid), key=lambda record: str(record["mail"]))
    assert [(record["mail"], record["n"]) for record in records] == [("a@x", 2), ("b@x", 4)]
    assert records[0]["_id"] == first[0]["_id"]
    other = await api.model()
    refused = await api.refused("storage.record.ingest", modelUuid=other, s3Filename=key, matchingColumnSlug="name")
    assert refused == (400, "matchingNotPossible")


async def test_computed_columns_are_filled_by_a_load(api: ApiClient) -> None:
    uid = await api.model()
    expression = {"kind": "jsExpression", "expression": "record.employees > 1"}
    await api.column(uid, kind="computed", slug="big", type="boolean", expression=expression)
    for rows in ("domain,employees\na.com,1\nb.com,2\n", "domain,employees\na.com,3\nc.com,0\n"):
        await api.call("storage.record.ingest", modelUuid=uid, s3Filename=await upload(api, rows))
    assert [record["big"] for record in await api.records(uid)] == [True, True, False]


async def send(api: ApiClient, url: str, body: bytes, kind: str) -> httpx.Response:
    """What someone without a sign-in gets who sends records."""
    path = url.partition("http://test")[2]
    return await api.http.post(path, content=body, headers={"content-type": kind, "authorization": ""})


async def test_those_who_has_a_models_token_sends_records_in(api: ApiClient) -> None:
    uid = await api.model()
    made = await api.call("storage.model.createIngestToken", uuid=uid)
    assert made["token"] in made["url"]
    lines = b'{"domain":"a.com","employees":1}\n{"domain":"b.com"}\n'
    for kind, body, wanted in (
        ("application/x-ndjson", lines, {"added": 2}),
        ("application/x-ndjson", lines, {"unchanged": 2}),
        ("application/json", b'{"domain":"b.com","name":"B"}', {"updated": 1}),
        ("application/json", b'[{"domain":"c.com"},{"domain":"a.com"}]', {"added": 1, "unchanged": 1}),
        ("text/csv; charset=utf-8", b"domain,name\nd.com,D\n", {"added": 1}),
    ):
        reply = await send(api, made["url"], body, kind)
        assert reply.status_code == 200, reply.text
        assert reply.json() == REPORT | wanted
    assert [(record["_id"], record["name"], record["employees"]) for record in await api.records(uid)] == [
        ("a.com", None, 1),
        ("b.com", "B", None),
        ("c.com", None, None),
        ("d.com", "D", None),
    ]


async def test_what_comes_twice_without_an_id_is_the_same_records_in_any_format(api: ApiClient) -> None:
    columns = [{"slug": "what", "type": "string"}, {"slug": "n", "type": "number"}, {"slug": "on", "type": "date"}]
    uid = await api.model("notes", columns=columns)
    await api.column(uid, kind="custom", slug="tier")
    url = (await api.call("storage.model.createIngestToken", uuid=uid))["url"]
    lines = b'{"n":1,"what":"a\\tb","on":"2020-01-02"}\n{"what":"c"}\n{"what":"c","n":null}\n'
    for kind, body, wanted in (
        ("application/x-ndjson", lines, {"added": 3}),
        ("application/x-ndjson", lines, {"unchanged": 3}),
        ("application/json", b'[{"what":"c"},{"on":"2020-01-02T00:00:00Z","what":"a\\tb","n":"1.0"}]', {"unchanged": 2}),
        ("text/csv", b"n,on,what\n01,2020-01-02,a\tb\n,,c\n,,c\n", {"unchanged": 3}),
        ("application/json", b'{"what":"c","tier":"gold"}', {"updated": 1}),
        ("application/json", b'{"what":"d"}', {"added": 1}),
    ):
        reply = await send(api, url, body, kind)
        assert reply.json() == REPORT | wanted, (kind, body)
    found = sorted((one["what"], one["tier"] or "") for one in await api.records(uid))
    assert found == [
        ("a\tb", ""),
        ("c", ""),
        ("c", "gold"),
        ("d", ""),
    ]


async def test_accounts_sent_twice_without_ids_are_the_same(api: ApiClient) -> None:
    uid = await api.model("accounts", "defineAccount")
    key = await upload(api, '{"name":"A","domain":"a.com"}\n{"name":"B"}\n', "data.ndjson")
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | {"added": 2}
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | {"unchanged": 2}
    assert all(one["id"] == one["_id"] for one in await api.records(uid))


async def test_lines_that_are_alike_stay_apart_however_many_come_between(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_ids, "MAX_IN_MEMORY", 10)
    uid = await api.model("notes", columns=[{"slug": "n", "type": "number"}])
    key = await upload(api, "".join(f'{{"n":{at % 1_100}}}\n' for at in range(3_300)), "data.ndjson")
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | {"added": 3_300}
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=key) == REPORT | {"unchanged": 3_300}


async def test_a_token_is_good_for_its_model_until_another_is_made(api: ApiClient) -> None:
    uid, other = await api.model(), await api.model("other")
    first = await api.call("storage.model.createIngestToken", uuid=uid)
    assert (await send(api, first["url"].replace(uid, other), b"{}", "application/json")).status_code == 401
    await api.call("storage.model.createIngestToken", uuid=uid)
    assert (await send(api, first["url"], b"{}", "application/json")).status_code == 401


async def test_what_cannot_be_taken_in_is_refused_in_words(api: ApiClient) -> None:
    uid = await api.model()
    url = (await api.call("storage.model.createIngestToken", uuid=uid))["url"]
    assert (await send(api, url, b"<x/>", "text/xml")).status_code == 415
    reply = await send(api, url, b"PAR1", "application/vnd.apache.parquet")
    assert (reply.status_code, reply.json()["reason"]) == (400, "fileInvalid")
    for body in (b"{", b'{"domain":"a.com","employees":NaN}', b'{"domain":"a.com","employees":1e999}'):
        assert (await send(api, url, body, "application/json")).status_code == 400
    reply = await send(api, url, b'{"domain":"a.com"}\n{"domain":"b.com","employees":"x"}', "application/x-ndjson")
    assert 'data.ndjson, line 2, employees: "x" is not a number' in reply.json()["errorMessage"]
    assert await api.records(uid) == []
    reply = await send(api, f"{url}&skipInvalid=true", b'{"domain":"a.com"}\n{"employees":1}', "application/x-ndjson")
    assert (reply.json()["added"], reply.json()["rejected"]) == (1, 1)


async def test_all_records_of_a_model_are_downloaded(api: ApiClient) -> None:
    uid = await api.model()
    await api.column(uid, kind="custom", slug="tier")
    await api.add(uid, {"domain": "b.com", "tags": [1], "tier": "x"}, {"domain": "a.com", "employees": 3})
    url = (await api.call("storage.record.download", modelUuid=uid, format="ndjson"))["url"]
    rows = [json.loads(line) for line in (await api.http.get(url.partition("http://test")[2])).text.splitlines()]
    assert rows == await api.records(uid)
    url = (await api.call("storage.record.download", modelUuid=uid, format="csv"))["url"]
    table = (await api.http.get(url.partition("http://test")[2])).text
    assert table.splitlines()[0].startswith("_id,_title,_time,")
    assert "[1]" in table


async def test_rows_known_by_a_column_that_bring_the_id_of_another_row_are_refused(api: ApiClient) -> None:
    uid = await api.model("people", columns=[{"slug": "email", "type": "string", "label": "E-mail"}], idColumnSlug="_id")
    key = await upload(api, "_id,email\np1,a@x.com\np1,b@x.com\n")
    reply = await api.send("storage.record.ingest", modelUuid=uid, s3Filename=key, matchingColumnSlug="email")
    assert (reply.status_code, reply.json()["reason"]) == (400, "fileInvalid")
    assert "p1" in reply.json()["errorMessage"]
    assert await api.records(uid) == []


async def test_a_file_without_the_id_column_is_refused_even_without_rows(api: ApiClient) -> None:
    uid = await api.model()
    key = await upload(api, "name,employees\n")
    assert "c.csv" not in (said := await api.refusal_message("storage.record.ingest", modelUuid=uid, s3Filename=key))
    assert "has no column domain, by which the records of" in said
    with_id = await upload(api, "domain\n")
    assert await api.call("storage.record.ingest", modelUuid=uid, s3Filename=with_id) == REPORT


@pytest.mark.parametrize("content", ['[{"domain":"x.com"}]', '[\n  {"domain": "x.com"}\n]\n', '{"domain":"x.com"}'])
async def test_a_json_document_is_not_taken_for_a_csv_header(api: ApiClient, content: str) -> None:
    uid = await api.model()
    key = await upload(api, content, "a.json")
    said = await api.refusal_message("storage.record.ingest", modelUuid=uid, s3Filename=key)
    assert "a.json is JSON, not CSV: send one object per line, in a file that ends in .ndjson." in said
