"""Packed entries of the log: what is read of them is what entries of one record say."""

from __future__ import annotations

import uuid
from typing import Any, cast

from cargo_ai.domains.storage import public as storage
from cargo_ai.domains.workspace import public
from cargo_ai.records.ddl import log_table_name
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection, fetch
from tests.kit.api_client import ApiClient, Body
from tests.unit.domains.storage.history.test_change_set import ingest, plain
from tests.unit.domains.storage.history.test_forgetting import kept_text

LEAST_PACKED = 1_000
HEADER = "domain,name,employees,founded,is_public,facts,tags\n"
ROWS = (
    ("", "", "", "", "", ""),
    ("Ann", "1", "2020-01-02", "true", '"{""a"": [1, null]}"', '"[""x""]"'),
    ("\x01", "-2.5", "1999-12-31T23:59:59Z", "false", '"{""a"": [2]}"', "[]"),
    ("\x01Bo", "1e40", "2020-01-02", "true", "{}", '"[""\x7f""]"'),
)
"""Values that take turns: nothing, plain ones, and texts that look like the mark of nothing."""
SEEN = [f"d{number:04d}" for number in (*range(9), 500, 998)]


def rows(count: int, turn: int) -> str:
    """A file in which each record has other values than in the one of the turn before."""
    return HEADER + "".join(f"d{number:04d},{','.join(ROWS[(number + turn) % len(ROWS)])}\n" for number in range(count))


def named(count: int, name: str) -> str:
    """A file that gives each record the same name."""
    return "domain,name\n" + "".join(f"d{number:04d},{name}\n" for number in range(count))


def without_names(value: Any) -> Any:
    """A response without what differs from model to model."""
    if isinstance(value, dict):
        fields = cast("Body", value).items()
        return {key: without_names(inner) for key, inner in fields if not key.endswith(("Uuid", "uuid", "At", "_at", "source", "dCount"))}
    return [without_names(inner) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


async def entries(state: State, workspace: uuid.UUID, model: str) -> tuple[int, int]:
    """How many entries the log of a model has, of one record and packed ones."""
    async with state.database.session(workspace) as db:
        relation = await storage.relation(db, uuid.UUID(model))
        assert relation is not None
        query = f"select count(_id), count(ids) from {log_table_name(relation)}"
        ((single, packed),) = await fetch(await driver_connection(db), query)
        return single, packed


async def story(api: ApiClient, model: str, count: int) -> list[Any]:
    """Everything that is said of files that add and change this many records, and of taking them back."""
    said: list[Any] = []
    await api.add(model, {"domain": "a"})
    added = await ingest(api, model, rows(count, 0))
    was = await api.records(model, limit=5)
    changed = await ingest(api, model, rows(count, 1))
    said += [(await api.call("storage.record.history", modelUuid=model, id=record))["changes"] for record in SEEN]
    said += [(await api.call("storage.changeSet.listRecords", uuid=one["uuid"], limit=9))["records"] for one in (added, changed)]
    name = await ingest(api, model, named(count, "Later"))
    status, body = await api.refusal("storage.changeSet.undo", uuid=changed["uuid"])
    planned = await api.call("storage.changeSet.undo", uuid=name["uuid"], dryRun=True)
    said += [status, body["reason"], body["conflicts"][:3], planned["revertedCount"] - count, planned["conflictsCount"]]
    for one in (name, changed):
        await api.call("storage.changeSet.undo", uuid=one["uuid"])
    assert plain(await api.records(model, limit=5)) == plain(was)
    said += [(await api.call("storage.record.history", modelUuid=model, id=record))["changes"] for record in SEEN]
    undone = await api.call("storage.changeSet.undo", uuid=added["uuid"])
    said.append(undone["removedCount"] - count)
    assert [record["_id"] for record in await api.records(model)] == ["a"]
    return said


async def test_histories_and_undos_are_those_of_single_entries(api: ApiClient, state: State, first_workspace: public.Bootstrap) -> None:
    packed, single = await api.model("packed"), await api.model("single")
    for one, other in zip(await story(api, packed, LEAST_PACKED), await story(api, single, LEAST_PACKED - 1), strict=True):
        assert without_names(one) == without_names(other)
    (_, many), (_, none) = [await entries(state, first_workspace.workspace_uuid, model) for model in (packed, single)]
    assert (many, none) == (64 * 5, 0)


async def test_what_is_forgotten_leaves_packed_entries_and_the_others_stay(
    api: ApiClient, state: State, first_workspace: public.Bootstrap
) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a"})
    await ingest(api, model, named(LEAST_PACKED, "Public") + "secret,Clandestine\n")
    await ingest(api, model, named(LEAST_PACKED, "Open") + "secret,Other\n")
    before = await kept_text(state, first_workspace.workspace_uuid, model)
    reply = await api.call("storage.record.forget", modelUuid=model, ids=["secret"])
    after = await kept_text(state, first_workspace.workspace_uuid, model)
    assert (reply["count"], "Clandestine" in before, "Clandestine" in after) == (1, True, False)
    for record, changes in (("secret", ["forgotten", "updated", "added"]), ("d0007", ["updated", "added"])):
        events: list[Body] = (await api.call("storage.record.history", modelUuid=model, id=record))["changes"]
        assert [event["change"] for event in events] == changes
    assert events[0]["changes"] == [{"columnSlug": "name", "before": "Public", "after": "Open"}]
