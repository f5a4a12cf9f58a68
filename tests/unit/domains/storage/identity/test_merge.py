"""Duplicates: found by what they have in common, merged into one record, and exactly as before when that is undone."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.storage.public import RecordsChanged
from cargo_ai.domains.workspace import public
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.kit.published import collect

COLUMNS = [
    {"slug": "key", "type": "string"},
    {"slug": "email", "type": "string"},
    {"slug": "website", "type": "string"},
    {"slug": "name", "type": "string"},
    {"slug": "n", "type": "number"},
    {"slug": "since", "type": "date"},
    {"slug": "facts", "type": "object"},
    {"slug": "tags", "type": "array"},
    {"slug": "ok", "type": "boolean"},
]


async def model(api: ApiClient, *records: Body) -> str:
    """A model known by `key`."""
    uid = await api.model("leads", columns=COLUMNS, idColumnSlug="key", titleColumnSlug="name")
    for one in records:  # one by one: each is younger than the one before
        await api.add(uid, one)
    return uid


async def table(state: State, workspace: uuid.UUID, model: str) -> list[Any]:
    """Every stored row of a model as it is, times and all."""
    async with state.database.session(workspace) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        assert relation is not None
        connection = await driver_connection(db)
        cursor = await connection.execute(f'select to_jsonb(t) from "{relation.schema}"."{relation.table}" as t order by _id'.encode())
        return [row[0] for row in await cursor.fetchall()]


TWINS: tuple[Body, ...] = (
    {"key": "a", "email": "Ann@Acme.com", "name": "Ann", "facts": {}, "n": 1.5},
    {"key": "b", "email": " ann+news@acme.com ", "name": "Anna", "since": "2020-01-02", "facts": {"x": [1, None]}, "tags": ["t"]}
    | {"ok": False},
    {"key": "c", "email": "other@acme.com"},
    {"key": "d", "email": "ann@acme.com", "website": "acme.com", "ok": True},
    {"key": "e"},
    {"key": "f"},
)


async def test_groups_say_what_a_merge_would_do(api: ApiClient) -> None:
    uid = await model(api, *TWINS)
    found = await api.call("storage.model.findDuplicates", uuid=uid, by=["email"])
    assert (found["groupsCount"], found["duplicatesCount"]) == (1, 2)
    group = found["groups"][0]
    assert (group["key"], group["survivorId"], [one["_id"] for one in group["records"]]) == (["ann@acme.com"], "a", ["a", "b", "d"])
    assert {one["columnSlug"]: (one["value"], one["fromId"]) for one in group["filled"]} == {
        "website": ("acme.com", "d"), "since": ("2020-01-02T00:00:00.000Z", "b"), "facts": ({"x": [1, None]}, "b"), "tags": (["t"], "b"),
        "ok": (False, "b"),
    }  # fmt: skip
    conflicts = {one["columnSlug"]: one for one in group["conflicts"]}
    assert conflicts["name"] == {"columnSlug": "name", "kept": "Ann", "others": [{"id": "b", "value": "Anna"}]}
    assert conflicts["ok"]["others"] == [{"id": "d", "value": True}]
    assert (await api.call("storage.model.findDuplicates", uuid=uid, by=["email:exact"]))["groups"] == []


async def test_a_merge_does_what_was_shown_and_its_undo_restores_exactly(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    uid = await model(api, *TWINS)
    await api.column(uid, kind="custom", slug="tier")
    expression = {"kind": "jsExpression", "expression": "(record.website || '') + record.name", "instructTo": "none"}
    await api.column(uid, kind="computed", slug="both", expression=expression, columnsUsed=["website", "name"])
    await api.call("storage.record.update", modelUuid=uid, id="d", data={"tier": "gold"})
    before = await table(state, first_workspace.workspace_uuid, uid)
    shown = (await api.call("storage.model.findDuplicates", uuid=uid, by=["email"]))["groups"][0]
    with collect(RecordsChanged) as published:
        made = await api.call("storage.merge.create", modelUuid=uid, by=["email"])
    assert (made["merge"]["groupsCount"], made["merge"]["removedCount"], made["groupsLeft"]) == (1, 2, 0)
    records = {one["_id"]: one for one in await api.records(uid)}
    assert set(records) == {"a", "c", "e", "f"}
    assert all(records["a"][one["columnSlug"]] == one["value"] for one in shown["filled"])
    assert (records["a"]["name"], records["a"]["tier"], records["a"]["both"]) == ("Ann", "gold", "acme.comAnn")
    assert published == [RecordsChanged(first_workspace.workspace_uuid, UUID(uid))]
    undone = await api.call("storage.merge.undo", uuid=made["merge"]["uuid"])
    assert undone["merge"]["undoneAt"] is not None
    assert await table(state, first_workspace.workspace_uuid, uid) == before
    assert await api.refused("storage.merge.undo", uuid=made["merge"]["uuid"]) == (409, "mergeAlreadyUndone")
    assert [one["uuid"] for one in (await api.call("storage.merge.list", modelUuid=uid))["merges"]] == [made["merge"]["uuid"]]


async def test_what_was_written_after_a_merge_stays_when_it_is_undone(api: ApiClient) -> None:
    uid = await model(api, *TWINS)
    made = await api.call("storage.merge.create", modelUuid=uid, by=["email"])
    await api.call("storage.record.update", modelUuid=uid, id="a", data={"website": "new.com"})
    await api.call("storage.merge.undo", uuid=made["merge"]["uuid"])
    records = {one["_id"]: one for one in await api.records(uid)}
    assert (records["a"]["website"], records["a"]["since"], records["d"]["website"]) == ("new.com", None, "acme.com")


async def test_a_record_that_is_there_again_stops_the_undo(api: ApiClient) -> None:
    uid = await model(api, *TWINS)
    made = await api.call("storage.merge.create", modelUuid=uid, by=["email"])
    await api.add(uid, {"key": "b"})
    assert await api.refused("storage.merge.undo", uuid=made["merge"]["uuid"]) == (409, "recordAlreadyExists")
    assert len(await api.records(uid)) == 5


async def test_survivors_are_chosen_by_rule_or_by_name(api: ApiClient) -> None:
    uid = await model(api, *TWINS)

    async def survivor(**how: Any) -> str:
        found = await api.call("storage.model.findDuplicates", uuid=uid, **how)
        return str(found["groups"][0]["survivorId"])

    await api.call("storage.record.update", modelUuid=uid, id="a", data={"n": 2})
    assert await survivor(by=["email"], survivor="newest") == "d"
    assert await survivor(by=["email"], survivor="mostComplete") == "b"
    assert await survivor(by=["email"], survivor="mostRecentlyUpdated") == "a"
    assert await survivor(ids=["a", "c", "e"], survivorId="e") == "e"
    await api.call("storage.merge.create", modelUuid=uid, ids=["a", "c", "e"], survivorId="e")
    records = {one["_id"]: one for one in await api.records(uid)}
    assert set(records) == {"b", "d", "e", "f"}
    assert (records["e"]["email"], records["e"]["n"]) == ("Ann@Acme.com", 2)


async def test_spellings_of_domains_and_names_are_one(api: ApiClient) -> None:
    uid = await model(
        api,
        {"key": "1", "website": "https://www.Acme.com/about?x=1", "name": "The Acme Company, Inc."},
        {"key": "2", "website": "acme.com", "name": "ACME"},
        {"key": "3", "website": "jane@acme.com", "name": "Acmé & Sons"},
        {"key": "4", "website": "http://acme.com:8080", "name": "acme and sons llc"},
        {"key": "5", "website": "acme.co", "name": "Inc"},
    )
    found = await api.call("storage.model.findDuplicates", uuid=uid, by=["website"])
    assert [[one["_id"] for one in group["records"]] for group in found["groups"]] == [["1", "2", "3", "4"]]
    found = await api.call("storage.model.findDuplicates", uuid=uid, by=["name"])
    assert sorted([one["_id"] for one in group["records"]] for group in found["groups"]) == [["1", "2"], ["3", "4"]]
    both = await api.call("storage.model.findDuplicates", uuid=uid, by=["website:domain", "name:name"], limit=1)
    assert (both["groupsCount"], len(both["groups"])) == (2, 1)


async def test_what_makes_no_sense_is_refused(api: ApiClient, other_api: ApiClient) -> None:
    uid = await model(api, *TWINS)
    for how, refusal in (
        ({}, (400, "matchingNotPossible")),
        ({"by": ["emial"]}, (404, "columnNotFound")),
        ({"by": ["facts"]}, (400, "matchingNotPossible")),
        ({"by": ["email:fuzzy"]}, (400, "matchingNotPossible")),
        ({"ids": ["a", "zz"]}, (404, "recordNotFound")),
        ({"ids": ["a", "b"], "survivorId": "c"}, (400, "matchingNotPossible")),
        ({"by": ["name:exact", "email:exact"]}, (400, "noDuplicates")),
    ):
        assert await api.refused("storage.merge.create", modelUuid=uid, **how) == refusal
    assert await other_api.refused("storage.model.findDuplicates", uuid=uid, by=["email"]) == (404, "modelNotFound")
    made = await api.call("storage.merge.create", modelUuid=uid, by=["email"])
    assert await other_api.refused("storage.merge.undo", uuid=made["merge"]["uuid"]) == (404, "mergeNotFound")


async def related(api: ApiClient, one: str, column: str, other: str, key: str, **how: Any) -> None:
    fields = {"fromModelUuid": one, "fromColumnSlug": column, "toModelUuid": other, "toColumnSlug": key}
    await api.call("storage.relationship.set", **fields, **how)


async def test_what_led_to_a_removed_record_leads_to_the_survivor_until_the_merge_is_undone(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    uid = await model(api, *TWINS)
    await api.column(uid, kind="custom", slug="boss")
    for child, boss in (("c", "b"), ("e", "c"), ("a", "f")):
        await api.call("storage.record.update", modelUuid=uid, id=child, data={"boss": boss})
    columns = [{"slug": slug, "type": kind} for slug, kind in (("no", "number"), ("lead", "string"), ("site", "string"), ("more", "any"))]
    deals = await api.model("deals", columns=columns, idColumnSlug="no")
    expression = {"kind": "jsExpression", "expression": "record.lead + '/' + record.site", "instructTo": "none"}
    await api.column(deals, kind="computed", slug="both", expression=expression, columnsUsed=["lead", "site"])
    await api.add(
        deals,
        {"no": 1, "lead": "b", "site": "acme.com"},
        {"no": 2, "lead": "d", "more": "d"},
        {"no": 3, "lead": "a"},
        {"no": 4, "lead": "c", "more": {"x": 1}},
    )
    await related(api, deals, "lead", uid, "key")
    await related(api, deals, "more", uid, "key")
    await related(api, uid, "boss", uid, "key", relation="manyToOne")
    before = [await table(state, first_workspace.workspace_uuid, one) for one in (uid, deals)]
    shown = (await api.call("storage.model.findDuplicates", uuid=uid, by=["email"]))["groups"][0]
    made = await api.call("storage.merge.create", modelUuid=uid, by=["email"])

    def reported(found: list[Body]) -> list[tuple[str, str, int]]:
        return sorted((one["modelUuid"], one["columnSlug"], one["count"]) for one in found)

    assert reported(shown["repointed"]) == sorted([(deals, "lead", 2), (deals, "more", 1), (uid, "boss", 1)])
    assert reported(made["repointed"]) == reported(shown["repointed"])
    assert made["merge"]["repointedCount"] == 4
    after = {one["_id"]: one for one in await api.records(deals)}
    assert [after[no]["lead"] for no in "1234"] == ["a", "a", "a", "c"]
    assert (after["1"]["both"], after["2"]["more"], after["4"]["more"]) == ("a/acme.com", "a", {"x": 1})
    assert {one["_id"]: one["boss"] for one in await api.records(uid)} == {"a": "f", "c": "a", "e": "c", "f": None}
    await api.call("storage.merge.undo", uuid=made["merge"]["uuid"])
    assert [await table(state, first_workspace.workspace_uuid, one) for one in (uid, deals)] == before


async def test_only_values_that_tell_who_is_meant_are_followed(api: ApiClient) -> None:
    uid = await model(
        api,
        {"key": "a", "name": "Acme", "website": "acme.com", "email": "x@a"},
        {"key": "b", "name": "Acme", "website": "acme.io", "email": "y@b"},
        {"key": "c", "name": "Other", "website": "other.com", "email": "y@b"},
    )
    visits = await api.model("visits", columns=[{"slug": slug, "type": "string"} for slug in ("id", "site", "mail")], idColumnSlug="id")
    await api.add(visits, {"id": "1", "site": "acme.io", "mail": "y@b"}, {"id": "b", "site": "other.com"})
    await related(api, visits, "site", uid, "website", relation="manyToOne")
    await related(api, visits, "mail", uid, "email", relation="manyToOne")
    await related(api, visits, "id", uid, "key", relation="oneToOne")
    made = await api.call("storage.merge.create", modelUuid=uid, by=["name"])
    assert [(one["columnSlug"], one["count"]) for one in made["repointed"]] == [("site", 1)]
    assert [(one["_id"], one["site"], one["mail"]) for one in await api.records(visits)] == [
        ("1", "acme.com", "y@b"),
        ("b", "other.com", None),
    ]
    await api.call("storage.record.update", modelUuid=visits, id="1", data={"site": "new.com"})
    await api.call("storage.merge.undo", uuid=made["merge"]["uuid"])
    assert (await api.records(visits))[0]["site"] == "new.com"


async def test_the_many_never_change_the_one_that_they_lead_to(api: ApiClient) -> None:
    uid = await model(api, {"key": "1", "name": "x", "website": "a.com"}, {"key": "2", "name": "x", "website": "b.com"})
    sites = await api.model("sites", columns=[{"slug": slug, "type": "string"} for slug in ("id", "domain")], idColumnSlug="id")
    await api.add(sites, {"id": "s", "domain": "b.com"})
    await related(api, uid, "website", sites, "domain", relation="manyToOne")
    made = await api.call("storage.merge.create", modelUuid=uid, by=["name"])
    assert made["repointed"] == []
    assert (await api.records(sites))[0]["domain"] == "b.com"
