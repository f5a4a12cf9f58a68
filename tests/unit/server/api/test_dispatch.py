"""Dispatch, by real requests to an application on a real database."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from starlette.applications import Starlette

from cargo_ai.domains.workspace import public
from cargo_ai.domains.workspace.tables import Folder, Membership, Token
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from cargo_ai.server.api import callers
from cargo_ai.server.api.state import State
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.tables import AuditEntry, IdempotencyKey
from tests.unit.server.example_operations import SERVED

PLANTS = "/v1/garden/plants"


async def rows(state: State, table: type[Any]) -> list[Any]:
    async with state.database.session(ALL_WORKSPACES) as db:
        return list((await db.scalars(select(table))).all())


def body(reply: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = reply.json()
    return found


async def test_a_write_replies_with_what_it_made_and_is_committed(example_client: httpx.AsyncClient, state: State) -> None:
    reply = await example_client.post(PLANTS, json={"name": "rose"})
    assert reply.status_code == 200
    assert body(reply)["plant"]["name"] == "rose"
    assert body(reply)["plant"]["note"] is None
    assert len(await rows(state, Folder)) == 1


async def test_every_reply_carries_the_standing_headers(example_client: httpx.AsyncClient) -> None:
    for path in ("/v1/garden/plants/list", "/v1/nothing", "/healthz"):
        reply = await example_client.get(path)
        assert uuid.UUID(reply.headers["x-request-id"])
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_a_sane_request_id_is_kept_and_another_one_replaced(example_client: httpx.AsyncClient) -> None:
    assert (await example_client.get("/healthz", headers={"X-Request-Id": "mine-1"})).headers["x-request-id"] == "mine-1"
    assert (await example_client.get("/healthz", headers={"X-Request-Id": "a b<script>"})).headers["x-request-id"] != "a b<script>"


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc", "Bearer", "Bearer \u00fc"])
async def test_no_token_and_a_bad_token_are_401(example_app: Starlette, first_workspace: public.Bootstrap, header: str | None) -> None:
    headers = {"Authorization": header.encode("latin-1")} if header else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(example_app), base_url="http://test") as anonymous:
        reply = await anonymous.post(PLANTS, content=b"{", headers=headers)  # type: ignore[arg-type]
    assert reply.status_code == 401
    assert body(reply)["reason"] == "unauthorized"
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_removed_token_and_a_narrowed_role_count_within_a_second(
    state: State, example_app: Starlette, first_workspace: public.Bootstrap
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(example_app), base_url="http://test") as client:
        client.headers["Authorization"] = f"Bearer {first_workspace.token}"
        changes = (
            (update(Membership).values(permissions=[]), 200),
            (update(Membership).values(permissions=[{"effect": "deny", "actions": ["garden:write"]}]), 403),
            (update(Token).values(deleted_at=func.now()), 401),
        )
        for change, status in changes:
            assert (await client.get(f"{PLANTS}/list")).status_code == 200
            async with state.database.session(ALL_WORKSPACES) as db:
                await db.execute(change)
                await db.commit()
            # At once when the notification has arrived; a request that comes a second later is right even where it never does.
            changed = sent = clock.seconds()
            while (await client.post(PLANTS, json={"name": "rose"})).status_code != status:
                assert sent < changed + callers.SECONDS
                await asyncio.sleep(0.01)
                sent = clock.seconds()


async def test_the_selected_workspace_may_only_be_the_tokens_own(
    example_client: httpx.AsyncClient, first_workspace: public.Bootstrap
) -> None:
    own = await example_client.get(f"{PLANTS}/list", headers={"selected-workspace-uuid": str(first_workspace.workspace_uuid)})
    assert own.status_code == 200
    sentences: set[str] = set()
    for other in (str(ids.new()), "no uuid"):
        reply = await example_client.get(f"{PLANTS}/list", headers={"selected-workspace-uuid": other})
        assert reply.status_code == 403
        sentences.add(body(reply)["errorMessage"])
    assert len(sentences) == 1


async def test_a_narrow_token_is_reported_which_permission_is_missing(
    state: State, example_app: Starlette, first_workspace: public.Bootstrap
) -> None:
    async with state.database.session(first_workspace.workspace_uuid) as db:
        narrow = [{"effect": "allow", "actions": ["garden:read"]}]
        token = await public.create_token(
            db, workspace_uuid=first_workspace.workspace_uuid, user_uuid=first_workspace.user_uuid, permissions=narrow
        )
        await db.commit()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(example_app), base_url="http://test") as reader:
        reader.headers["Authorization"] = f"Bearer {token.value}"
        assert (await reader.get(f"{PLANTS}/list")).status_code == 200
        reply = await reader.post(PLANTS, json={})
    assert reply.status_code == 403
    assert "garden:write" in body(reply)["errorMessage"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"3", b"null", b'{"name": NaN}', b'{"name": "\xff"}', b'{"name": "\\ud800"}', b'{"a":' * 150 + b"1" + b"}" * 150],
)
async def test_a_body_that_cannot_be_read_is_invalid_input(example_client: httpx.AsyncClient, content: bytes) -> None:
    reply = await example_client.post(PLANTS, content=content)
    assert reply.status_code == 400
    assert body(reply)["reason"] == "invalidInput"


async def test_nesting_is_limited_to_a_hundred_levels(example_client: httpx.AsyncClient) -> None:
    for levels in (101, 5_000):
        reply = await example_client.post(PLANTS, content=b'{"a":' * levels + b"1" + b"}" * levels)
        assert "nested too deeply: at most 100 levels" in body(reply)["errorMessage"]


async def test_the_nul_character_is_refused_with_its_path(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, json={"name": "a\0b"})
    assert body(reply)["errors"] == [{"path": "name", "message": "must not contain the NUL character"}]
    assert (await example_client.get(f"{PLANTS}/a%00b")).status_code == 400
    assert (await example_client.get(f"{PLANTS}/list?names[]=%00")).status_code == 400
    assert (await example_client.post(PLANTS, content=b'{"name": "the escape \\\\u0000"}')).status_code == 200


async def test_of_a_repeated_key_the_last_one_counts(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, content=b'{"name": "first", "name": "last"}')
    assert body(reply)["plant"]["name"] == "last"


async def test_a_body_above_ten_megabytes_is_413_also_when_its_length_is_not_announced(example_client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65536

    assert (await example_client.post(PLANTS, content=b" " * (10 * 1024 * 1024 + 1))).status_code == 413
    reply = await example_client.post(PLANTS, content=endless())
    assert (reply.status_code, body(reply)["reason"]) == (413, "bodyTooLarge")


async def test_a_body_of_more_values_than_anyone_sends_is_413_before_it_is_parsed(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, content=b'{"name": [' + b"{}," * 3_000_000 + b"{}]}")
    assert (reply.status_code, body(reply)["reason"]) == (413, "bodyTooLarge")
    assert "500,000 values" in body(reply)["errorMessage"]


async def test_a_body_whose_last_piece_crosses_the_limit_is_refused_at_once(example_client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b" " * (10 * 1024 * 1024 + 1)

    async with asyncio.timeout(60):
        assert (await example_client.post(PLANTS, content=pieces())).status_code == 413


async def test_what_does_not_validate_lists_every_error_with_its_path(example_client: httpx.AsyncClient, state: State) -> None:
    reply = await example_client.post(PLANTS, json={"pot": {"size": "big"}})
    assert reply.status_code == 400
    assert {error["path"] for error in body(reply)["errors"]} == {"name", "pot.size"}
    assert await rows(state, Folder) == []


async def test_unknown_fields_are_ignored_with_a_warning(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, json={"name": "rose", "pot": {"size": 1, "color": "ré"}, "x": 1})
    assert reply.status_code == 200
    warnings = json.loads(reply.headers["x-cargo-warnings"])
    assert [sentence.split()[1] for sentence in warnings] == ["pot.color", "x"]


async def test_warnings_stay_below_four_kilobytes_and_count_the_rest(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, json={"name": "rose", **{f"é{'x' * 300}{i}": 1 for i in range(50)}})
    header = reply.headers["x-cargo-warnings"]
    warnings = json.loads(header)
    assert header.isascii() and len(header) <= 4096
    assert warnings[-1] == f"{50 - len(warnings) + 1} more"


async def test_a_handlers_warning_arrives_too(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post(PLANTS, json={"name": "talking"})
    assert json.loads(reply.headers["x-cargo-warnings"]) == ["it talks"]


async def test_strict_mode_refuses_unknown_fields(state: State, first_workspace: public.Bootstrap) -> None:
    strict = replace(state, settings=Settings({**state.settings.environment, "CARGO_AI_STRICT": "1"}))
    transport = httpx.ASGITransport(application.build(strict, SERVED))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {first_workspace.token}"}
    ) as client:
        reply = await client.post(PLANTS, json={"name": "rose", "colour": "red"})
    assert reply.status_code == 400
    assert body(reply)["errorMessage"] == "unrecognized_keys: colour"
    assert await rows(state, Folder) == []


async def test_query_strings_are_typed_and_bracketed(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get(f"{PLANTS}/list?names[]=a&names[]=b&limit=3&tall=true&filter[size][0]=1")
    assert body(reply)["asked"] == {"names": ["a", "b"], "limit": 3, "tall": True, "filter": {"size": ["1"]}}
    for asked, names in (("names=a", ["a"]), ("names=a,b&names=c", ["a", "b", "c"]), ("names[]=a,b", ["a,b"])):
        assert body(await example_client.get(f"{PLANTS}/list?{asked}"))["asked"]["names"] == names


async def test_a_refusal_leaves_nothing_behind(example_client: httpx.AsyncClient, state: State) -> None:
    reply = await example_client.post(PLANTS, json={"name": "weed"})
    assert (reply.status_code, body(reply)["reason"], body(reply)["errorMessage"]) == (409, "nameTaken", "A weed grows here already.")
    assert body(reply)["requestId"] == reply.headers["x-request-id"]
    assert await rows(state, Folder) == []
    assert await rows(state, AuditEntry) == []


async def test_static_paths_win_over_fields_and_verbs_share_a_path(example_client: httpx.AsyncClient) -> None:
    assert "plants" in body(await example_client.get(f"{PLANTS}/list"))
    reply = await example_client.get(f"{PLANTS}/nothing")
    assert (reply.status_code, body(reply)["reason"]) == (404, "plantNotFound")
    assert (await example_client.delete(f"{PLANTS}/nothing")).status_code == 200


async def test_an_unknown_route_and_a_wrong_verb_are_json(example_client: httpx.AsyncClient) -> None:
    lost = await example_client.get("/v1/nowhere")
    assert (lost.status_code, body(lost)["reason"]) == (404, "routeNotFound")
    hosted = body(await example_client.get("/v1/hosting/apps/list"))["errorMessage"]
    assert "this server has not" in hosted and "custom integration" in hosted
    wrong = await example_client.patch(f"{PLANTS}/x")
    assert (wrong.status_code, body(wrong)["reason"]) == (405, "methodNotAllowed")
    assert {verb.strip() for verb in wrong.headers["allow"].split(",")} == {"GET", "HEAD", "DELETE"}


async def test_plain_text_operations_reply_with_text(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.get("/v1/garden/book")
    assert (reply.text, reply.headers["content-type"]) == ("Once upon a time\n", "text/plain; charset=utf-8")


async def test_a_write_is_audited_with_its_target_and_a_read_is_not(
    example_client: httpx.AsyncClient, state: State, first_workspace: public.Bootstrap
) -> None:
    made = await example_client.post(PLANTS, json={"name": "rose"})
    gone = str(ids.new())
    await example_client.delete(f"{PLANTS}/{gone}")
    await example_client.get(f"{PLANTS}/list")
    audit = [(row.operation, str(row.target_uuid), row.request_id, row.user_uuid) for row in await rows(state, AuditEntry)]
    assert audit[0] == ("garden.plant.create", body(made)["plant"]["uuid"], made.headers["x-request-id"], first_workspace.user_uuid)
    assert [entry[:2] for entry in audit[1:]] == [("garden.plant.remove", gone)]


async def test_the_same_idempotency_key_gets_the_first_reply_again(example_client: httpx.AsyncClient, state: State) -> None:
    first = await example_client.post(PLANTS, json={"name": "rose", "pot": {"size": 1}}, headers={"Idempotency-Key": "k"})
    again = await example_client.post(PLANTS, content=b'{"pot": {"size": 1}, "name": "rose"}', headers={"Idempotency-Key": "k"})
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await rows(state, Folder)) == 1


async def test_stored_replies_are_sealed(example_client: httpx.AsyncClient, state: State) -> None:
    reply = await example_client.post(PLANTS, json={"name": "rose"}, headers={"Idempotency-Key": "k"})
    (kept,) = await rows(state, IdempotencyKey)
    assert b"rose" not in kept.reply
    assert state.secrets.open(kept.reply) == reply.content


async def test_another_request_under_the_same_key_is_a_409(example_client: httpx.AsyncClient) -> None:
    await example_client.post(PLANTS, json={"name": "rose"}, headers={"Idempotency-Key": "k"})
    other = await example_client.post(PLANTS, json={"name": "tulip"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, body(other)["reason"]) == (409, "idempotencyKeyReused")
    elsewhere = await example_client.post("/v1/garden/break", json={"how": "not"}, headers={"Idempotency-Key": "k"})
    assert elsewhere.status_code == 409


async def test_concurrent_requests_under_one_key_act_once(example_client: httpx.AsyncClient, state: State) -> None:
    sent = [example_client.post(PLANTS, json={"name": "rose"}, headers={"Idempotency-Key": "k"}) for _ in range(12)]
    replies = await asyncio.gather(*sent)
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert len(await rows(state, Folder)) == 1


async def test_a_refused_request_frees_its_key(example_client: httpx.AsyncClient, state: State) -> None:
    for _ in range(2):
        reply = await example_client.post(PLANTS, json={"name": "weed"}, headers={"Idempotency-Key": "k"})
        assert reply.status_code == 409
        assert body(reply)["reason"] == "nameTaken"
    assert await rows(state, IdempotencyKey) == []


async def test_a_key_is_forgotten_after_a_day(example_client: httpx.AsyncClient, state: State) -> None:
    await example_client.post(PLANTS, json={"name": "rose"}, headers={"Idempotency-Key": "k"})
    async with state.database.session(ALL_WORKSPACES) as db:
        (kept,) = (await db.scalars(select(IdempotencyKey))).all()
        kept.at = kept.at.replace(year=kept.at.year - 1)
        await db.commit()
    reply = await example_client.post(PLANTS, json={"name": "tulip"}, headers={"Idempotency-Key": "k"})
    assert body(reply)["plant"]["name"] == "tulip"


@pytest.mark.parametrize("key", ["", "x" * 256, "t\tb"])
async def test_an_idempotency_key_that_is_no_key_is_refused(example_client: httpx.AsyncClient, key: str) -> None:
    reply = await example_client.post(PLANTS, json={"name": "rose"}, headers={"Idempotency-Key": key})
    assert reply.status_code == 400


async def test_a_bug_is_a_500_that_tells_nothing_but_the_request_id(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "bug"})
    assert reply.status_code == 500
    assert body(reply)["reason"] == "internal"
    assert body(reply)["requestId"] == reply.headers["x-request-id"]
    assert "secret" not in reply.text


async def test_an_undeclared_refusal_is_loud_under_the_strict_setting(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "undeclared"})
    assert reply.status_code == 500


async def test_an_undeclared_refusal_still_reaches_the_caller_otherwise(state: State, first_workspace: public.Bootstrap) -> None:
    lenient = replace(state, settings=Settings({"CARGO_AI_DATA_DIR": str(state.settings.data_dir)}))
    transport = httpx.ASGITransport(application.build(lenient, SERVED))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {first_workspace.token}"}
    ) as client:
        assert (await client.post("/v1/garden/break", json={"how": "undeclared"})).status_code == 418


async def test_a_deadlock_is_repeated_once(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "deadlock once"})
    assert (reply.status_code, body(reply)["count"]) == (200, 2)


async def test_a_second_deadlock_is_a_503(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "deadlock"})
    assert (reply.status_code, body(reply)["reason"], reply.headers["retry-after"]) == (503, "databaseUnavailable", "1")


async def test_a_lost_connection_is_repeated_once(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "lost once"})
    assert (reply.status_code, body(reply)["count"]) == (200, 2)


async def test_a_unique_violation_no_one_caught_is_a_conflict(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "unique"})
    assert (reply.status_code, body(reply)["reason"]) == (409, "conflict")


async def test_a_file_store_that_refuses_is_a_503(example_client: httpx.AsyncClient) -> None:
    reply = await example_client.post("/v1/garden/break", json={"how": "files"})
    assert (reply.status_code, body(reply)["reason"], reply.headers["retry-after"]) == (503, "filesUnavailable", "5")


async def test_what_fails_after_the_commit_does_not_undo_the_reply(example_client: httpx.AsyncClient, state: State) -> None:
    assert (await example_client.post("/v1/garden/break", json={"how": "after"})).status_code == 200
    async with state.database.session(ALL_WORKSPACES) as db:
        assert await db.scalar(select(func.count()).select_from(AuditEntry)) == 1
