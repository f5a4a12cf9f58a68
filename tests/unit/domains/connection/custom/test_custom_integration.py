"""Custom integrations by the protocol: registered, listed, called by runs, changed and removed, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import threading
from datetime import timedelta
from typing import Any

import pytest

from cargo_ai.domains.connection.accounts import accounts
from cargo_ai.domains.connection.custom import announced, known, refresh
from cargo_ai.integrations.kit import integrations
from cargo_ai.integrations.kit.integration import Integrations
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.peers.fake_api import Answer, Hangup, Request
from tests.unit.domains.connection.custom.conftest import KEY, MANIFEST, Server, graph, registered

pytestmark = pytest.mark.asyncio(loop_scope="module")
CREATE, UPDATE = "connection.customIntegration.create", "connection.customIntegration.update"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look again at once, so that no test has to wait."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(known, "FRESH_SECONDS", 0.0)


async def run(backend: Backend, nodes: list[Body], **data: Any) -> Body:
    return await backend.run({"article": "A1", **data}, nodes=nodes)


def error(ended: Body) -> str:
    assert ended["run"]["status"] == "error", ended
    return str(ended["run"]["errorMessage"])


async def found(backend: Backend, slug: str) -> Body:
    listed: list[Body] = (await backend.admin.call("connection.customIntegration.list"))["customIntegrations"]
    return next(one for one in listed if one["slug"] == slug)


async def test_a_registered_server_is_an_integration_of_its_workspace_alone(backend: Backend, server: Server) -> None:
    made = (await backend.admin.call(CREATE, kind="external", baseUrl=f"{server.url}/"))["customIntegration"]
    assert (made["slug"], made["baseUrl"], made["kind"], made["source"]) == ("warehouse", server.url, "external", "protocol")
    assert (await backend.admin.call("connection.customIntegration.get", uuid=made["uuid"]))["connector"] == made
    assert made in (await backend.admin.call("connection.customIntegration.list"))["customIntegrations"]
    shown = (await backend.admin.call("connection.integration.get", slug="warehouse"))["integration"]
    assert (shown["category"], shown["name"]) == ("custom", "Warehouse")
    assert shown["connector"]["config"]["schema"]["properties"]["apiKey"] == {"type": "string", "writeOnly": True}
    assert shown["actions"]["countStock"]["config"]["schema"]["properties"]["article"] == {}
    listed = await backend.admin.call("orchestration.action.list", query="count stock")
    assert listed["results"][0]["action"]["integrationSlug"] == "warehouse"
    other = backend.other_api
    assert (await other.call("connection.customIntegration.list"))["customIntegrations"] == []
    assert await other.refused("connection.customIntegration.get", uuid=made["uuid"]) == (404, "customIntegrationNotFound")
    assert await other.refused(UPDATE, uuid=made["uuid"]) == (404, "customIntegrationNotFound")
    assert await other.refused("connection.customIntegration.remove", uuid=made["uuid"]) == (404, "customIntegrationNotFound")
    assert await other.refused("connection.integration.get", slug="warehouse") == (404, "integrationNotFound")
    listed_there = (await other.call("connection.integration.list"))["integrations"]
    assert "warehouse" not in [one["slug"] for one in listed_there]
    nodes = graph("warehouse")
    assert (await other.call("orchestration.node.validate", nodes=nodes))["outcome"] == "notValid"
    await backend.admin.call("connection.customIntegration.remove", uuid=made["uuid"])
    assert await backend.admin.refused("connection.integration.get", slug="warehouse") == (404, "integrationNotFound")


async def test_a_run_calls_the_server_with_the_account_opened_and_the_key_of_the_execution(backend: Backend, server: Server) -> None:
    connector = await registered(backend, server, "stock", secrets={"signing": "a-secret-of-16-or-more"})
    server.execute({"outcome": "executed", "data": {"count": 3, "echo": KEY}, "title": "3 left"})
    ended = await run(backend, graph("stock"))
    assert ended["run"]["status"] == "success", ended
    (asked,) = server.executed()
    assert asked["config"] == {"article": "A1"}
    assert asked["connector"] == {"uuid": connector, "workspaceUuid": backend.workspace, "config": {"apiKey": KEY, "region": "north"}}
    assert asked["execution"]["runUuid"] == ended["run"]["uuid"]
    assert asked["execution"]["idempotencyKey"].startswith(f"{ended['run']['uuid']}:act")
    assert ended["runContext"]["end"]["answer"] == {"count": 3, "echo": "***"}
    (request,) = server.api.sent("POST", "/actions/countStock/execute")
    signed = request.headers["x-cargo-timestamp"].encode() + b"." + request.body
    assert request.headers["x-cargo-signature"] == hmac.new(b"a-secret-of-16-or-more", signed, hashlib.sha256).hexdigest()
    shown = (await backend.admin.call("connection.connector.get", uuid=connector))["connector"]["config"]
    assert shown == {"apiKey": "***", "region": "north"}


async def test_a_worker_does_not_miss_what_was_made_a_moment_ago(backend: Backend, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "FRESH_SECONDS", 3_600.0)
    await registered(backend, server, "earlier")
    server.execute({"outcome": "executed", "data": 1})
    assert (await run(backend, graph("earlier")))["runContext"]["end"]["answer"] == 1
    await registered(backend, server, "later")
    assert (await run(backend, graph("later")))["runContext"]["end"]["answer"] == 1
    server.announce(actions={**MANIFEST["actions"], "restock": MANIFEST["actions"]["countStock"] | {"name": "Restock"}})
    server.execute({"outcome": "executed", "data": "full"}, slug="restock")
    await backend.admin.call(UPDATE, uuid=(await found(backend, "later"))["uuid"])
    assert (await run(backend, graph("later", "restock")))["runContext"]["end"]["answer"] == "full"


async def test_every_outcome_of_the_protocol(backend: Backend, server: Server) -> None:
    await registered(backend, server, "outcomes")
    nodes = graph("outcomes")
    server.execute(
        {"outcome": "executing"},
        {"outcome": "moreToExecute", "meta": {"page": 2}, "data": [1], "sleepMilliseconds": 1},
        {"outcome": "waiting", "timeoutMilliseconds": 5, "meta": {"page": 3}},
        {"outcome": "executed"},
    )
    ended = await run(backend, nodes)
    assert ended["runContext"]["end"]["answer"] == [1]
    assert [asked.get("meta") for asked in server.executed()] == [None, None, {"page": 2}, {"page": 3}]
    server.execute({"outcome": "error", "errorMessage": f"No such article ({KEY}).", "reason": "notFound"})
    assert error(await run(backend, nodes)).endswith("No such article (***).")
    server.execute({"outcome": "dancing"})
    assert 'an outcome that the protocol does not have: "dancing"' in error(await run(backend, nodes))
    retried = graph("outcomes", retry={"maximumAttempts": 2, "initialInterval": 1})
    server.execute(Answer(503, {"message": "busy"}), {"outcome": "executed", "data": "later"})
    assert (await run(backend, retried))["runContext"]["end"]["answer"] == "later"
    patient = {"outcome": "error", "isTransient": True, "retryAfterMilliseconds": 1}
    server.execute(patient, patient, Hangup(), {"outcome": "executed", "data": "late"})
    assert (await run(backend, retried))["runContext"]["end"]["answer"] == "late", "who asks to wait uses up no attempt"
    server.execute(Answer(429, {"message": "slow down"}, headers={"Retry-After": "0"}), {"outcome": "executed", "data": "ok"})
    assert (await run(backend, nodes))["runContext"]["end"]["answer"] == "ok"


async def test_an_action_with_children_chooses_one(backend: Backend, server: Server) -> None:
    await registered(backend, server, "choosing")
    nodes = graph("choosing", "choose", {"x": 1})
    nodes[1]["childrenUuids"] = ["end", "other"]
    nodes.append({**nodes[2], "uuid": "other", "slug": "other"})
    server.execute({"outcome": "executed", "childIndex": 1}, slug="choose")
    ended = await run(backend, nodes)
    assert "other" in ended["runContext"] and "end" not in ended["runContext"]
    server.execute({"outcome": "executed", "childIndex": 7}, slug="choose")
    assert "chose the way 7" in error(await run(backend, nodes))


async def test_a_config_that_does_not_fit_the_manifest_is_not_sent(backend: Backend, server: Server) -> None:
    await registered(backend, server, "checked")
    assert "`depth`" in error(await run(backend, graph("checked", config={"article": "A", "depth": "{{nodes.start.depth}}"}), depth=9))
    assert "required" in error(await run(backend, graph("checked", config={"depth": 1})))
    assert server.executed() == []


LIES: dict[str, tuple[Answer | Hangup, str]] = {
    "html": (Answer(body=b"<html>hello</html>", headers={"content-type": "text/html"}), "something that is not JSON"),
    "text": (Answer(document="hello"), "without a JSON object"),
    "large": (Answer(body=b"{" + b" " * 5_000_000), "larger than 4 MB"),
    "cut": (Answer(document={"outcome": "executed"}, cut=True), "broke"),
    "hangup": (Hangup(), "broke"),
    "missing": (Answer(404), "answered 404"),
}


@pytest.mark.parametrize("kind", LIES)
async def test_a_server_that_lies_or_dies_gives_a_sentence(backend: Backend, server: Server, kind: str) -> None:
    answer, said = LIES[kind]
    await registered(backend, server, kind)
    server.execute(answer)
    assert said in error(await run(backend, graph(kind)))
    server.api.on("GET", "/manifest", answer)
    status, body = await backend.admin.refusal(CREATE, kind="external", baseUrl=server.url, slug=f"{kind}_again")
    assert (status, body["reason"]) == (502, "failedToGetManifest")
    assert said in body["errorMessage"] and "Nothing was changed" in body["errorMessage"]


async def test_a_server_that_hangs_is_given_up(backend: Backend, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced, "SECONDS", 0.1)
    hold = threading.Event()
    server.api.on("GET", "/manifest", Answer(document={}, hold=hold))
    said = await backend.admin.refusal_message(CREATE, kind="external", baseUrl=server.url, slug="hanging")
    hold.set()
    assert "did not answer within 0.1 seconds" in said


def with_form(schema: Body) -> Body:
    return {"actions": {"a": {"name": "A", "config": {"jsonSchema": schema}}}}


LARGE: Body = {
    "definitions": {"large": {"properties": {f"p{number}": {"description": "x" * 900} for number in range(100)}}},
    "actions": {f"a{number}": {"name": "A", "config": {"jsonSchema": {"$ref": "#/definitions/large"}}} for number in range(50)},
}
ITSELF = {"properties": {"x": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"$ref": "#/definitions/x"}}}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"actions": {"a b": {"name": "A"}}}, "/actions/a b"),
        ({"actions": {"a": {"description": "no name"}}}, "/actions/a/name"),
        (with_form({"properties": {"x": {"type": "text"}}}), "/actions/a/config/jsonSchema/properties/x/type"),
        (with_form({"$ref": "http://127.0.0.1/x"}), "/actions/a/config/jsonSchema"),
        ({"connector": {"config": {"jsonSchema": ITSELF}}}, "refers to itself"),
        (LARGE, "with its references followed"),
        ({"connector": {"rateLimit": {"unit": "week", "max": 1}}}, "/connector/rateLimit/unit"),
    ],
)
async def test_a_bad_manifest_is_refused_with_the_place_of_the_fault(backend: Backend, server: Server, changes: Body, pointer: str) -> None:
    server.announce(**changes)
    status, body = await backend.admin.refusal(CREATE, kind="external", baseUrl=server.url, slug="bad")
    assert (status, body["reason"]) == (400, "invalidManifest")
    assert pointer in body["errorMessage"]


async def test_going_through_all_integrations_imports_none_on_the_event_loop(
    backend: Backend, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing: list[int] = []
    load, total = Integrations.load, len(integrations())

    def noted(all_of_them: Integrations) -> None:
        if len(all_of_them.loaded) < total:
            importing.append(threading.get_ident())
        load(all_of_them)

    async def status_in_a_new_process(operation: str, **fields: Any) -> int:
        integrations.cache_clear()
        return (await backend.admin.send(operation, **fields)).status_code

    monkeypatch.setattr(Integrations, "load", noted)
    assert await status_in_a_new_process("connection.integration.list") == 200
    assert await status_in_a_new_process("orchestration.action.list") == 200
    assert await status_in_a_new_process(CREATE, kind="external", baseUrl=server.url, slug="hubspot") == 409
    assert len(importing) == 3 and threading.get_ident() not in importing


async def test_what_cannot_be_registered_says_why(backend: Backend, server: Server) -> None:
    create = backend.admin.refused
    assert await create(CREATE, kind="worker", workerUuid="w") == (404, "workerNotFound")
    assert await create(CREATE, kind="external") == (400, "invalidInput")
    assert await create(CREATE, kind="external", baseUrl="ftp://x") == (400, "invalidInput")
    assert await create(CREATE, kind="external", baseUrl="http://127.0.0.1:9") == (502, "failedToGetManifest")
    assert "169.254.169.254" in await backend.admin.refusal_message(CREATE, kind="external", baseUrl="http://169.254.169.254")
    for slug in ("hubspot", "hubSpot"):
        assert await create(CREATE, kind="external", baseUrl=server.url, slug=slug) == (409, "slugIsReserved")
    deep = "[" * 5_000 + "]" * 5_000
    server.api.on("GET", "/manifest", Answer(body=b'{"name": "Deep", "actions": {}, "x": ' + deep.encode() + b"}"))
    assert (await create(CREATE, kind="external", baseUrl=server.url))[0] in (400, 502)
    server.announce(name="HubSpot")
    assert await create(CREATE, kind="external", baseUrl=server.url) == (409, "slugIsReserved")
    await backend.admin.call(CREATE, kind="external", baseUrl=server.url, slug="twice")
    assert await create(CREATE, kind="external", baseUrl=server.url, slug="twice") == (409, "duplicateSlug")


async def test_an_update_reads_the_manifest_again_and_runs_take_it_over(backend: Backend, server: Server) -> None:
    await registered(backend, server, "moving")
    row = await found(backend, "moving")
    server.execute({"outcome": "executed", "data": 1})
    assert (await run(backend, graph("moving")))["run"]["status"] == "success"
    server.announce(actions={"weigh": MANIFEST["actions"]["countStock"]})
    assert (await run(backend, graph("moving")))["run"]["status"] == "success", "what was announced before holds"
    asked = threading.Event()

    def wait(_request: Request) -> Answer:
        asked.set()
        return Answer(document={"outcome": "waiting", "timeoutMilliseconds": 1000})

    server.execute(wait)
    under_way = await backend.admin.call("orchestration.run.create", data={"article": "A1"}, nodes=graph("moving"))
    assert await asyncio.to_thread(asked.wait, 20)
    await backend.admin.call(UPDATE, uuid=row["uuid"])
    ended = await backend.ended("runs", under_way["run"]["uuid"])
    assert "Warehouse has no action countStock; it has: weigh." in error(ended)
    server.announce(actions="none")
    assert await backend.admin.refused(UPDATE, uuid=row["uuid"]) == (400, "invalidManifest")
    assert (await backend.admin.call("connection.integration.get", slug="moving"))["integration"]["actions"].keys() == {"weigh"}
    assert await backend.admin.refused(UPDATE, uuid=row["uuid"], workerUuid="w") == (400, "customIntegrationNotWorker")


async def test_manifests_are_read_again_now_and_then(backend: Backend, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "EVERY", timedelta(0))
    await backend.admin.call(CREATE, kind="external", baseUrl=server.url, slug="rereading")
    server.announce(actions={"weigh": MANIFEST["actions"]["countStock"]})
    await refresh.refresh(backend.state.services)
    row = await found(backend, "rereading")
    shown = (await backend.admin.call("connection.integration.get", slug="rereading"))["integration"]
    assert row["problem"] is None and list(shown["actions"]) == ["weigh"]
    server.announce(actions="none")
    await refresh.refresh(backend.state.services)
    problem = (await found(backend, "rereading"))["problem"]
    assert "/actions" in problem and "What was announced before holds." in problem
    shown = (await backend.admin.call("connection.integration.get", slug="rereading"))["integration"]
    assert list(shown["actions"]) == ["weigh"]


async def test_a_list_of_the_server_fills_a_model(backend: Backend, server: Server) -> None:
    server.announce(extractors={"articles": {"name": "Articles", "description": "All.", "config": {"jsonSchema": {"required": ["shelf"]}}}})
    connector = await registered(backend, server, "lists")
    columns = [{"slug": "id", "type": "string", "label": "Id"}, {"slug": "count", "type": "number", "label": "Count"}]

    def page(request: Request) -> Answer:
        meta: Body = request.json.get("meta") or {}
        start = int(meta.get("start", 0))
        records = (
            [] if request.json["isDryFetch"] else [{"action": "upsert", "override": False, "record": {"id": f"a{start}", "count": start}}]
        )
        data = {"kind": "records", "records": records, "hasMore": start < 2, "meta": {"start": start + 1}}
        return Answer(document={"outcome": "fetched", "columns": columns, "idColumnSlug": "id", "data": data})

    server.api.on("POST", "/model/fetch", page)
    datasets: list[Body] = (await backend.admin.call("storage.dataset.all"))["datasets"]
    dataset = next(one["uuid"] for one in datasets if one["connectorUuid"] == connector)
    new: Body = {"slug": "articles", "name": "Articles", "datasetUuid": dataset, "extractorSlug": "articles"}
    assert "shelf" in await backend.admin.refusal_message("storage.model.create", **new, config={})
    model = str((await backend.admin.call("storage.model.create", **new, config={"shelf": 1}))["model"]["uuid"])
    synced = (await backend.admin.call("storage.run.list", modelUuid=model))["runs"][0]["uuid"]
    for _ in range(200):
        state = (await backend.admin.call("storage.run.get", uuid=synced))["run"]
        if state["finishedAt"] is not None:
            break
        await asyncio.sleep(0.05)
    assert [record["count"] for record in await backend.admin.records(model)] == [0, 1, 2]


async def test_secrets_stay_with_the_host_that_they_were_entered_for(backend: Backend, server: Server) -> None:
    connector = await registered(backend, server, "faithful")
    row = await found(backend, "faithful")
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(announced, "of_server", _announcing(row, elsewhere))
        assert await backend.admin.refused(UPDATE, uuid=row["uuid"], baseUrl=elsewhere) == (409, "connectorsHoldSecrets")
        assert await backend.admin.refused("connection.customIntegration.remove", uuid=row["uuid"]) == (409, "customIntegrationIsUsed")
        await backend.admin.call("connection.connector.remove", uuid=connector)
        assert await backend.admin.refused(UPDATE, uuid=row["uuid"], baseUrl=elsewhere) == (409, "connectorsHoldSecrets"), (
            "it can be restored"
        )
    await backend.admin.call("connection.customIntegration.remove", uuid=row["uuid"])
    assert await backend.admin.refused(CREATE, kind="external", baseUrl=server.url, slug="faithful") == (409, "duplicateSlug")


def _announcing(row: Body, url: str) -> Any:
    async def of_server(*_: object) -> announced.Announced:
        return announced.Announced(row["name"], url, {**MANIFEST})

    return of_server


async def test_an_account_is_proved_by_the_server(backend: Backend, server: Server) -> None:
    await backend.admin.call(CREATE, kind="external", baseUrl=server.url, slug="proving")
    connector: Body = {"integrationSlug": "proving", "slug": "proving", "name": "P", "config": {"apiKey": KEY}}
    server.api.on("POST", "/authenticate", {"outcome": "error", "reason": "unauthenticated", "errorMessage": f"The key {KEY} is unknown"})
    status, body = await backend.admin.refusal("connection.connector.create", **connector)
    assert (status, body["reason"]) == (400, "verificationFailed")
    assert "Warehouse does not accept this account: The key *** is unknown." in body["errorMessage"]
    assert await backend.admin.refused("connection.connector.create", **{**connector, "config": {}}) == (400, "invalidInput")
    server.api.on("POST", "/authenticate", {"outcome": "success"})
    await backend.admin.call("connection.connector.create", **connector)


async def test_forms_ask_the_server_for_choices_and_schemas(backend: Backend, server: Server) -> None:
    connector = await registered(backend, server, "forms")
    server.api.on("POST", "/autocomplete", {"results": [{"label": "One", "value": 1, "description": KEY}]})
    choices = await backend.admin.call(
        "connection.connector.autocomplete", connectorUuid=connector, slug="articles", params={"region": "n"}, value="o"
    )
    assert choices["results"] == [{"label": "One", "value": "1", "description": "***"}]
    (asked,) = server.api.sent("POST", "/autocomplete")
    assert (asked.json["slug"], asked.json["params"], asked.json["value"]) == ("articles", {"region": "n"}, "o")
    server.api.on("POST", "/getDynamicSchema", {"jsonSchema": {"properties": {"a": {"$ref": "#/definitions/expression"}}}, "uiSchema": {}})
    reply = await backend.admin.call("connection.connector.getDynamicSchema", connectorUuid=connector, slug="fields", params={})
    assert reply["schema"] == {"properties": {"a": {}}}
    server.api.on("POST", "/getDynamicSchema", {"jsonSchema": {"$ref": "file:///etc/passwd"}})
    said = await backend.admin.refusal_message(
        "connection.connector.getDynamicSchema", connectorUuid=connector, slug="fields", params={}, refresh=True
    )
    assert "another document" in said


async def test_the_limits_of_the_manifest_hold(backend: Backend, server: Server) -> None:
    server.announce(connector={**MANIFEST["connector"], "rateLimit": {"unit": "day", "max": 2, "strategy": "burst"}})
    await registered(backend, server, "limited")
    server.execute({"outcome": "executed"})
    batch = await backend.start_batch([{"article": str(number)} for number in range(3)], nodes=graph("limited"))
    await backend.idle(batch["uuid"], 1)
    assert len(server.executed()) == 2
