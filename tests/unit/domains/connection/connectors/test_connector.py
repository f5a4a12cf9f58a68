"""Connectors by real requests: their life, their secrets, their limits, and whose they are."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text

from cargo_ai.context.removal import usages
from cargo_ai.contract.connection import connector as contract
from cargo_ai.domains.connection import public
from cargo_ai.domains.connection.tables import Connector, Dataset
from cargo_ai.domains.workspace.public import Bootstrap
from cargo_ai.kernel import ids
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import ApiClient

SECRET = "tok-4711-very-secret"
CONFIG: dict[str, Any] = {
    "baseUrl": "https://api.example.com",
    "headers": {"X-Api-Key": SECRET},
    "auth": {"kind": "bearer", "token": SECRET},
}
HIDDEN = {"baseUrl": "https://api.example.com", "headers": {"X-Api-Key": "***"}, "auth": {"kind": "bearer", "token": "***"}}
KEYS = {
    "uuid", "workspaceUuid", "userUuid", "name", "slug", "rateLimit", "cacheTtlMilliseconds", "integrationSlug", "isDefault",
    "playsCount", "toolsCount", "modelsCount", "createdAt", "updatedAt", "deletedAt", "useCredits", "config",
    "status", "stoppedAt", "disconnectedAt", "disconnectedBecause", "webhookUrl",
}  # fmt: skip


async def test_a_new_connector_comes_with_its_dataset(api: ApiClient, first_workspace: Bootstrap) -> None:
    made = await api.call("connection.connector.create", integrationSlug="http", slug="crm", name="CRM", config=CONFIG)
    connector, dataset = made["connector"], made["dataset"]
    assert set(connector) == KEYS
    assert connector["config"] == HIDDEN
    assert connector["workspaceUuid"] == str(first_workspace.workspace_uuid)
    assert (connector["useCredits"], connector["isDefault"], connector["rateLimit"], connector["deletedAt"]) == (False, False, None, None)
    assert (dataset["kind"], dataset["connectorUuid"], dataset["slug"]) == ("connector", connector["uuid"], "crm")


async def test_a_connector_is_found_by_uuid_by_slug_and_in_lists(api: ApiClient) -> None:
    assert await api.call("connection.connector.existsBySlug", slug="crm") == {"exists": False}
    first, second = await api.connector("crm"), await api.connector("web")
    assert await api.call("connection.connector.existsBySlug", slug="crm") == {"exists": True}
    assert (await api.call("connection.connector.get", uuid=first["uuid"]))["connector"] == first
    assert (await api.call("connection.connector.list"))["connectors"] == [second, first]
    assert len((await api.call("connection.connector.list", integrationSlug="http"))["connectors"]) == 2
    assert (await api.call("connection.connector.list", integrationSlug="hubspot"))["connectors"] == []


async def test_no_reply_and_no_row_shows_a_secret(api: ApiClient, state: State) -> None:
    connector = await api.connector(config=CONFIG)
    for name, fields in (("get", {"uuid": connector["uuid"]}), ("list", {}), ("update", {"uuid": connector["uuid"], "name": "New"})):
        reply = await api.send(f"connection.connector.{name}", **fields)
        assert reply.status_code == 200
        assert SECRET not in reply.text
    async with state.database.session(ALL_WORKSPACES) as db:
        for table in ("connectors", "datasets", "audit_log", "idempotency_keys"):
            rows = (await db.execute(text(f"SELECT t::text FROM {table} t"))).scalars()
            assert all(SECRET not in row for row in rows)


async def test_a_slug_is_taken_once(api: ApiClient) -> None:
    removed = await api.connector("crm")
    assert await api.refused("connection.connector.create", integrationSlug="http", slug="crm", name="X") == (409, "duplicateSlug")
    await api.call("connection.connector.remove", uuid=removed["uuid"])
    await api.connector("crm")


async def test_the_slug_of_the_workspaces_own_dataset_is_taken(api: ApiClient) -> None:
    assert await api.refused("connection.connector.create", integrationSlug="http", slug="default", name="X") == (409, "duplicateSlug")


async def test_an_unknown_integration_is_refused(api: ApiClient) -> None:
    refused = await api.refused("connection.connector.create", integrationSlug="nowhere", slug="x", name="X")
    assert refused == (404, "integrationNotFound")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": " "}, "name"),
        ({"slug": ""}, "slug"),
        ({"slug": "no spaces"}, "slug"),
        ({"slug": "../up"}, "slug"),
        ({"slug": "x" * 51}, "slug"),
        ({"rateLimit": {"unit": "week", "max": 1}}, "rateLimit.unit"),
        ({"rateLimit": {"unit": "day", "max": 0}}, "rateLimit.max"),
        ({"cacheTtlMilliseconds": -1}, "cacheTtlMilliseconds"),
        ({"config": []}, "config"),
        ({"config": {"nonsense": 1}}, "config"),
        ({"config": {"baseUrl": "ftp://x"}}, "config.baseUrl"),
        ({"config": {"baseUrl": f"https://user:{SECRET}@x.example"}}, "config.baseUrl"),
        ({"config": {"baseUrl": f"https://x.example/?key={SECRET}"}}, "config.baseUrl"),
        ({"config": {"headers": {"x": 5}}}, "config.headers.x"),
        ({"config": {"headers": {"x": "***"}}}, "config.headers.x"),
        ({"config": {"auth": {"kind": "bearer"}}}, "config.auth"),
        ({"config": {"auth": {"kind": "bearer", "token": [SECRET]}}}, "config.auth.token"),
        ({"config": {"auth": {"kind": "magic", "value": SECRET}}}, "config.auth.kind"),
        ({"config": {"headers": {str(n): "x" * 1000 for n in range(70)}}}, "config"),
    ],
)
async def test_bad_input_is_refused_by_name_without_repeating_it_and_stores_nothing(
    api: ApiClient, state: State, fields: dict[str, Any], path: str
) -> None:
    given = {"integrationSlug": "http", "slug": "crm", "name": "CRM"} | fields
    reply = await api.send("connection.connector.create", **given)
    assert (reply.status_code, reply.json()["reason"]) == (400, "invalidInput")
    assert reply.json()["errors"][0]["path"] == path
    assert SECRET not in reply.text
    async with state.database.session(ALL_WORKSPACES) as db:
        assert (await db.scalars(select(Connector))).all() == []
        assert [row.slug for row in await db.scalars(select(Dataset))] == ["default"]


async def test_an_update_changes_what_is_given_and_nothing_else(api: ApiClient) -> None:
    made = await api.connector(config=CONFIG, rateLimit={"unit": "minute", "max": 100}, cacheTtlMilliseconds=5000)
    assert made["rateLimit"] == {"unit": "minute", "max": 100, "strategy": "spread"}
    kept = (await api.call("connection.connector.update", uuid=made["uuid"], name="New"))["connector"]
    assert {key for key in KEYS if kept[key] != made[key]} == {"name", "updatedAt"}
    freed = (await api.call("connection.connector.update", uuid=made["uuid"], rateLimit=None, cacheTtlMilliseconds=None))["connector"]
    assert (freed["rateLimit"], freed["cacheTtlMilliseconds"]) == (None, None)


async def opened(state: State, connector: str) -> dict[str, Any]:
    """What is really stored."""
    async with state.database.session(ALL_WORKSPACES) as db:
        sealed = await db.scalar(select(Connector.sealed_config).where(Connector.uuid == ids.parse(connector)))
    assert sealed is not None
    found: dict[str, Any] = json.loads(state.secrets.open(sealed))
    return found


async def test_three_stars_keep_a_secret_and_anything_else_replaces_it(api: ApiClient, state: State) -> None:
    made = await api.connector(config=CONFIG)
    sent = {"baseUrl": CONFIG["baseUrl"], "headers": {"X-Api-Key": "***", "X-New": "new"}, "auth": {"kind": "bearer", "token": "***"}}
    shown = (await api.call("connection.connector.update", uuid=made["uuid"], config=sent))["connector"]["config"]
    assert shown["headers"] == {"X-Api-Key": "***", "X-New": "***"}
    assert await opened(state, made["uuid"]) == CONFIG | {"headers": {"X-Api-Key": SECRET, "X-New": "new"}}


async def test_null_takes_the_config_away(api: ApiClient, state: State) -> None:
    made = await api.connector(config=CONFIG)
    assert (await api.call("connection.connector.update", uuid=made["uuid"], config=None))["connector"]["config"] == {}
    assert await opened(state, made["uuid"]) == {}


async def test_stored_secrets_cannot_be_turned_to_another_base_address(api: ApiClient, state: State) -> None:
    made = await api.connector(config=CONFIG)
    for base in ({"baseUrl": "https://evil.example"}, {}):
        given = {"headers": {"X-Api-Key": "***"}, "auth": {"kind": "bearer", "token": "***"}} | base
        reply = await api.send("connection.connector.update", uuid=made["uuid"], config=given)
        assert reply.status_code == 400
        assert [error["path"] for error in reply.json()["errors"]] == ["config.headers.X-Api-Key", "config.auth.token"]
    assert await opened(state, made["uuid"]) == CONFIG


async def test_one_connector_of_an_integration_is_the_default_one(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    first, second = await api.connector("one"), await api.connector("two")

    async def chosen() -> str:
        async with state.database.session(first_workspace.workspace_uuid) as db:
            return str(await public.default_connector(db, "http"))

    assert await chosen() == first["uuid"]
    for connector in (second, first, second):
        changed = await api.call("connection.connector.update", uuid=connector["uuid"], isDefault=True)
        assert changed["connector"]["isDefault"]
        assert await chosen() == connector["uuid"]
    assert [one["isDefault"] for one in (await api.call("connection.connector.list"))["connectors"]] == [True, False]
    await api.call("connection.connector.remove", uuid=second["uuid"])
    assert await chosen() == first["uuid"]


async def test_a_connector_in_use_stays_and_names_its_users(api: ApiClient, state: State, first_workspace: Bootstrap) -> None:
    made = await api.connector()
    tool, model = ids.new(), ids.new()

    async def use(kind: str, owner: uuid.UUID, *targets: tuple[str, uuid.UUID]) -> None:
        async with state.database.session(first_workspace.workspace_uuid) as db:
            await usages.replace(db, first_workspace.workspace_uuid, kind, owner, targets)
            await db.commit()

    target = ("connector", uuid.UUID(made["uuid"]))
    await use("tool", tool, target)
    await use("model", model, target)
    shown = (await api.call("connection.connector.get", uuid=made["uuid"]))["connector"]
    assert (shown["toolsCount"], shown["playsCount"], shown["modelsCount"]) == (1, 0, 1)
    reply = await api.send("connection.connector.remove", uuid=made["uuid"])
    assert (reply.status_code, reply.json()["reason"]) == (409, "connectorIsUsedInWorkflows")
    assert reply.json()["users"] == [{"kind": "tool", "uuid": str(tool), "name": None}]
    assert str(tool) in reply.json()["errorMessage"]
    await use("tool", tool)
    assert await api.refused("connection.connector.remove", uuid=made["uuid"]) == (409, "connectorIsUsedInModels")
    await use("model", model)
    assert (await api.call("connection.connector.remove", uuid=made["uuid"]))["uuid"] == made["uuid"]


async def test_a_connector_that_was_removed_for_ever_is_gone_with_its_dataset_and_its_secrets(
    api: ApiClient, state: State, first_workspace: Bootstrap
) -> None:
    made = await api.connector(config=CONFIG)
    await api.call("connection.connector.remove", uuid=made["uuid"])
    await api.call("workspaceManagement.bin.remove", uuid=made["uuid"])
    for name in ("get", "remove"):
        assert await api.refused(f"connection.connector.{name}", uuid=made["uuid"]) == (404, "connectorNotFound")
    assert (await api.call("connection.connector.list"))["connectors"] == []
    assert await api.call("connection.connector.existsBySlug", slug="crm") == {"exists": False}
    async with state.database.session(first_workspace.workspace_uuid) as db:
        row = (await db.scalars(select(Connector))).one()
        assert row.sealed_config is None
        assert not await public.connector_exists(db, row.uuid)
        assert await public.connector_uuids(db) == frozenset()
        living = await db.scalars(select(Dataset.slug).where(Dataset.deleted_at.is_(None)))
        assert list(living) == ["default"]


@pytest.mark.parametrize("connector", ["0198c5f0-0000-7000-8000-000000000001", "no-uuid"])
async def test_an_unknown_connector_is_not_found(api: ApiClient, connector: str) -> None:
    for name in ("get", "update", "remove"):
        assert await api.refused(f"connection.connector.{name}", uuid=connector) == (404, "connectorNotFound")


async def test_a_stranger_meets_nothing_of_it(api: ApiClient, other_api: ApiClient) -> None:
    made = await api.connector(config=CONFIG)
    for name in ("get", "update", "remove"):
        assert await other_api.refused(f"connection.connector.{name}", uuid=made["uuid"]) == (404, "connectorNotFound")
    assert (await other_api.call("connection.connector.list"))["connectors"] == []
    assert await other_api.call("connection.connector.existsBySlug", slug="crm") == {"exists": False}
    await other_api.connector("crm")


async def test_every_workspace_is_born_with_its_own_dataset(state: State, first_workspace: Bootstrap) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        row = (await db.scalars(select(Dataset))).one()
        assert (row.slug, row.kind, row.connector_uuid) == ("default", "native", None)


async def test_integrations_are_listed_and_filtered(api: ApiClient) -> None:
    async def slugs(**fields: Any) -> list[str]:
        return [one["slug"] for one in (await api.call("connection.integration.list", **fields))["integrations"]]

    assert "http" in await slugs()
    assert await slugs(search="HTTP service", category="freeform", hasActions=True, slug="http", slugs=["http", "x"]) == ["http"]
    assert await slugs(hasActions=False) == ["webhook"]
    assert await slugs(hasExtractors=True, slugs=["http", "hubspot"]) == ["hubspot"]
    for nothing in ({"search": "http nowhere"}, {"slug": "hubspot", "category": "freeform"}, {"slug": "nowhere"}):
        assert await slugs(**nothing) == []
    assert (await api.refused("connection.integration.list", category="nonsense"))[0] == 400


async def test_an_integration_shows_its_forms(api: ApiClient) -> None:
    shown = (await api.call("connection.integration.get", slug="http"))["integration"]
    required = "name description slug icon color url category connector actions extractors dynamicSchemas autocompletes"
    assert set(required.split()) <= set(shown)
    assert shown["connector"]["config"]["schema"]["properties"]["headers"]["additionalProperties"]["writeOnly"]
    action = shown["actions"]["request"]
    assert action["config"]["schema"]["required"] == ["url"]
    assert action["output"]["schema"]["required"] == ["status", "headers", "body"]
    action = shown["actions"]["request"]
    assert (action["hint"], action["idempotency"]) == ("writes", "key") and "rowBatch" not in action
    upsert = (await api.call("connection.integration.get", slug="hubspot"))["integration"]["actions"]["upsertRecords"]
    assert (upsert["idempotency"], upsert["rowBatch"]) == ("upsert", {"max": 100})
    assert (await api.refused("connection.integration.get", slug="nowhere")) == (404, "integrationNotFound")


async def test_a_slug_that_is_almost_one_of_an_integration_gives_the_command_with_that_one(api: ApiClient) -> None:
    for name, command in (("get", "get"), ("getDocumentation", "get-documentation")):
        refusals = [await api.refusal(f"connection.integration.{name}", slug=slug) for slug in ("huntr", "nowhere")]
        assert [body["fix"] for _, body in refusals] == [
            f"cargo-ai connection integration {command} hunter",
            "cargo-ai connection integration list",
        ]


async def test_the_documentation_is_plain_text(api: ApiClient) -> None:
    reply = await api.send("connection.integration.getDocumentation", slug="http")
    assert reply.headers["content-type"].startswith("text/plain")
    assert reply.text.startswith("# HTTP\n")
    assert await api.refused("connection.integration.getDocumentation", slug="nowhere") == (404, "integrationNotFound")


async def test_the_native_integration_has_the_built_in_actions_and_no_others(api: ApiClient) -> None:
    actions = (await api.call("connection.nativeIntegration.get"))["nativeIntegration"]["actions"]
    assert {"start", "end", "branch", "filter", "variables", "switch", "split", "delay"} <= set(actions)
    assert not {"http", "hubspot", "request"} & set(actions)
    assert actions["branch"]["childrenCount"] == 2
    assert {"name", "description", "category", "icon", "config", "childrenCount"} <= set(actions["start"])


async def test_openai_is_another_spelling_of_a_slug(api: ApiClient) -> None:
    assert (await api.call("connection.integration.get", slug="openai"))["integration"]["slug"] == "openAi"
    wanted: dict[str, Any] = {"integrationSlug": "openai", "slug": "models", "name": "Models", "config": {}}
    assert contract.CreateConnector.model_validate(wanted).integration_slug == "openAi"
