"""Computed columns that read lookups: computed when their record is written, and again when the record that they look up changes."""

from __future__ import annotations

import random
from urllib.parse import unquote

import pytest
from sqlalchemy import text

from cargo_ai.domains.storage.columns import stale_lookups
from cargo_ai.domains.storage.columns.stale_lookups import LookupJob
from cargo_ai.domains.storage.models.refreshes.refresh_job import RefreshJob
from cargo_ai.records import ddl
from cargo_ai.server.api.state import State
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.models.refreshes.test_file_source import upload

CONTACTS: list[Body] = [{"slug": "id", "type": "string"}, {"slug": "company", "type": "string"}, {"slug": "level", "type": "number"}]


async def pair(api: ApiClient, **lookup: object) -> tuple[str, str]:
    """Companies, and contacts with the size of their company and a score made of it."""
    companies = await api.model()
    contacts = await api.model("contacts", columns=CONTACTS, idColumnSlug="id")
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    await api.column(contacts, kind="lookup", slug="size", type="number", join=join, extractColumnSlug="employees", **lookup)
    return companies, contacts


async def scored(api: ApiClient, contacts: str, expression: str = "(record.size ?? 0) + record.level") -> None:
    """The column `score`."""
    await api.column(contacts, kind="computed", slug="score", type="number", expression={"expression": expression})


async def catch_up(state: State) -> None:
    """Let a worker do all that is stale, until nothing is."""
    while True:
        async with state.database.engine.connect() as connection:
            rows = (await connection.execute(text("select distinct workspace_uuid, model_uuid from stale_lookups"))).all()
        if not rows:
            return
        for workspace, model in rows:
            await LookupJob(state.database).run(str(workspace), str(model))


async def scores(api: ApiClient, contacts: str) -> list[float | None]:
    """The scores of all contacts, as SQL sees them."""
    rows = (await api.call("storage.query.execute", query="SELECT score FROM default.contacts ORDER BY _id"))["rows"]
    assert [record["score"] for record in await api.records(contacts)] == [row["score"] for row in rows]
    return [row["score"] for row in rows]


async def test_a_score_follows_the_company_that_it_looks_up(api: ApiClient, state: State) -> None:
    companies, contacts = await pair(api)
    await api.add(companies, {"domain": "a.com", "employees": 10}, {"domain": "b.com", "employees": 20})
    await api.add(contacts, {"id": "1", "company": "a.com", "level": 1}, {"id": "2", "company": "c.com", "level": 2})
    await scored(api, contacts)
    assert await scores(api, contacts) == [11, 2]
    await api.add(contacts, {"id": "3", "company": "b.com", "level": 3})
    assert await scores(api, contacts) == [11, 2, 23]
    await api.call("storage.record.update", modelUuid=companies, id="a.com", data={"employees": 100})
    reply = await api.send("storage.query.execute", query="SELECT score FROM default.contacts")
    assert "score is being computed again: records that it looks up have changed." in unquote(reply.headers["x-cargo-warnings"])
    assert reply.json()["isRefreshing"] is True
    (item,) = (await api.call("orchestration.queue.get"))["items"]
    assert (item["reason"], item["modelUuid"]) == ("filling", contacts)
    await catch_up(state)
    assert await scores(api, contacts) == [101, 2, 23]
    await api.add(companies, {"domain": "c.com", "employees": 1_000})
    await api.call("storage.record.remove", modelUuid=companies, id="b.com")
    await catch_up(state)
    assert await scores(api, contacts) == [101, 1002, 3]
    reply = await api.send("storage.query.execute", query="SELECT score FROM default.contacts")
    assert "x-cargo-warnings" not in reply.headers


async def test_a_change_that_no_lookup_reads_makes_nothing_stale(api: ApiClient, state: State) -> None:
    companies, contacts = await pair(api)
    await api.add(companies, {"domain": "a.com", "employees": 10})
    await scored(api, contacts)
    await catch_up(state)
    await api.call("storage.record.update", modelUuid=companies, id="a.com", data={"name": "A"})
    async with state.database.engine.connect() as connection:
        assert (await connection.execute(text("select count(*) from stale_lookups"))).scalar_one() == 0


