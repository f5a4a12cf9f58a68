"""Records: checked and coerced when written, shown with every column, published and logged."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import text

from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient
from tests.kit.published import collect

ACME: dict[str, Any] = {
    "domain": "acme.com",
    "name": "Acme",
    "employees": 42,
    "founded": "1999-05-01T10:00:00+02:00",
    "is_public": True,
    "facts": {"b": 1, "a": [1, None]},
    "tags": ["x", 2],
}


async def test_a_record_comes_back_as_it_was_written(api: ApiClient) -> None:
    uid = await api.model()
    record = (await api.call("storage.record.create", modelUuid=uid, data=ACME))["record"]
    assert {slug: record[slug] for slug in ACME} == ACME | {"founded": "1999-05-01T08:00:00.000Z"}
    assert (record["_id"], record["_title"]) == ("acme.com", "Acme")
    assert record["_time"] == record["_emitted_at"] == record["_created_at"] == record["_updated_at"]
    found = await api.call("storage.record.get", modelUuid=uid, id="acme.com")
    assert found == {"record": record, "isRefreshing": False}


async def test_texts_become_what_their_column_holds(api: ApiClient) -> None:
    uid = await api.model()
    data = {"domain": 5, "employees": " 42 ", "founded": "2020-01-31", "is_public": "yes", "facts": '{"a":1}', "tags": "[1]"}
    record = (await api.call("storage.record.create", modelUuid=uid, data=data))["record"]
    assert (record["domain"], record["employees"], record["is_public"]) == ("5", 42, True)
    assert (record["founded"], record["facts"], record["tags"]) == ("2020-01-31T00:00:00.000Z", {"a": 1}, [1])


async def test_a_value_that_does_not_fit_is_named_and_nothing_is_written(api: ApiClient) -> None:
    uid = await api.model()
    records = [{"data": {"domain": "a.com"}}, {"data": {"domain": "b.com", "employees": "abc", "is_public": "maybe"}}]
    reply = await api.send("storage.record.createBulk", modelUuid=uid, records=records)
    assert reply.status_code == 400
    assert [error["path"] for error in reply.json()["errors"]] == ["records.1.data.employees", "records.1.data.is_public"]
    assert '"abc" is not a number' in reply.json()["errorMessage"]
    assert await api.records(uid) == []


async def test_an_unknown_column_is_refused_with_the_nearest_one(api: ApiClient) -> None:
    uid = await api.model()
    said = await api.refusal_message("storage.record.create", modelUuid=uid, data={"domain": "a.com", "employes": 1})
    assert said == "data.employes: is not a column of companies; did you mean employees?"


async def test_nul_and_surrogates_are_refused(api: ApiClient) -> None:
    uid = await api.model()
    assert "NUL" in await api.refusal_message("storage.record.create", modelUuid=uid, data={"domain": "a\x00b"})
    assert "NUL" in await api.refusal_message("storage.record.create", modelUuid=uid, data={"domain": "a", "facts": {"x": "\x00"}})


async def test_a_number_that_no_number_can_hold_is_refused_in_words(api: ApiClient) -> None:
    uid = await api.model()
    for column in ("employees", "domain", "facts", "founded"):
        body = f'{{"modelUuid":"{uid}","data":{{"domain":"a.com","{column}":1e999}}}}'
        reply = await api.http.post("/v1/storage/records/create", content=body)
        assert (reply.status_code, reply.json()["errors"][0]["path"]) == (400, f"data.{column}")


async def test_the_id_is_required_where_the_model_has_an_id_column(api: ApiClient) -> None:
    uid = await api.model()
    assert await api.refusal_message("storage.record.create", modelUuid=uid, data={"name": "A"}) == (
        "data.domain: is missing: it is the id of the record"
    )


async def test_records_get_an_id_where_the_model_has_no_id_column(api: ApiClient) -> None:
    uid = await api.model("notes", columns=[{"slug": "text", "type": "string"}])
    made = await api.add(uid, {"text": "a"}, {"text": "b", "_id": "mine"})
    assert len(made[0]["_id"]) == 36
    assert made[1]["_id"] == "mine"


async def test_an_account_without_an_id_gets_one(api: ApiClient) -> None:
    uid = await api.model("accounts", "defineAccount", a=1)
    made = await api.add(uid, {"name": "Acme"})
    assert made[0]["id"] == made[0]["_id"]


async def test_an_id_of_numbers_is_written_without_a_fraction(api: ApiClient) -> None:
    uid = await api.model("rows", columns=[{"slug": "no", "type": "number"}], idColumnSlug="no")
    made = await api.add(uid, {"no": 7}, {"no": "8.0"})
    assert [record["_id"] for record in made] == ["7", "8"]


async def test_the_same_id_twice_is_a_conflict(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"})
    assert await api.refused("storage.record.create", modelUuid=uid, data={"domain": "a.com"}) == (409, "recordAlreadyExists")
    twice = [{"data": {"domain": "b.com"}}, {"data": {"domain": "b.com"}}]
    assert await api.refused("storage.record.createBulk", modelUuid=uid, records=twice) == (409, "recordAlreadyExists")
    assert len(await api.records(uid)) == 1


async def test_an_update_sets_what_it_names(api: ApiClient) -> None:
    uid = await api.model()
    before = (await api.add(uid, ACME))[0]
    after = (await api.call("storage.record.update", modelUuid=uid, id="acme.com", data={"employees": None, "name": "New"}))["record"]
    assert (after["employees"], after["name"], after["tags"]) == (None, "New", ["x", 2])
    assert after["_created_at"] == before["_created_at"]
    assert after["_updated_at"] >= before["_updated_at"]


async def test_an_update_that_changes_nothing_leaves_no_trace(api: ApiClient) -> None:
    uid = await api.model()
    before = (await api.add(uid, ACME))[0]
    with collect(RecordsChanged) as published:
        after = (await api.call("storage.record.update", modelUuid=uid, id="acme.com", data={"name": "Acme"}))["record"]
    assert (after, published) == (before, [])


async def test_many_updates_are_made_together_or_not_at_all(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"}, {"domain": "b.com"})
    changed = [{"id": "a.com", "data": {"name": "A"}}, {"id": "b.com", "data": {"employees": 3}}, {"id": "a.com", "data": {"employees": 1}}]
    records = (await api.call("storage.record.updateBulk", modelUuid=uid, records=changed))["records"]
    assert [(record["name"], record["employees"]) for record in records] == [("A", 1), (None, 3), ("A", 1)]
    missing = [{"id": "a.com", "data": {"name": "X"}}, {"id": "nope", "data": {"name": "X"}}]
    assert await api.refused("storage.record.updateBulk", modelUuid=uid, records=missing) == (404, "recordNotFound")
    assert (await api.records(uid))[0]["name"] == "A"


async def test_the_id_of_a_record_cannot_be_changed(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"})
    said = await api.refusal_message("storage.record.update", modelUuid=uid, id="a.com", data={"domain": "b.com"})
    assert "cannot be changed" in said


async def test_a_record_can_be_written_back_as_it_was_read(api: ApiClient) -> None:
    uid = await api.model()
    record = (await api.add(uid, ACME))[0]
    assert (await api.call("storage.record.update", modelUuid=uid, id="acme.com", data=record))["record"] == record


async def test_removed_records_are_gone(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"}, {"domain": "b.com"}, {"domain": "c.com"})
    assert await api.call("storage.record.remove", modelUuid=uid, id="a.com") == {"id": "a.com", "count": 1}
    assert await api.call("storage.record.remove", modelUuid=uid, id="a.com") == {"id": "a.com", "count": 0}
    assert await api.call("storage.record.removeBulk", modelUuid=uid, ids=["b.com", "nope"]) == {"count": 1}
    assert [record["_id"] for record in await api.records(uid)] == ["c.com"]
    assert await api.refused("storage.record.get", modelUuid=uid, id="a.com") == (404, "recordNotFound")


async def test_pages_of_records_never_overlap(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{number:02d}.com"} for number in range(25)))
    pages = [
        [record["_id"] for record in (await api.call("storage.record.list", modelUuid=uid, limit=10, offset=start))["records"]]
        for start in (0, 10, 20)
    ]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(uid for page in pages for uid in page) == [f"{number:02d}.com" for number in range(25)]


async def test_a_page_far_behind_is_what_stands_there_in_every_order(api: ApiClient) -> None:
    uid = await api.model()
    for start in (0, 12):
        numbers = range(start, start + 12)
        await api.add(uid, *({"domain": f"{n:02d}.com", "name": f"Name {n * 7 % 5}" if n % 3 else None} for n in numbers))

    async def listed(column: str, kind: str, **page: int) -> list[str]:
        found = await api.call("storage.record.list", modelUuid=uid, sort={"columnSlug": column, "kind": kind}, **page)
        return [record["_id"] for record in found["records"]]

    every = {record["_id"]: record for record in await api.records(uid)}
    for column in ("_id", "_title", "_emitted_at"):
        for kind in ("asc", "desc"):
            whole = sorted(every, key=lambda one: (every[one][column], one), reverse=kind == "desc")
            assert await listed(column, kind, limit=4, offset=17) == whole[17:21]
            assert await listed(column, kind, limit=4, offset=24) == []


async def test_the_list_goes_on_behind_a_record_even_when_that_was_removed_meanwhile(api: ApiClient) -> None:
    uid = await api.model()
    await api.add(uid, *({"domain": f"{number:02d}.com"} for number in range(7)))
    by_id = {"columnSlug": "_id", "kind": "asc"}
    first = (await api.call("storage.record.list", modelUuid=uid, limit=3, sort=by_id))["records"]
    await api.call("storage.record.remove", modelUuid=uid, id="02.com")
    second = (await api.call("storage.record.list", modelUuid=uid, limit=3, sort=by_id, after=first[-1]["_id"]))["records"]
    third = (await api.call("storage.record.list", modelUuid=uid, limit=3, after=second[-1]["_id"]))["records"]
    assert [[record["_id"] for record in page] for page in (second, third)] == [["03.com", "04.com", "05.com"], ["06.com"]]
    for wrong in ({"offset": 1}, {"sort": {"columnSlug": "_id", "kind": "desc"}}):
        assert await api.refused("storage.record.list", modelUuid=uid, after="00.com", **wrong) == (400, "invalidInput")


async def test_every_write_is_published(api: ApiClient) -> None:
    uid = await api.model()
    with collect(RecordsChanged) as published:
        await api.add(uid, {"domain": "a.com"}, {"domain": "b.com"})
        await api.call("storage.record.update", modelUuid=uid, id="a.com", data={"name": "A"})
        await api.call("storage.record.remove", modelUuid=uid, id="b.com")
    assert [event.model for event in published if isinstance(event, RecordsChanged)] == [UUID(uid)] * 3


async def test_the_log_names_what_every_statement_touched(api: ApiClient, state: State) -> None:
    uid = await api.model()
    await api.add(uid, {"domain": "a.com"})
    await api.call("storage.record.update", modelUuid=uid, id="a.com", data={"name": "A"})
    await api.call("storage.record.remove", modelUuid=uid, id="a.com")
    async with state.database.engine.connect() as connection:
        where = (await connection.execute(text("select schema_name, log_name from models"))).one()
        entries = await connection.execute(text(f'select _id, op::text from "{where[0]}"."{where[1]}" order by at'))
        assert [tuple(one) for one in entries] == [("a.com", "i"), ("a.com", "u"), ("a.com", "d")]


async def test_the_most_records_of_one_request_are_written_and_read_without_holding_up_others(api: ApiClient) -> None:
    uid = await api.model()
    records = [{"data": ACME | {"domain": f"d{number}.com"}} for number in range(10_000)]
    created = (await api.call("storage.record.createBulk", modelUuid=uid, records=records))["records"]
    assert [record["_id"] for record in created] == [record["data"]["domain"] for record in records]
    changes = [{"id": record["_id"], "data": {"employees": 7}} for record in created]
    updated = (await api.call("storage.record.updateBulk", modelUuid=uid, records=changes))["records"]
    assert {record["employees"] for record in updated} == {7} and len(updated) == 10_000


async def test_many_unknown_columns_are_refused_at_once_and_the_first_with_what_was_meant(api: ApiClient) -> None:
    uid = await api.model()
    records = [{"data": {"domain": f"d{number}.com"} | {f"employees{at}": 1 for at in range(20)}} for number in range(5_000)]
    status, refusal = await api.refusal("storage.record.createBulk", modelUuid=uid, records=records)
    assert status == 400 and len(refusal["errors"]) == 50
    assert refusal["errors"][0]["message"] == "is not a column of companies; did you mean employees?"


async def test_a_change_of_a_model_counts_for_the_next_change_of_a_record_that_is_made_in_two_statements(
    api: ApiClient, state: State
) -> None:
    """What the process remembers of the model holds for its version alone."""
    uid = await api.model()
    column = await api.column(uid, slug="note", type="string", kind="custom", label="Note")
    await api.call("storage.record.create", modelUuid=uid, data={"domain": "a.com", "employees": 1})

    async def update(**data: Any) -> Any:
        return await api.send("storage.record.update", modelUuid=uid, id="a.com", data=data)

    assert (await update(note="x")).json()["record"]["note"] == "x"
    # As another API process does: nothing here forgets anything.
    await api.call("storage.column.remove", modelUuid=uid, columnSlug=column["slug"])
    refused = await update(note="y")
    assert (refused.status_code, refused.json()["reason"]) == (400, "invalidInput")
    assert (await update(employees=2)).json()["record"]["employees"] == 2
    assert (await api.send("storage.record.update", modelUuid=uid, id="b.com", data={"employees": 2})).status_code == 404
    async with state.database.session(ALL_WORKSPACES) as db:
        rows = (
            await db.execute(
                text(
                    "select s.kind, w.updated from change_sets s join change_set_writes w on w.change_set_uuid = s.uuid "
                    "where s.model_uuid = :model and w.added = 0 order by s.uuid"
                ),
                {"model": uid},
            )
        ).all()
    assert [tuple(row) for row in rows] == [("write", 1), ("write", 1)]
    # What changes nothing is noted nowhere.
    assert (await update(employees=2)).json()["record"]["employees"] == 2
    async with state.database.session(ALL_WORKSPACES) as db:
        count = await db.scalar(text("select count(*) from change_sets where model_uuid = :model"), {"model": uid})
    assert count == 3


async def test_many_changes_of_one_record_at_once_all_take_place(api: ApiClient) -> None:
    uid = await api.model()
    await api.call("storage.record.create", modelUuid=uid, data={"domain": "a.com"})
    columns = {"name": "n", "employees": 3, "is_public": True, "tags": ["t"], "facts": {"f": 1}}
    replies = await asyncio.gather(
        *(api.send("storage.record.update", modelUuid=uid, id="a.com", data={slug: value}) for slug, value in columns.items())
    )
    assert {reply.status_code for reply in replies} == {200}
    (record,) = await api.records(uid)
    assert {slug: record[slug] for slug in columns} == columns
