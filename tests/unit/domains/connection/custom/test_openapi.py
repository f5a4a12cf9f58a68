"""Operations of an OpenAPI document as actions: forms, requests as the document describes them, sign-ins, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cargo_ai.domains.connection.accounts import accounts
from cargo_ai.domains.connection.custom import foreign_schema, known
from cargo_ai.domains.connection.custom.foreign_schema import Bounds, Unusable
from cargo_ai.domains.connection.custom.openapi import document, reading
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.measures.linear_time import explain_slowness
from tests.kit.peers.fake_api import Answer
from tests.unit.domains.connection.custom.conftest import Server, graph

CREATE, UPDATE = "connection.customIntegration.create", "connection.customIntegration.update"
KEY = "sk_test_4711_very_secret"

CUSTOMER: Body = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "email": {"type": "string", "nullable": True},
        "parent": {"$ref": "#/components/schemas/customer"},
    },
}
SHOP: Body = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://{region}.shop.example/api", "variables": {"region": {"default": "eu"}}}],
    "security": [{"bearerAuth": []}, {"basicAuth": []}],
    "components": {
        "securitySchemes": {
            "bearerAuth": {"type": "http", "scheme": "bearer"},
            "basicAuth": {"type": "http", "scheme": "basic"},
            "appKey": {"type": "apiKey", "in": "header", "name": "X-App-Key"},
            "userKey": {"type": "apiKey", "in": "query", "name": "user_key"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
            "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
        },
        "schemas": {"customer": CUSTOMER},
        "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}},
    },
    "paths": {
        "/customers": {
            "parameters": [{"$ref": "#/components/parameters/limit"}],
            "get": {
                "operationId": "listCustomers",
                "summary": "List all customers",
                "parameters": [
                    {"name": "created", "in": "query", "style": "deepObject", "explode": True, "schema": {"type": "object"}},
                    {"name": "expand", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "filter", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
                    {"name": "X-Account", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": CUSTOMER}}}}},
            },
            "post": {
                "operationId": "createCustomer",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {"type": "object", "properties": {"email": {"type": "string"}, "metadata": {"type": "object"}}},
                            "encoding": {"metadata": {"style": "deepObject", "explode": True}},
                        }
                    },
                },
                "responses": {"default": {"description": "x"}},
            },
        },
        "/customers/{id}": {
            "put": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/customer"}}}},
                "responses": {"200": {"content": {"text/csv": {}}}},
            },
        },
        "/both": {"get": {"operationId": "both", "security": [{"appKey": [], "userKey": []}], "responses": {}}},
        "/machine": {"get": {"operationId": "machine", "security": [{"oauth": ["read"]}], "responses": {}}},
        "/cookie": {"get": {"operationId": "cookie", "security": [{"cookie": []}], "responses": {}}},
        "/upload": {
            "post": {
                "operationId": "upload",
                "requestBody": {"required": True, "content": {"multipart/form-data": {}}},
                "responses": {},
            }
        },
    },
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look again at once, so that no test has to wait."""
    monkeypatch.setattr(accounts, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(known, "FRESH_SECONDS", 0.0)


async def registered(backend: Backend, server: Server, slug: str, operations: list[str], config: Body | None) -> Body:
    made = await backend.admin.call(CREATE, kind="external", openapi=SHOP, operations=operations, baseUrl=f"{server.url}/api", slug=slug)
    if config is not None:
        await backend.admin.call("connection.connector.create", integrationSlug=slug, slug=slug, name=slug, config=config)
    row: Body = made["customIntegration"]
    return row


async def answer_of(backend: Backend, slug: str, action: str, config: Body) -> Any:
    ended = await backend.run({}, nodes=graph(slug, action, config))
    assert ended["run"]["status"] == "success", ended["run"]["errorMessage"]
    return ended["runContext"]["end"]["answer"]


@pytest.mark.asyncio(loop_scope="module")
async def test_chosen_operations_are_actions_with_forms(backend: Backend, server: Server) -> None:
    operations = ["listCustomers", "createCustomer", "put /customers/{id}"]
    row = await registered(backend, server, "shop", operations, None)
    assert (row["source"], row["name"], row["operations"]) == ("openapi", "Shop", operations)
    shown = (await backend.admin.call("connection.integration.get", slug="shop"))["integration"]
    assert list(shown["actions"]) == ["listCustomers", "createCustomer", "PUT_customers_id"]
    listing, put = shown["actions"]["listCustomers"], shown["actions"]["PUT_customers_id"]
    assert (listing["name"], listing["idempotency"], listing["hint"]) == ("List all customers", "reads", "reads")
    assert listing["config"]["schema"]["properties"]["limit"] == {"type": "integer", "maximum": 100}
    assert listing["output"]["schema"]["items"]["properties"]["email"] == {"type": ["string", "null"]}
    assert (put["idempotency"], shown["actions"]["createCustomer"]["idempotency"]) == ("upsert", "none")
    body = put["config"]["schema"]["properties"]["body"]
    assert body["properties"] == {"email": {"type": ["string", "null"]}, "parent": {}}, "readOnly is left out, and so is the second round"
    assert put["config"]["schema"]["required"] == ["id"]
    ways = shown["connector"]["config"]["schema"]["oneOf"]
    assert [way["properties"]["method"]["const"] for way in ways] == ["bearerAuth", "basicAuth"]


@pytest.mark.asyncio(loop_scope="module")
async def test_requests_are_written_as_the_document_says(backend: Backend, server: Server) -> None:
    await registered(
        backend, server, "written", ["listCustomers", "createCustomer", "PUT /customers/{id}"], {"method": "bearerAuth", "token": KEY}
    )
    server.api.on("GET", "/api/customers", Answer(document=[{"id": KEY}]))
    config = {"limit": 3, "created": {"gte": 5}, "expand": ["a", "b"], "ids": ["1", "2"], "filter": {"x": True}, "X-Account": "acct"}
    assert await answer_of(backend, "written", "listCustomers", config) == [{"id": "***"}]
    (got,) = server.api.sent("GET", "/api/customers")
    expected = {("limit", "3"), ("created[gte]", "5"), ("expand", "a"), ("expand", "b"), ("ids", "1,2"), ("filter", '{"x":true}')}
    assert (set(got.query), got.headers["x-account"], got.headers["authorization"]) == (expected, "acct", f"Bearer {KEY}")
    server.api.on("POST", "/api/customers", {"id": "c1"})
    await answer_of(backend, "written", "createCustomer", {"body": {"email": "a@b.c", "metadata": {"tags": ["x", "y"], "n": 1.0}}})
    (made,) = server.api.sent("POST", "/api/customers")
    assert made.headers["content-type"] == "application/x-www-form-urlencoded"
    assert made.body == b"email=a%40b.c&metadata%5Btags%5D%5B0%5D=x&metadata%5Btags%5D%5B1%5D=y&metadata%5Bn%5D=1"
    server.api.on("PUT", "/api/customers/a%2Fb%20c", Answer(body=b"id,email\n", headers={"content-type": "text/csv"}))
    assert await answer_of(backend, "written", "PUT_customers_id", {"id": "a/b c", "body": {"email": None}}) == "id,email\n"
    ended = await backend.run({}, nodes=graph("written", "listCustomers", {"limit": 500}))
    assert "`limit`" in ended["run"]["errorMessage"]


@pytest.mark.asyncio(loop_scope="module")
async def test_accounts_sign_in_as_the_document_says(backend: Backend, server: Server) -> None:
    await registered(backend, server, "both", ["both"], {"appKey": "app-key-4711", "userKey": "user-key-4711"})
    server.api.on("GET", "/api/both", {"ok": True})
    await answer_of(backend, "both", "both", {})
    (got,) = server.api.sent("GET", "/api/both")
    assert (got.headers["x-app-key"], got.query) == ("app-key-4711", [("user_key", "user-key-4711")])
    server.api.on("POST", "/token", {"access_token": "token-4711", "expires_in": 60})
    await registered(backend, server, "machine", ["machine"], {"clientId": "me", "clientSecret": "secret-4711"})
    server.api.on("GET", "/api/machine", {"ok": True})
    await answer_of(backend, "machine", "machine", {})
    assert all(b"scope=read" in asked.body for asked in server.api.sent("POST", "/token"))
    assert server.api.sent("GET", "/api/machine")[0].headers["authorization"] == "Bearer token-4711"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_document_behind_a_url_is_read_again_by_an_update(backend: Backend, server: Server) -> None:
    shop = copy.deepcopy(SHOP)
    shop["servers"] = [{"url": "/api"}]
    server.api.on("GET", "/openapi.json", shop)
    made = await backend.admin.call(CREATE, kind="external", openapi=f"{server.url}/openapi.json", operations="both", slug="again")
    row = made["customIntegration"]
    assert (row["baseUrl"], row["documentUrl"], row["operations"]) == (f"{server.url}/api", f"{server.url}/openapi.json", ["both"])
    del shop["paths"]["/both"]
    status, body = await backend.admin.refusal(UPDATE, uuid=row["uuid"])
    assert (status, body["reason"]) == (400, "invalidOpenapi")
    await backend.admin.call(UPDATE, uuid=row["uuid"], operations=["machine"])
    assert list((await backend.admin.call("connection.integration.get", slug="again"))["integration"]["actions"]) == ["machine"]
    server.api.on("GET", "/openapi.json", Answer(404))
    assert await backend.admin.refused(UPDATE, uuid=row["uuid"]) == (502, "failedToGetManifest")
    server.api.on("GET", "/openapi.json", Answer(body=b"openapi: 3.0.0"))
    assert "yq -o json" in await backend.admin.refusal_message(UPDATE, uuid=row["uuid"])
    kept = (await backend.admin.call(CREATE, kind="external", openapi=SHOP, operations=["both"], slug="kept"))["customIntegration"]
    assert kept["baseUrl"] == "https://eu.shop.example/api"
    assert await backend.admin.refused(UPDATE, uuid=kept["uuid"]) == (400, "invalidInput")


def changed(path: list[str], value: Any) -> Body:
    shop = copy.deepcopy(SHOP)
    place = shop
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return shop


GET = ["paths", "/customers", "get"]
REFUSED: dict[str, tuple[Body, list[str] | None, str]] = {
    "swagger": ({"swagger": "2.0", "paths": {}}, ["a"], "/swagger"),
    "version": (changed(["openapi"], "4.0.0"), ["both"], "/openapi"),
    "no paths": (changed(["paths"], []), ["both"], "/paths"),
    "nothing chosen": (SHOP, None, "listCustomers, createCustomer"),
    "unknown": (SHOP, ["listCustomer"], "did you mean listCustomers"),
    "cookie": (SHOP, ["cookie"], "/paths/~1cookie/get/security"),
    "upload": (SHOP, ["upload"], "/paths/~1upload/post/requestBody/content"),
    "foreign": (
        changed([*GET, "parameters"], [{"$ref": "other.json#/x"}]),
        ["listCustomers"],
        "/paths/~1customers/get/parameters/0: refers to another",
    ),
    "lost": (changed([*GET, "parameters"], [{"$ref": "#/nowhere"}]), ["listCustomers"], "which is not there"),
    "type": (
        changed([*GET, "parameters"], [{"name": "a", "in": "query", "schema": {"items": {"type": "text"}}}]),
        ["listCustomers"],
        "/paths/~1customers/get/parameters/0/schema/items/type",
    ),
    "servers": (changed(["servers"], []), ["both"], "/servers"),
    "path": (changed(["paths", "/customers/{id}", "put", "parameters"], []), ["PUT /customers/{id}"], "no parameter id"),
    "own server": (changed([*GET, "servers"], [{"url": "https://elsewhere.example"}]), ["listCustomers"], "/paths/~1customers/get/servers"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_document_that_cannot_be_used_is_refused_with_the_place(kind: str) -> None:
    shop, names, said = REFUSED[kind]
    with pytest.raises(Unusable) as refused:
        checked = document.require_usable(shop)
        chosen = document.choose(checked, names)
        reading.read(checked, chosen, document.base_url(checked, chosen, None))
    assert said in str(refused.value)


def test_schemas_that_contain_themselves_or_explode_stay_small() -> None:
    schemas: Body = {"tree": {"type": "object", "properties": {"left": {"$ref": "#/s/tree"}, "right": {"$ref": "#/s/tree"}}}}
    for number in range(20):
        schemas[f"n{number}"] = {"properties": {side: {"$ref": f"#/s/n{number + 1}"} for side in ("a", "b", "c")}}
    schemas["n20"] = {"type": "string"}
    tree = foreign_schema.plain({"$ref": "#/s/tree"}, {"s": schemas}, "")
    assert tree == {"type": "object", "properties": {"left": {}, "right": {}}}
    wide = foreign_schema.plain({"$ref": "#/s/n0"}, {"s": schemas}, "", Bounds(parts=100))
    assert str(wide).count("properties") <= 100
    deep: Body = {}
    for _ in range(50_000):
        deep = {"items": deep}
    assert len(str(foreign_schema.plain(deep, {}, ""))) < 1_000


def test_patterns_that_would_take_long_are_left_out_and_those_that_stay_are_fast() -> None:
    assert foreign_schema.plain({"pattern": "^(?=a)b"}, {}, "") == {}
    validator = foreign_schema.validator(foreign_schema.plain({"pattern": "^(a+)+$"}, {}, ""), "")
    assert not validator.is_valid("a" * 50_000 + "!")


def test_a_document_is_read_in_linear_time() -> None:
    def make(count: int) -> Body:
        return {"paths": {f"/p{number}": {"get": {"operationId": f"o{number}", "responses": {}}} for number in range(count)}}

    def read(made: Body) -> None:
        document.choose(made, ["o1"])

    assert explain_slowness((read, make, 2_000)) is None
