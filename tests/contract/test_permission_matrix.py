"""Every operation for every caller who must not get through: without a token, with a removed one, as a viewer, from another workspace.

Generated from the registry: an operation that is added is in it at once, and no cell is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio

from cargo_ai.context.context import Caller
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.server.api import app as application
from cargo_ai.server.api import rest
from cargo_ai.store.session import ALL_WORKSPACES
from tests.contract.things import MARK, things_of, uuid_of
from tests.kit.api_client import ApiClient, request_of
from tests.kit.application import signed_in
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

OPERATIONS = rest.public_operations()
MAX_SHOWN = 20


@dataclass(frozen=True)
class Matrix:
    """Two workspaces: things in the first, and callers who must not reach them."""

    backend: Backend
    app: Any
    things: Mapping[str, str]
    viewer: Caller
    viewer_http: httpx.AsyncClient
    revoked_http: httpx.AsyncClient
    stranger_http: httpx.AsyncClient
    anonymous_http: httpx.AsyncClient

    async def ask(self, http: httpx.AsyncClient, operation: AnyOperation, **headers: str) -> httpx.Response:
        """The response to the smallest request of this operation, about things of the first workspace."""
        verb, path, body = request_of(operation.name, smallest(operation, self.things))
        return await http.request(verb, path, json=body, headers=headers)


def smallest(operation: AnyOperation, things: Mapping[str, str]) -> dict[str, Any]:
    """The fields that an operation needs; its uuids are those of things, by the name of the field or of the operation's noun."""
    schema = operation.request.model_json_schema(by_alias=True)
    noun = operation.name.split(".")[-2] if "." in operation.name else ""
    names = {*schema.get("required", ()), *operation.path_fields}
    properties: dict[str, Any] = schema.get("properties", {})
    optional = {name for name in properties if name.lower().endswith(("uuid", "uuids"))}
    fields = {name: value_of(name, properties.get(name, {}), schema, noun, things) for name in sorted(names | optional)}
    # Where the caller chooses the uuid of what is made, it is no one else's: what is then read by it is the caller's own.
    return fields | ({"uuid": str(ids.new())} if operation.name.endswith(".create") and "uuid" in fields else {})


def value_of(name: str, field: dict[str, Any], schema: dict[str, Any], noun: str, things: Mapping[str, str]) -> Any:
    uid = uuid_of(name, noun, things)
    if name.lower().endswith("uuids"):
        return [uid]
    if name.lower().endswith("uuid") or name == "role":
        return uid
    return plain_value(field, schema, uid)