async def test_many_records_are_computed_again_in_chunks_and_very_many_keys_as_one(
    api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale_lookups, "CHUNK", 7)
    companies, contacts = await pair(api)
    await api.add(companies, {"domain": "a.com", "employees": 10})
    await api.add(contacts, *({"id": f"{number:02d}", "company": "a.com", "level": 0} for number in range(30)))
    await scored(api, contacts)
    await api.call("storage.record.update", modelUuid=companies, id="a.com", data={"employees": 5})
    async with state.database.engine.begin() as connection:
        await connection.execute(text("update stale_lookups set key = null"))
    await catch_up(state)
    assert await scores(api, contacts) == [5] * 30


async def test_a_chain_over_three_models_is_computed_link_by_link(api: ApiClient, state: State) -> None:
    companies, contacts = await pair(api)
    await scored(api, contacts)
    deals = await api.model("deals", columns=[{"slug": "id", "type": "string"}, {"slug": "who", "type": "string"}], idColumnSlug="id")
    join = {"toModelUuid": contacts, "fromColumnSlug": "who", "toColumnSlug": "id"}
    await api.column(deals, kind="lookup", slug="person", type="number", join=join, extractColumnSlug="score")
    await api.column(deals, kind="computed", slug="worth", type="number", expression={"expression": "(record.person ?? -1) * 2"})
    await api.add(deals, {"id": "d", "who": "1"})
    await api.add(contacts, {"id": "1", "company": "a.com", "level": 1})
    await api.add(companies, {"domain": "a.com", "employees": 10})
    await catch_up(state)
    assert [record["worth"] for record in await api.records(deals)] == [22]


async def test_a_lookup_by_a_computed_column_sees_its_new_value(api: ApiClient) -> None:
    companies = await api.model()
    contacts = await api.model("contacts", columns=CONTACTS, idColumnSlug="id")
    await api.column(contacts, kind="computed", slug="domain", type="string", expression={"expression": "record.company + '.com'"})
    join = {"toModelUuid": companies, "fromColumnSlug": "domain", "toColumnSlug": "domain"}
    await api.column(contacts, kind="lookup", slug="size", type="number", join=join, extractColumnSlug="employees")
    await scored(api, contacts)
    await api.add(companies, {"domain": "a.com", "employees": 10}, {"domain": "b.com", "employees": 20})
    await api.add(contacts, {"id": "1", "company": "a", "level": 0})
    assert await scores(api, contacts) == [10]
    await api.call("storage.record.update", modelUuid=contacts, id="1", data={"company": "b"})
    assert await scores(api, contacts) == [20]


async def test_a_changed_lookup_computes_its_readers_again_and_follows_the_other_column(api: ApiClient, state: State) -> None:
    companies, contacts = await pair(api)
    await api.column(companies, kind="custom", slug="rank", type="number")
    await api.add(companies, {"domain": "a.com", "employees": 10, "rank": 3})
    await api.add(contacts, {"id": "1", "company": "a.com", "level": 0})
    await scored(api, contacts)
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    column = {"kind": "lookup", "slug": "size", "type": "number", "join": join, "extractColumnSlug": "rank"}
    await api.call("storage.column.update", modelUuid=contacts, column=column)
    assert await scores(api, contacts) == [3]
    await api.call("storage.record.update", modelUuid=companies, id="a.com", data={"rank": 4})
    await catch_up(state)
    assert await scores(api, contacts) == [4]
    await api.call("storage.column.remove", modelUuid=contacts, columnSlug="score")
    await api.call("storage.record.update", modelUuid=companies, id="a.com", data={"rank": 5})
    async with state.database.engine.connect() as connection:
        assert (await connection.execute(text("select count(*) from stale_lookups"))).scalar_one() == 0


async def test_a_circle_over_models_is_refused_with_its_path(api: ApiClient) -> None:
    companies, contacts = await pair(api)
    await scored(api, contacts)
    join = {"toModelUuid": contacts, "fromColumnSlug": "domain", "toColumnSlug": "company"}
    await api.column(companies, kind="lookup", slug="best", type="number", join=join, extractColumnSlug="score")
    circle = {"kind": "computed", "slug": "fame", "type": "number", "label": "", "expression": {"expression": "record.best"}}
    await api.call("storage.column.create", modelUuid=companies, column=circle)
    lookup = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    column = {"kind": "lookup", "slug": "size", "type": "number", "join": lookup, "extractColumnSlug": "fame"}
    reply = await api.http.put("/v1/storage/columns", json={"modelUuid": contacts, "column": column})
    assert (reply.status_code, reply.json()["reason"]) == (400, "invalidRelationship")
    path = "contacts.size → companies.fame → companies.best → contacts.score → contacts.size"
    assert path in reply.text


