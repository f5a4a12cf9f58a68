"""Indexes of models: chosen for a filter, made by a job, used by what is asked, removed; what none can be made of is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from cargo_ai.domains.storage.models.index import TASK, IndexJob
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

FILTER: Body = {
    "conjonction": "and",
    "groups": [
        {
            "conjonction": "and",
            "conditions": [
                {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 5},
                {"kind": "boolean", "columnSlug": "is_public", "operator": "isFalse"},
                {"kind": "string", "columnSlug": "name", "operator": "is", "values": ["A"]},
                {"kind": "string", "columnSlug": "domain", "operator": "contains", "values": [".com"]},
            ],
        }
    ],
}


def _of(*conditions: Body, join: str = "and") -> Body:
    return {"conjonction": "and", "groups": [{"conjonction": join, "conditions": list(conditions)}]}


async def _work(state: State) -> None:
    """What a worker does with the jobs that are there."""
    async with await psycopg.AsyncConnection[Any].connect(state.database.url, autocommit=True) as link:
        rows = await (await link.execute("select id, args from procrastinate_jobs where task_name = %s", [TASK])).fetchall()
        for number, args in rows:
            await IndexJob(state.database).run(**args)
            await link.execute("delete from procrastinate_jobs where id = %s", [number])


async def _table(link: psycopg.AsyncConnection[Any], uid: str) -> str:
    found = await (await link.execute("select schema_name, table_name from models where uuid = %s", [uid])).fetchone()
    assert found is not None
    return f'"{found[0]}"."{found[1]}"'


async def _indexes(api: ApiClient, uid: str) -> list[Body]:
    return list((await api.call("storage.model.listIndexes", uuid=uid))["indexes"])


async def test_a_filter_gets_one_index_of_values_equal_ones_first(api: ApiClient, state: State) -> None:
    uid = await api.model()
    asked = {"uuid": uid, "filter": FILTER, "sort": [{"columnSlug": "founded", "kind": "desc"}]}
    (coming,) = (await api.call("storage.model.createIndex", **asked))["indexes"]
    assert (coming["status"], coming["kind"]) == ("pending", "values")
    assert coming["columnSlugs"] == ["name", "is_public", "employees", "domain", "founded"]
    assert len((await api.call("storage.model.createIndex", **asked))["indexes"]) == 1
    await _work(state)
    (made,) = await _indexes(api, uid)
    assert made == coming | {"status": "ready", "sizeBytes": made["sizeBytes"]}
    assert (await api.call("storage.model.createIndex", **asked))["indexes"] == [made]


async def test_whether_indexes_are_still_being_built_is_what_a_command_waits_for(api: ApiClient, state: State) -> None:
    uid = await api.model()
    reply = await api.call("storage.model.createIndex", uuid=uid, columnSlugs=["employees"])
    assert reply["build"] == {"modelUuid": uid, "status": "building"}
    await _work(state)
    assert (await api.call("storage.model.listIndexes", uuid=uid))["build"] == {"modelUuid": uid, "status": "ready"}


async def test_an_order_alone_and_parts_of_texts_have_indexes_of_their_own(api: ApiClient, state: State) -> None:
    uid = await api.model()
    await api.call("storage.model.createIndex", uuid=uid, sort=[{"columnSlug": "employees", "kind": "desc"}])
    part: Body = {"kind": "string", "columnSlug": "name", "operator": "startsWith", "values": ["a"]}
    await api.call("storage.model.createIndex", uuid=uid, filter=_of(part))
    await _work(state)
    found = [(one["kind"], one["columnSlugs"], one["isDescending"], one["status"]) for one in await _indexes(api, uid)]
    assert found == [("order", ["employees"], True, "ready"), ("text", ["name"], False, "ready")]


async def test_filters_of_texts_are_answered_by_the_index_of_texts(api: ApiClient, state: State) -> None:
    uid = await api.model()
    rows = "".join(f"{number}.com,Company {number}\n" for number in range(20_000))
    await api.call("storage.record.ingest", modelUuid=uid, s3Filename=await upload(api, f"domain,name\n{rows}"))
    await api.call("storage.model.createIndex", uuid=uid, kind="text", columnSlugs=["name"])
    await _work(state)
    rare: Body = {"kind": "string", "columnSlug": "name", "operator": "contains", "values": ["ANY 1234"]}
    found = await api.call("segmentation.segment.fetch", modelUuid=uid, filter=_of(rare))
    assert found["count"] == 11
    async with await psycopg.AsyncConnection[Any].connect(state.database.url, autocommit=True) as link:
        table = await _table(link, uid)
        plan = await (await link.execute(f"explain select 1 from {table} where lower(name) like '%any 1234%'".encode())).fetchall()
    assert any("xi_companies" in line for (line,) in plan), plan


async def test_an_index_that_was_left_half_made_is_made_again(api: ApiClient, state: State) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com", "name": "Same"}, {"domain": "b.com", "name": "Same"})
    (coming,) = (await api.call("storage.model.createIndex", uuid=uid, columnSlugs=["name"]))["indexes"]
    async with await psycopg.AsyncConnection[Any].connect(state.database.url, autocommit=True) as link:
        table = await _table(link, uid)
        with pytest.raises(psycopg.errors.UniqueViolation):
            await link.execute(f'create unique index concurrently "{coming["name"]}" on {table} (name)'.encode())
    await _work(state)
    assert [(one["status"], one["errorMessage"]) for one in await _indexes(api, uid)] == [("ready", None)]


async def test_an_index_outlives_a_file_that_is_read_into_the_empty_model(api: ApiClient, state: State) -> None:
    uid = await api.model()
    await api.call("storage.model.createIndex", uuid=uid, columnSlugs=["name", "employees"])
    await _work(state)
    await api.call("storage.record.ingest", modelUuid=uid, s3Filename=await upload(api, "domain,name\na.com,A\n"))
    assert [(one["columnSlugs"], one["status"]) for one in await _indexes(api, uid)] == [(["name", "employees"], "ready")]


async def test_an_index_is_removed_once(api: ApiClient, state: State) -> None:
    uid = await api.model()
    (coming,) = (await api.call("storage.model.createIndex", uuid=uid, columnSlugs=["name"]))["indexes"]
    assert await api.refused("storage.model.removeIndex", uuid=uid, name=coming["name"]) == (409, "indexIsBeingMade")
    await _work(state)
    await api.call("storage.model.removeIndex", uuid=uid, name=coming["name"])
    assert await _indexes(api, uid) == []
    assert await api.refused("storage.model.removeIndex", uuid=uid, name=coming["name"]) == (404, "indexNotFound")


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ({"columnSlugs": ["nothing"]}, 400, "has no column nothing"),
        ({"columnSlugs": ["facts"]}, 400, "stored texts, numbers, dates and booleans"),
        ({"columnSlugs": ["employees"], "kind": "text"}, 400, "is number"),
        ({}, 400, "name columns, or a filter or a sort"),
        ({"filter": _of({"kind": "string", "columnSlug": "name", "operator": "isNot", "values": ["A"]})}, 400, "No index would make"),
        ({"filter": _of(*FILTER["groups"][0]["conditions"], join="or")}, 400, "No index would make"),
    ],
)
async def test_what_no_index_can_be_made_of_is_refused(api: ApiClient, asked: Body, status: int, word: str) -> None:
    uid = await api.model()
    reply = await api.send("storage.model.createIndex", **({"uuid": uid} | asked))
    assert (reply.status_code, word in reply.text) == (status, True), reply.text


async def test_texts_too_long_for_an_index_are_refused_before_and_after_it_is_made(api: ApiClient, state: State) -> None:
    uid = await api.model()
    long = "".join(chr(97 + number * 7919 % 26) + str(number) for number in range(3_000))
    await api.add(uid, {"domain": "a.com", "name": long})
    assert "more than 500 bytes" in await api.refusal_message("storage.model.createIndex", uuid=uid, columnSlugs=["name"])
    await api.call("storage.record.update", modelUuid=uid, id="a.com", data={"name": "short"})
    await api.call("storage.model.createIndex", uuid=uid, columnSlugs=["name"])
    await _work(state)
    reply = await api.send("storage.record.update", modelUuid=uid, id="a.com", data={"name": long})
    assert (reply.status_code, "list-indexes" in reply.text) == (400, True), reply.text