def plain_value(field: dict[str, Any], schema: dict[str, Any], uid: str) -> Any:
    if "$ref" in field:
        return plain_value(schema["$defs"][field["$ref"].rpartition("/")[2]], schema, uid)
    for choice in cast("list[dict[str, Any]]", field.get("anyOf") or field.get("oneOf") or []):
        return plain_value(choice, schema, uid)
    if "enum" in field or "const" in field:
        return field.get("const", field.get("enum", [None])[0])
    if field.get("type") == "object":
        required = {key: plain_value(field.get("properties", {}).get(key, {}), schema, uid) for key in field.get("required", ())}
        return {key: uid if key.lower().endswith("uuid") else value for key, value in required.items()}
    values: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": []}
    return values.get(field.get("type", ""), "x@example.com")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    with databases.lent() as url:
        async with running_backend(url, tmp_path_factory.mktemp("backend"), CARGO_AI_WRONG_TOKENS_PER_MINUTE="100000") as backend:
            app = application.build(backend.state)
            things = await things_of(backend.admin)
            ann = await backend.admin.call("workspaceManagement.user.create", userEmail=f"ann@{MARK}.example", roleSlug="viewer")
            gone = (await backend.admin.call("workspaceManagement.token.create", name="Gone"))["token"]
            await backend.admin.call("workspaceManagement.token.remove", uuid=gone["uuid"])
            here = ids.parse(backend.workspace)
            user = ids.parse(ann["user"]["uuid"])
            assert here is not None and user is not None
            async with backend.state.database.session(here) as db:
                token = await public.create_token(db, workspace_uuid=here, user_uuid=user, name=MARK)
                await db.commit()
            async with backend.state.database.session(ALL_WORKSPACES) as db:
                viewer = await public.authenticate(db, token.value)
            assert viewer is not None
            async with signed_in(app, token.value) as viewer_http, signed_in(app, gone["token"]) as revoked:
                transport = httpx.ASGITransport(app, raise_app_exceptions=True)
                async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as anonymous:
                    stranger = backend.other_api.http
                    yield Matrix(backend, app, things, viewer, viewer_http, revoked, stranger, anonymous)


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What slows down who tries tokens is tried elsewhere."""
    monkeypatch.setattr("cargo_ai.server.api.dispatch.LONGEST_DELAY", 0.0)


def shown(problems: list[str]) -> str:
    return f"{len(problems)} of {len(OPERATIONS)}:\n" + "\n".join(problems[:MAX_SHOWN])


@pytest.mark.parametrize("caller", ["anonymous", "revoked"])
async def test_no_operation_answers_without_a_token_that_works(matrix: Matrix, caller: str) -> None:
    http = matrix.anonymous_http if caller == "anonymous" else matrix.revoked_http
    problems: list[str] = []
    for operation in OPERATIONS:
        response = await matrix.ask(http, operation)
        if (response.status_code, response.json().get("reason")) != (401, "unauthorized"):
            problems.append(f"{operation.name}: {response.status_code} {response.text[:100]}")
    assert not problems, shown(problems)


async def test_a_viewer_gets_through_exactly_where_viewers_may(matrix: Matrix) -> None:
    problems: list[str] = []
    for operation in OPERATIONS:
        response = await matrix.ask(matrix.viewer_http, operation)
        may = operation.permission is None or matrix.viewer.may(operation.permission)
        refused = response.status_code == 403 and response.json().get("permission") == operation.permission
        if response.status_code >= 500 or (not may and not refused) or (may and operation.permission is not None and refused):
            problems.append(f"{operation.name} ({operation.permission}): {response.status_code} {response.text[:200]}")
    assert not problems, shown(problems)


async def test_no_operation_answers_for_a_workspace_that_is_not_the_tokens(matrix: Matrix) -> None:
    problems: list[str] = []
    for operation in OPERATIONS:
        response = await matrix.ask(matrix.stranger_http, operation, **{"selected-workspace-uuid": matrix.backend.workspace})
        if (response.status_code, response.json().get("reason")) != (403, "forbidden"):
            problems.append(f"{operation.name}: {response.status_code} {response.text[:100]}")
    assert not problems, shown(problems)


async def test_another_workspaces_admin_reads_and_changes_nothing_here_by_its_uuids(matrix: Matrix) -> None:
    before = await contents(matrix.backend.admin)
    problems: list[str] = []
    for operation in OPERATIONS:
        response = await matrix.ask(matrix.stranger_http, operation)
        if response.status_code >= 500 or MARK in response.text or MARK.replace("-", "_") in response.text:
            problems.append(f"{operation.name}: {response.status_code} {response.text[:200]}")
        elif response.status_code == 200 and operation.path_fields:
            named = [uid for uid in matrix.things.values() if uid in response.text]
            if named:
                problems.append(f"{operation.name}: 200 for a thing of another workspace: {response.text[:200]}")
    assert not problems, shown(problems)
    assert await contents(matrix.backend.admin) == before


async def contents(api: ApiClient) -> dict[str, Any]:
    """What the first workspace shows of itself, without times of use."""
    shown = await api.call("getInitialisation")
    for token in shown["tokens"]:
        token["lastUsedAt"] = None
    for user in [shown["user"], *shown["users"]]:
        user["lastSignInAt"] = None
    return shown
