"""The bin: things of every kind go in, come back with all that belongs to them, and are removed forever by those who may."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cargo_ai.domains.workspace import bin_chore
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from tests.kit.api_client import COMPANIES, ApiClient, Body
from tests.kit.application import signed_in
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIST, RESTORE, REMOVE, EMPTY, PREVIEW = (f"workspaceManagement.bin.{verb}" for verb in ("list", "restore", "remove", "empty", "preview"))
GRAPH = [node("start", children=("end",)), node("end")]
ROOT = Path(__file__).parents[4]
CHORE = """
import asyncio, os, sys
from cargo_ai.domains.workspace import bin_chore
from cargo_ai.engine.journal import crash_points
from cargo_ai.kernel.settings import Settings
from tests.kit.application import make_state

settings = Settings(dict(os.environ))
crash_points.arm(settings)
asyncio.run(bin_chore.remove_expired(make_state(sys.argv[1], settings).services))
"""
ALL: Body = {"conjonction": "and", "groups": []}


@pytest.fixture
def api(backend: Backend) -> ApiClient:
    """The admin of the first workspace."""
    return backend.admin


async def rows(backend: Backend, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """What a statement finds; it is committed."""
    async with backend.state.database.engine.begin() as connection:
        found = await connection.execute(text(query), values)
        return [tuple(row) for row in found] if found.returns_rows else []


async def nothing_is_due(backend: Backend) -> None:
    """Return when the worker has removed forever what is to go at once."""
    async with asyncio.timeout(20):
        while True:
            if not await rows(backend, "select 1 from bin_items where is_due"):
                return
            await asyncio.sleep(0.02)


async def tables(backend: Backend, slug: str) -> list[str]:
    """The tables and views in the database that were made for models of this slug."""
    query = "select relname from pg_class where relkind in ('r', 'v') and relname ~ ('^[mvl]_' || :slug || '_') order by 1"
    return [str(name)[0] for (name,) in await rows(backend, query, slug=slug)]


async def expire(backend: Backend, uid: str) -> None:
    """Let something have been removed 31 days ago."""
    await rows(backend, "update bin_items set removed_at = removed_at - interval '31 days' where uuid = :uid", uid=uid)


async def binned(api: ApiClient) -> dict[str, Body]:
    """What is in the bin, by uuid."""
    return {item["uuid"]: item for item in (await api.call(LIST, limit=1000))["items"]}


async def removed(api: ApiClient, kind: str, uid: str) -> Body:
    """The reply to the removal of a thing."""
    domain = {"model": "storage", "segment": "segmentation", "connector": "connection"}.get(kind, "orchestration")
    return await api.call(f"{domain}.{kind}.remove", uuid=uid)


async def segment(api: ApiClient, model: str, name: str, **fields: Any) -> Body:
    """A new segment of all records of a model."""
    created: Body = (await api.call("segmentation.segment.create", name=name, modelUuid=model, filter=ALL, **fields))["segment"]
    return created


async def test_a_removed_model_is_out_of_sight_and_comes_back_with_its_records_and_columns(backend: Backend, api: ApiClient) -> None:
    uid = await api.model("whole")
    await api.column(uid, kind="custom", slug="tier")
    await api.column(uid, kind="computed", slug="loud", expression={"kind": "templateExpression", "expression": "{{record.name}}!"})
    await api.add(uid, {"domain": "acme.com", "name": "Acme", "tier": "gold"}, {"domain": "b.com", "name": "B"})
    url = (await api.call("storage.model.createIngestToken", uuid=uid))["url"]
    before = await api.records(uid)

    reply = await removed(api, "model", uid)

    assert (await api.http.post(url, json={"domain": "c.com"})).status_code == 401
    item = (await binned(api))[uid]
    assert (item["kind"], item["name"], item["slug"], item["recordsCount"]) == ("model", "Whole", "whole", 2)
    assert item["removedBy"] and item["restore"] == reply["restore"] == f"cargo-ai workspace bin restore {uid}"
    assert item["restoreUntil"] == reply["restoreUntil"] > item["removedAt"]
    assert await tables(backend, "whole") == ["l", "m"], "the view is gone"
    sql = {"slug": "postgres", "query": "select count(*) from datasets_default.models_whole"}
    assert "There is no table" in (await api.call("systemOfRecordIntegration.client.query", **sql))["errorMessage"]
    status, body = await api.refusal("storage.model.get", uuid=uid)
    assert (status, body["reason"]) == (404, "modelNotFound") and reply["restore"] in body["errorMessage"]
    assert not (await api.call("storage.model.existsBySlug", slug="whole", datasetUuid=await api.dataset()))["exists"]

    assert await api.call(RESTORE, uuid=uid) == {"uuid": uid, "kind": "model", "name": "Whole", "slug": "whole"}

    assert await api.records(uid) == before
    assert before[0]["loud"] == "Acme!"
    assert uid not in await binned(api)
    assert (await api.http.post(url, json={"domain": "c.com"})).json()["added"] == 1, "its address takes records again"
    await api.add(uid, {"domain": "d.com", "name": "D"})
    assert (await api.records(uid))[-1]["loud"] == "D!"


async def test_a_slug_is_free_at_once_and_a_model_whose_slug_is_taken_comes_back_under_another(api: ApiClient) -> None:
    first = await api.model("twice")
    await removed(api, "model", first)
    second = await api.model("twice")

    assert await api.refused(RESTORE, uuid=first) == (409, "duplicateSlug")
    assert await api.refused(RESTORE, uuid=first, slug="twi-ce") == (400, "slugNotCompatible")
    assert (await api.call(RESTORE, uuid=first, slug="twice_2"))["slug"] == "twice_2"
    slugs = {one["uuid"]: one["slug"] for one in (await api.call("storage.model.all"))["models"]}
    assert (slugs[first], slugs[second]) == ("twice_2", "twice")


async def test_lookups_of_a_restored_model_are_those_of_now_and_need_the_model_that_they_read(api: ApiClient) -> None:
    owners = await api.model("owners", columns=[{"slug": "id", "type": "string", "label": "Id"}, COMPANIES[1]], idColumnSlug="id")
    await api.add(owners, {"id": "1", "name": "Ann"})
    deals = await api.model("deals", columns=[{"slug": "id", "type": "string", "label": "Id"}], idColumnSlug="id")
    join = {"fromColumnSlug": "id", "toModelUuid": owners, "toColumnSlug": "id"}
    await api.column(deals, kind="lookup", slug="owner", join=join, extractColumnSlug="name")
    await api.column(deals, kind="computed", slug="loud", expression={"kind": "templateExpression", "expression": "{{record.owner}}!"})
    await api.add(deals, {"id": "1"})
    await removed(api, "model", deals)
    await api.call("storage.record.update", modelUuid=owners, id="1", data={"name": "Bea"})
    await removed(api, "model", owners)

    status, body = await api.refusal(RESTORE, uuid=deals)
    assert (status, body["reason"]) == (409, "neededIsRemoved") and f"cargo-ai workspace bin restore {owners}" in body["errorMessage"]
    await api.call(RESTORE, uuid=owners)
    await api.call(RESTORE, uuid=deals)
    assert [(record["owner"], record["loud"]) for record in await api.records(deals)] == [("Bea", "Bea!")]
    await api.call("storage.record.update", modelUuid=owners, id="1", data={"name": "Cy"})
    assert [record["owner"] for record in await api.records(deals)] == ["Cy"]

    await removed(api, "model", deals)
    await removed(api, "model", owners)
    await api.call(REMOVE, uuid=owners)
    warnings = await api.warnings(RESTORE, uuid=deals)
    assert any("owner was left out" in warning for warning in warnings)
    assert any("removed forever" in warning for warning in warnings)
    assert "owner" not in (await api.records(deals))[0]


async def test_segments_come_back_after_their_model(api: ApiClient) -> None:
    model = await api.model("parents")
    await api.add(model, {"domain": "acme.com"})
    hot = await segment(api, model, "Hot")
    await api.call("segmentation.change.create", segmentUuid=hot["uuid"])
    await removed(api, "segment", hot["uuid"])
    assert await api.refused("segmentation.segment.remove", uuid=hot["uuid"]) == (409, "segmentAlreadyRemoved")
    await removed(api, "model", model)

    assert (await api.refused(RESTORE, uuid=hot["uuid"]))[1] == "neededIsRemoved"
    await api.call(RESTORE, uuid=model)
    other = await segment(api, model, "Hot")
    assert other["slug"] == hot["slug"]
    assert (await api.refused(RESTORE, uuid=hot["uuid"]))[1] == "duplicateSlug"
    assert (await api.call(RESTORE, uuid=hot["uuid"], slug="hot_again"))["slug"] == "hot_again"

    back = (await api.call("segmentation.segment.get", uuid=hot["uuid"]))["segment"]
    assert back["recordsCount"] == 1 and back["lastChange"]
    status, body = await api.refusal("storage.model.remove", uuid=model)
    assert (status, body["reason"]) == (409, "hasSegments"), "it uses its model again"


async def test_a_tool_comes_back_with_its_releases_triggers_and_folder(backend: Backend, api: ApiClient) -> None:
    tool, release = await api.deployed(GRAPH, "Undone")
    trigger: Body = {"name": "Monday", "type": "cron", "cron": "0 9 * * 1", "data": {}}
    folder = (await api.call("workspaceManagement.folder.create", name="Mine", kind="tool", emojiSlug="a"))["folder"]["uuid"]
    await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[trigger], folderUuid=folder)
    await removed(api, "tool", tool["uuid"])
    assert await rows(backend, "select 1 from schedules where owner_uuid = :uid", uid=tool["uuid"]) == []
    await api.call("workspaceManagement.folder.remove", uuid=folder)

    warnings = await api.warnings(RESTORE, uuid=tool["uuid"])

    assert any("triggers fire again" in warning for warning in warnings) and any("folder was removed" in warning for warning in warnings)
    back = (await api.call("orchestration.tool.get", uuid=tool["uuid"]))["tool"]
    assert back["folderUuid"] is None and back["triggers"][0]["nextFireAt"] > clock.to_iso(clock.now())
    assert (await api.call("orchestration.release.get", uuid=release["uuid"]))["release"]["status"] == "deployed"
    run = await backend.run(workflowUuid=tool["workflowUuid"])
    assert run["run"]["status"] == "success"
    assert await api.refused(RESTORE, uuid=tool["uuid"]) == (404, "itemNotFound")


async def test_a_play_comes_back_disabled_and_makes_up_for_nothing(api: ApiClient) -> None:
    model = await api.model("played")
    play = (await api.call("orchestration.play.create", name="Watch", modelUuid=model, filter=ALL))["play"]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=play["workflowUuid"], nodes=GRAPH, formFields=None)
    cron = {"type": "cron", "cron": "* * * * *"}
    await api.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True, schedule=cron)
    await removed(api, "play", play["uuid"])
    await api.add(model, {"domain": "acme.com"})
    await removed(api, "model", model)
    assert (await api.refused(RESTORE, uuid=play["uuid"]))[1] == "neededIsRemoved"
    await api.call(RESTORE, uuid=model)

    assert any("is disabled" in warning for warning in await api.warnings(RESTORE, uuid=play["uuid"]))

    back = (await api.call("orchestration.play.get", uuid=play["uuid"]))["play"]
    assert (back["isEnabled"], back["schedule"]["cron"], back["nextFireAt"]) == (False, "* * * * *", None)
    assert (await api.call("segmentation.segment.get", uuid=play["segmentUuid"]))["segment"]["recordsCount"] == 1
    enabled = (await api.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True))["play"]
    assert enabled["nextFireAt"]
    assert (await api.refused("storage.model.remove", uuid=model))[1] == "hasWorkflows"
    await removed(api, "play", play["uuid"])


async def test_a_connector_comes_back_with_its_secrets_and_its_dataset(backend: Backend, api: ApiClient) -> None:
    config = {"baseUrl": "https://api.example.com", "auth": {"kind": "bearer", "token": "s3cret"}}
    made = await api.connector("vault", config=config)
    sealed = "select sealed_config from connectors where uuid = :uid"
    before = await rows(backend, sealed, uid=made["uuid"])
    await api.call("connection.connector.update", uuid=made["uuid"], isDefault=True)
    await removed(api, "connector", made["uuid"])
    assert await rows(backend, sealed, uid=made["uuid"]) == before and before[0][0]
    other = await api.connector("vault")

    assert await api.refused(RESTORE, uuid=made["uuid"]) == (409, "duplicateSlug")
    await removed(api, "connector", other["uuid"])
    await api.call(RESTORE, uuid=made["uuid"])

    back = (await api.call("connection.connector.get", uuid=made["uuid"]))["connector"]
    assert (back["slug"], back["isDefault"]) == ("vault", True)
    assert [one["slug"] for one in (await api.call("storage.dataset.all"))["datasets"] if one["connectorUuid"] == made["uuid"]] == ["vault"]
    await removed(api, "connector", made["uuid"])
    await api.call(REMOVE, uuid=made["uuid"])
    assert await rows(backend, sealed, uid=made["uuid"]) == [(None,)]
    assert await api.refused(RESTORE, uuid=made["uuid"]) == (404, "itemNotFound")


async def test_what_a_restored_thing_uses_and_is_gone_is_named(api: ApiClient) -> None:
    connector = await api.connector("missing")
    service = {"integrationSlug": "http", "connectorUuid": connector["uuid"], "config": {"url": "https://example.com"}}
    call = node("call", "request", ("end",), kind="connector", **service)
    tool, _ = await api.deployed([node("start", children=("call",)), call, node("end")], "Caller")
    await removed(api, "tool", tool["uuid"])
    await removed(api, "connector", connector["uuid"])

    warnings = await api.warnings(RESTORE, uuid=tool["uuid"])

    assert any('the connector "CRM", which is in the bin' in warning and connector["uuid"] in warning for warning in warnings)
    await removed(api, "tool", tool["uuid"])
    await api.call(REMOVE, uuid=connector["uuid"])
    assert any("removed forever" in warning for warning in await api.warnings(RESTORE, uuid=tool["uuid"]))


async def test_another_workspace_sees_and_touches_nothing_of_the_bin(backend: Backend, api: ApiClient) -> None:
    uid = await api.model("private")
    await removed(api, "model", uid)
    other = backend.other_api
    assert uid not in await binned(other)
    for name in (RESTORE, REMOVE):
        assert await other.refused(name, uuid=uid) == (404, "itemNotFound")
    assert await other.call(EMPTY) == {"count": 0}
    assert "bin restore" not in await other.refusal_message("storage.model.get", uuid=uid)
    living = await api.model("private")
    assert await other.refused(PREVIEW, kind="model", uuid=living) == (404, "thingNotFound")
    assert uid in await binned(api)
    for bad in ("nothing", str(ids.new())):
        assert await api.refused(RESTORE, uuid=bad) == (404, "itemNotFound")


async def test_who_may_not_remove_a_thing_may_neither_see_nor_restore_it(backend: Backend, api: ApiClient) -> None:
    uid = await api.model("guarded")
    await removed(api, "model", uid)
    rules = [{"effect": "allow", "actions": ["orchestration:*", "storage:read"]}]
    value = (await api.call("workspaceManagement.token.create", name="Weak", permissions=rules))["token"]["token"]
    app = application.build(backend.state)
    async with signed_in(app, value) as http:
        weak = ApiClient(http)
        assert uid not in await binned(weak)
        for name in (RESTORE, REMOVE):
            assert await weak.refused(name, uuid=uid) == (403, "forbidden")
        assert await weak.refused(PREVIEW, kind="model", uuid=uid) == (403, "forbidden")
        assert await weak.call(EMPTY, kinds=["model"]) == {"count": 0}
    assert uid in await binned(api)


async def test_a_preview_says_what_goes_and_how_it_comes_back(api: ApiClient) -> None:
    uid = await api.model("seen")
    await api.add(uid, {"domain": "a.com"}, {"domain": "b.com"})
    preview = await api.call(PREVIEW, kind="model", uuid=uid)
    assert preview["sentence"].startswith('This removes the model "Seen" with 2 records. It can be restored until ')
    assert preview["restore"] in preview["sentence"] and preview["restoreUntil"]
    tool, _ = await api.deployed(GRAPH, "Small")
    assert "with 1 release; of 0 runs" in (await api.call(PREVIEW, kind="tool", uuid=tool["uuid"]))["sentence"]


async def test_records_in_the_bin_count_until_they_are_gone(backend: Backend, api: ApiClient) -> None:
    uid = await api.model("heavy")
    await api.add(uid, *({"domain": f"{number}.com"} for number in range(30)))

    async def part() -> Body | None:
        quotas = (await api.call("workspaceManagement.workspace.getUsage"))["quotas"]
        largest: list[Body] = next(quota["largest"] for quota in quotas if quota["kind"] == "records")
        return next((one for one in largest if one["uuid"] == uid), None)

    await removed(api, "model", uid)
    assert (found := await part()) is not None
    assert (found["name"], found["used"], found["fix"]) == ("Heavy (in the bin)", 30, "cargo-ai workspace bin list")
    await api.call(REMOVE, uuid=uid)
    assert await part() is None and await tables(backend, "heavy") == []
    assert "bin restore" not in await api.refusal_message("storage.model.get", uuid=uid)


async def test_the_chore_removes_what_is_older_than_the_setting_and_nothing_else(backend: Backend, api: ApiClient) -> None:
    old, young = await api.model("old"), await api.model("young")
    for uid in (old, young):
        await removed(api, "model", uid)
    await expire(backend, old)
    assert old not in await binned(api) and await api.refused(RESTORE, uuid=old) == (404, "itemNotFound")

    await bin_chore.remove_expired(backend.state.services)

    assert (await tables(backend, "old"), await tables(backend, "young")) == ([], ["l", "m"])
    assert await rows(backend, "select 1 from bin_items where uuid = :uid", uid=old) == []
    await api.call(RESTORE, uuid=young)


async def test_a_chore_that_is_killed_half_way_has_done_nothing_and_the_next_goes_on(backend: Backend, api: ApiClient) -> None:
    models = [await api.model(f"killed_{number}") for number in range(3)]
    for uid in models:
        await api.add(uid, {"domain": "a.com"})
        await removed(api, "model", uid)
        await expire(backend, uid)
    environment = {**os.environ, **backend.state.settings.environment, "CARGO_AI_CRASH_AT": "before bin commit:2"}
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", CHORE, backend.state.database.url, env=environment, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    left = [number for number in range(3) if await tables(backend, f"killed_{number}") == ["l", "m"]]
    assert len(left) == 2, "the first is gone, the second is whole, the third was not begun"

    await asyncio.gather(bin_chore.remove_expired(backend.state.services), bin_chore.remove_expired(backend.state.services))

    assert [await tables(backend, f"killed_{number}") for number in range(3)] == [[], [], []]
    counted = "select subject, used from quota_totals union all select subject, amount from quota_changes"
    query = f"select coalesce(sum(used), 0) from ({counted}) as counted where subject = any(:models)"
    assert await rows(backend, query, models=models) == [(0,)]


async def test_with_zero_days_a_removal_is_for_ever_at_once(backend: Backend, api: ApiClient) -> None:
    settings = Settings({**backend.state.settings.environment, "CARGO_AI_KEEP_REMOVED_DAYS": "0"})
    state = replace(backend.state, settings=settings)
    app = application.build(state)
    uid = await api.model("brief")
    async with signed_in(app, api.http.headers["authorization"].removeprefix("Bearer ")) as http:
        brief = ApiClient(http)
        assert (await brief.call(PREVIEW, kind="model", uuid=uid))["restoreUntil"] is None
        assert await removed(brief, "model", uid) == {"uuid": uid, "restoreUntil": None, "restore": None}
    assert uid not in await binned(api) and await tables(backend, "brief") == []


async def test_emptying_leaves_other_kinds_and_what_is_beyond_the_first_fifty_to_a_job(backend: Backend, api: ApiClient) -> None:
    model = await api.model("crowded")
    await api.call(EMPTY)
    segments = [await segment(api, model, f"Crowd {number}") for number in range(53)]
    for one in segments:
        await removed(api, "segment", one["uuid"])
    await removed(api, "model", model)

    assert await api.call(EMPTY, kinds=["segment"]) == {"count": 53}

    assert list(await binned(api)) == [model]
    assert await api.refused(RESTORE, uuid=segments[-1]["uuid"]) == (404, "itemNotFound")
    await nothing_is_due(backend)