async def test_lookups_whose_changes_cannot_be_followed_are_refused(api: ApiClient) -> None:
    _, contacts = await pair(api)
    column = {"kind": "computed", "slug": "score", "type": "number", "label": "", "expression": {"expression": "record.size"}}
    await api.call("storage.column.create", modelUuid=contacts, column=column)
    deals = await api.model("deals", columns=[{"slug": "id", "type": "string"}, {"slug": "who", "type": "string"}], idColumnSlug="id")
    join = {"toModelUuid": contacts, "fromColumnSlug": "who", "toColumnSlug": "id"}
    await api.column(deals, kind="lookup", slug="size", type="number", join=join, extractColumnSlug="size")
    assert await api.refused("storage.column.create", modelUuid=deals, column=column) == (400, "invalidInput")


@pytest.mark.slow
async def test_random_writes_give_what_a_plain_computation_gives(api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_lookups, "CHUNK", 3)
    monkeypatch.setattr(stale_lookups, "KEYS", 2)
    only_large = {"kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 3}
    filter = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [only_large]}]}
    companies, contacts = await pair(api, filter=filter)
    await scored(api, contacts)
    random_ = random.Random(7)
    names = [f"{letter}.com" for letter in "abcde"]
    known: dict[str, int] = {}
    people: dict[str, Body] = {}
    for step in range(60):
        match random_.randrange(5):
            case 0 | 1:
                name, size = random_.choice(names), random_.randrange(8)
                write = "storage.record.update" if name in known else "storage.record.create"
                fields = {"id": name, "data": {"employees": size}} if name in known else {"data": {"domain": name, "employees": size}}
                await api.call(write, modelUuid=companies, **fields)
                known[name] = size
            case 2:
                name = random_.choice(names)
                await api.call("storage.record.remove", modelUuid=companies, id=name)
                known.pop(name, None)
            case 3:
                person: Body = {"id": f"{step:02d}", "company": random_.choice(names), "level": step}
                await api.add(contacts, person)
                people[person["id"]] = person
            case _ if people:
                person = people[random_.choice(sorted(people))]
                person["company"] = random_.choice(names)
                await api.call("storage.record.update", modelUuid=contacts, id=person["id"], data={"company": person["company"]})
            case _:
                pass
        if step % 7 == 6:
            await catch_up(state)
            sizes = {name: size for name, size in known.items() if size > 3}
            assert await scores(api, contacts) == [sizes.get(people[key]["company"], 0) + people[key]["level"] for key in sorted(people)]


async def test_a_load_of_many_companies_makes_their_contacts_stale(api: ApiClient, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ddl, "REHASH_ROWS", 10)
    companies, contacts = await pair(api)
    await scored(api, contacts)
    await api.add(contacts, *({"id": f"{number:02d}", "company": f"{number}.com", "level": 0} for number in range(40)))
    await api.add(companies, *({"domain": f"{number}.com", "employees": number} for number in range(40)))
    await catch_up(state)
    assert await scores(api, contacts) == list(range(40))


async def test_a_file_that_is_loaded_into_an_empty_model_makes_its_readers_stale(api: ApiClient, state: State) -> None:
    file = await upload(api, "domain,employees\na.com,10\n")
    companies = await api.model("companies", "uploadFile", s3Filename=file, idColumnSlug="domain")
    contacts = await api.model("contacts", columns=CONTACTS, idColumnSlug="id")
    join = {"toModelUuid": companies, "fromColumnSlug": "company", "toColumnSlug": "domain"}
    await api.column(contacts, kind="lookup", slug="size", type="number", join=join, extractColumnSlug="employees")
    await scored(api, contacts)
    await api.add(contacts, {"id": "1", "company": "a.com", "level": 0})
    await api.call("storage.record.remove", modelUuid=companies, id="a.com")
    await catch_up(state)
    assert await scores(api, contacts) == [0]
    run = (await api.call("storage.run.create", modelUuid=companies, isForce=True))["run"]
    await RefreshJob(state.services).run(run["workspaceUuid"], run["uuid"])
    await catch_up(state)
    assert await scores(api, contacts) == [10]
