"""Hooks: what others send starts tools and fills models, once, and a flood of one hook leaves the others alone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlparse

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from cargo_ai.domains.orchestration.hooks import delivery
from cargo_ai.domains.orchestration.tables import hook_keys
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.server.api.rate_limits.rate_limit import Flow
from cargo_ai.server.routes.hook_gate import HELD_SECONDS, MAX_AT_ONCE, MAX_WAITING, REFUSALS_PER_SECOND, HookGate
from cargo_ai.store.session import ALL_WORKSPACES
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the secret of the sender"
LINE = [
    node("start", children=("end",)),
    node("end", config={"variables": [{"name": "email", "type": "string", "value": "{{nodes.start.body.email}}"}]}),
]
DEALS: Body = {"columns": [{"slug": slug, "type": "string", "label": slug} for slug in ("id", "stage")], "idColumnSlug": "id"}


@dataclass
class Hook:
    """A connector and who sends to it."""

    backend: Backend
    connector: Body

    @property
    def path(self) -> str:
        return urlparse(str(self.connector["webhookUrl"])).path

    async def send(self, body: Body | bytes, *, signature: str | None = None, path: str = "", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signature if signature is not None else hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
        fields = {"x-signature": signed, "content-type": "application/json", **headers}
        # Without the admin's token.
        request = self.backend.admin.http.build_request("POST", path or self.path, content=content, headers=fields)
        request.headers.pop("authorization")
        return await self.backend.admin.http.send(request)

    async def tool(self, name: str = "On event", *, types: Sequence[str] = (), deployed: bool = True) -> Body:
        """A tool that its events start."""
        api, tool = self.backend.admin, await self.backend.admin.tool(name)
        if deployed:
            await api.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=LINE, formFields=None)
        await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[self.trigger(types)])
        return tool

    def trigger(self, types: Sequence[str] = ()) -> Body:
        return {"name": "Event", "type": "connector", "connectorUuid": self.connector["uuid"], "config": {"types": list(types)}}

    async def runs(self, tool: Body) -> list[Body]:
        page = await self.backend.admin.call("orchestration.run.list", workflowUuid=tool["workflowUuid"])
        runs: list[Body] = page["runs"]
        return runs

    async def change(self, **config: Any) -> None:
        shown = self.connector["config"] | config
        await self.backend.admin.call("connection.connector.update", uuid=self.connector["uuid"], config=shown)
        # Until then, processes may use what they know of a connector.
        self.backend.state.services._made.clear()  # pyright: ignore[reportPrivateUsage]


async def new_hook(backend: Backend, slug: str = "", **config: Any) -> Hook:
    fields = {"scheme": "hmac", "signatureHeader": "X-Signature", "idPath": "id", "typePath": "type", "secret": SECRET, **config}
    made = await backend.admin.call(
        "connection.connector.create", integrationSlug="webhook", slug=slug or f"hook-{ids.new().hex[-12:]}", name="Hook", config=fields
    )
    return Hook(backend, made["connector"])


@pytest_asyncio.fixture(loop_scope="module")
async def hook(backend: Backend) -> Hook:
    """A fresh hook."""
    return await new_hook(backend)


def answer_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("reason", response.json().get("status"))


async def first_runs(hook: Hook, play: Body) -> list[Body]:
    """The runs of a play once there are some."""
    deadline = clock.seconds() + 30
    while clock.seconds() < deadline:
        if runs := await hook.runs(play):
            return runs
        await asyncio.sleep(0.05)
    raise AssertionError("the play did not start")


async def test_an_event_starts_the_tool_with_what_it_says(hook: Hook) -> None:
    tool = await hook.tool()
    response = await hook.send({"id": "e1", "type": "signup", "email": "ada@example.com"})
    assert (response.status_code, response.json()) == (202, {"status": "accepted", "eventsCount": 1, "repeatedCount": 0})
    (run,) = await hook.runs(tool)
    ended = await hook.backend.ended("runs", run["uuid"])
    assert ended["run"]["status"] == "success" and ended["runContext"]["end"] == {"email": "ada@example.com"}
    start = ended["runContext"]["start"]
    assert (start["_id"], start["type"]) == ("e1", "signup") and SECRET not in json.dumps(ended)


async def test_an_event_that_is_sent_again_and_at_once_starts_one_run(hook: Hook) -> None:
    tool = await hook.tool()
    responses = await asyncio.gather(*[hook.send({"id": "e1"}) for _ in range(8)])
    assert {response.status_code for response in responses} == {202}
    assert sum(response.json()["eventsCount"] for response in responses) == 1
    # The id decides, whatever else is said.
    assert (await hook.send({"id": "e1", "attempt": 2})).json() == {"status": "accepted", "eventsCount": 0, "repeatedCount": 1}
    assert len(await hook.runs(tool)) == 1


async def test_tools_take_the_types_that_their_triggers_name(hook: Hook) -> None:
    paid, every = await hook.tool(types=["paid", "refunded"]), await hook.tool()
    for uid, kind in (("1", "paid"), ("2", "signup"), ("3", "refunded")):
        assert (await hook.send({"id": uid, "type": kind})).status_code == 202
    assert [len(await hook.runs(tool)) for tool in (paid, every)] == [2, 3]


async def test_what_is_not_signed_starts_nothing(hook: Hook) -> None:
    tool = await hook.tool()
    for signature in ("", "0" * 64, "x"):
        assert answer_of(await hook.send({"id": "e1"}, signature=signature)) == (401, "signatureInvalid")
    assert await hook.runs(tool) == []


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"{", (400, "invalidInput")),
        (b'{"id":"e","x":"\\u0000"}', (400, "invalidInput")),
        (b'"' + b"x" * 1024 * 1024 + b'"', (413, "bodyTooLarge")),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused(hook: Hook, body: bytes, answer: tuple[int, str]) -> None:
    await hook.tool()
    assert answer_of(await hook.send(body)) == answer


async def test_an_address_that_this_server_has_not_made_is_no_hook(hook: Hook) -> None:
    changed = hook.path[:-1] + ("A" if hook.path[-1] != "A" else "B")
    named = hook.path[:20] + ("A" if hook.path[20] != "A" else "B") + hook.path[21:]
    for path in (changed, named, hook.path[:-1], "/hooks/x", f"/hooks/{hook.connector['uuid']}"):
        assert answer_of(await hook.send({"id": "e1"}, path=path)) == (404, "hookNotFound"), path


async def test_an_event_that_could_start_nothing_is_left_to_its_sender_and_taken_later(hook: Hook) -> None:
    assert answer_of(await hook.send({"id": "e1"})) == (409, "nothingToStart")
    tool, other = await hook.tool(deployed=False), await hook.tool()
    response = await hook.send({"id": "e1"})
    assert answer_of(response) == (409, "nothingDeployed") and "On event" in response.json()["errorMessage"]
    assert await hook.runs(other) == []
    await hook.backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=LINE, formFields=None)
    assert (await hook.send({"id": "e1"})).json()["eventsCount"] == 1
    assert [len(await hook.runs(each)) for each in (tool, other)] == [1, 1]


async def test_a_stopped_hook_asks_to_be_sent_to_later(hook: Hook) -> None:
    tool = await hook.tool()
    await hook.backend.admin.call("connection.connector.stop", uuid=hook.connector["uuid"])
    response = await hook.send({"id": "e1"})
    assert answer_of(response) == (503, "connectorStopped") and response.headers["retry-after"] == "60"
    assert await hook.runs(tool) == []


async def test_another_address_ends_the_former(hook: Hook) -> None:
    await hook.tool()
    await hook.change(addressNumber=2)
    assert answer_of(await hook.send({"id": "e1"})) == (404, "hookNotFound")
    shown = (await hook.backend.admin.call("connection.connector.get", uuid=hook.connector["uuid"]))["connector"]
    assert (await hook.send({"id": "e1"}, path=urlparse(str(shown["webhookUrl"])).path)).status_code == 202


async def test_an_event_is_written_into_a_model_and_its_plays_start(backend: Backend) -> None:
    api = backend.admin
    model = await api.model("hook_deals", **DEALS)
    play = (await api.call("orchestration.play.create", name="Won", modelUuid=model, changeKinds=["added"], schedule={"type": "realtime"}))[
        "play"
    ]
    await api.call("orchestration.draftRelease.deploy", workflowUuid=play["workflowUuid"], nodes=LINE, formFields=None)
    await api.call("orchestration.play.update", uuid=play["uuid"], isEnabled=True)
    hook = await new_hook(backend, modelUuid=model, recordPath="data.object")
    assert (await hook.send({"id": "e1", "data": {"object": {"id": "d1", "stage": "won"}}})).status_code == 202
    assert (await hook.send({"id": "e2", "data": {"object": {"id": "d1", "stage": "lost"}}})).status_code == 202
    assert [(record["id"], record["stage"]) for record in await api.records(model)] == [("d1", "lost")]
    assert answer_of(await hook.send({"id": "e3", "data": {"object": "d2"}})) == (400, "noRecord")
    assert [run["recordId"] for run in await first_runs(hook, play)] == ["d1"]


async def test_a_model_of_another_workspace_is_no_model(backend: Backend) -> None:
    model = await backend.other_api.model("theirs", **DEALS)
    hook = await new_hook(backend, modelUuid=model)
    assert answer_of(await hook.send({"id": "e1"})) == (404, "modelNotFound")
    assert await backend.other_api.records(model) == []


async def test_what_is_no_model_is_refused_when_it_is_entered(backend: Backend) -> None:
    config = {"scheme": "none", "modelUuid": "deals"}
    fields: Body = {"integrationSlug": "webhook", "slug": "deals", "name": "Deals", "config": config}
    status, body = await backend.admin.refusal("connection.connector.create", **fields)
    assert (status, body["errors"][0]["path"]) == (400, "config.modelUuid")


async def test_slack_is_answered_with_nothing_that_it_would_show(backend: Backend) -> None:
    made = await backend.admin.call(
        "connection.connector.create", integrationSlug="webhook", slug="slack", name="Slack", config={"scheme": "slack", "secret": SECRET}
    )
    hook = Hook(backend, made["connector"])
    tool = await hook.tool(types=["/deal"])
    for content, text in ((b"command=/deal&text=acme", ""), (b'{"type":"url_verification","challenge":"abc"}', "abc")):
        at = str(int(clock.unix_seconds()))
        signed = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + content, hashlib.sha256).hexdigest()
        kind = "application/json" if content.startswith(b"{") else "application/x-www-form-urlencoded"
        headers = {"x-slack-signature": f"v0={signed}", "x-slack-request-timestamp": at, "content-type": kind}
        response = await hook.send(content, **headers)
        assert (response.status_code, response.text) == (200, text)
    (run,) = await hook.runs(tool)
    assert (await backend.ended("runs", run["uuid"]))["runContext"]["start"]["body"] == {"command": "/deal", "text": "acme"}


async def test_a_flood_of_one_hook_leaves_the_others_alone(backend: Backend) -> None:
    flooded, other = await new_hook(backend), await new_hook(backend)
    await other.tool()
    limit = {"unit": "minute", "max": 5, "strategy": "burst"}
    await backend.admin.call("connection.connector.update", uuid=flooded.connector["uuid"], rateLimit=limit)
    garbage = [flooded.send({"id": str(number)}, signature="0" * 64) for number in range(200)]
    *answers, good = await asyncio.gather(*garbage, other.send({"id": "e1"}))
    statuses = [response.status_code for response in answers]
    assert good.status_code == 202 and statuses.count(401) <= 5 and statuses.count(429) >= 195
    refused = next(response for response in answers if response.status_code == 429)
    assert refused.json()["reason"] == "tooManyRequests" and int(refused.headers["retry-after"]) >= 1


async def test_the_gate_lets_some_of_a_hook_in_at_once_and_so_many_in_a_time() -> None:
    gate, slow, other = HookGate(Flow("hooks", "Too much.")), ids.new(), ids.new()
    inside, leave = 0, asyncio.Event()

    async def visit() -> None:
        nonlocal inside
        async with gate.enter(slow):
            inside += 1
            await leave.wait()

    visits = [asyncio.create_task(visit()) for _ in range(MAX_AT_ONCE + MAX_WAITING)]
    await asyncio.sleep(0)
    assert (gate.present, inside) == (len(visits), MAX_AT_ONCE)
    with pytest.raises(Refusal):
        async with gate.enter(slow):
            pass
    async with gate.enter(other):
        assert gate.present == len(visits) + 1
    leave.set()
    await asyncio.gather(*visits)
    assert (gate.present, inside) == (0, len(visits))
    for _ in range(3):
        gate.count(slow, 3, 60)
    with pytest.raises(Refusal) as refused:
        gate.count(slow, 3, 60)
    assert refused.value.status == 429 and 19 <= int(refused.value.headers["Retry-After"]) <= 21


async def test_refusals_are_held_where_there_are_many() -> None:
    gate, began = HookGate(Flow("hooks", "Too much.")), clock.seconds()
    for _ in range(REFUSALS_PER_SECOND):
        await gate.hold()
    at_once = clock.seconds() - began
    await asyncio.gather(*[gate.hold() for _ in range(100)])
    assert at_once < HELD_SECONDS / 2 and HELD_SECONDS <= clock.seconds() - began < 5 * HELD_SECONDS


async def test_a_trigger_names_a_connector_that_takes_events(backend: Backend, hook: Hook) -> None:
    api = backend.admin
    tool = await api.tool("On event")
    crm = await api.connector(f"crm-{ids.new().hex[-8:]}")
    theirs = (
        await backend.other_api.call(
            "connection.connector.create", integrationSlug="webhook", slug="theirs", name="Theirs", config={"scheme": "none"}
        )
    )["connector"]
    for uid in (crm["uuid"], theirs["uuid"], str(ids.new()), "x"):
        trigger = hook.trigger() | {"connectorUuid": uid}
        status, body = await api.refusal(
            "orchestration.tool.update", uuid=tool["uuid"], triggers=[{"name": "A", "cron": "0 9 * * 1"}, trigger]
        )
        assert status == 400 and body["errors"][0]["path"].startswith("triggers.1"), uid
    kept = (await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[hook.trigger(), {"name": "A", "cron": "0 9 * * 1"}]))[
        "tool"
    ]
    assert [trigger["type"] for trigger in kept["triggers"]] == ["connector", "cron"]
    # What a reply has is accepted unchanged.
    assert (await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=kept["triggers"]))["tool"]["triggers"] == kept[
        "triggers"
    ]


async def test_a_connector_that_starts_a_tool_is_in_use_until_the_trigger_is_gone(hook: Hook) -> None:
    api, tool = hook.backend.admin, await hook.tool()
    assert await api.refused("connection.connector.remove", uuid=hook.connector["uuid"]) == (409, "connectorIsUsedInWorkflows")
    await api.call("orchestration.tool.update", uuid=tool["uuid"], triggers=[])
    await api.call("connection.connector.remove", uuid=hook.connector["uuid"])
    hook.backend.state.services._made.clear()  # pyright: ignore[reportPrivateUsage]
    assert answer_of(await hook.send({"id": "e1"})) == (404, "hookNotFound")


async def test_a_removed_tool_is_started_no_more_and_again_when_it_is_restored(hook: Hook) -> None:
    api, tool = hook.backend.admin, await hook.tool()
    await api.call("orchestration.tool.remove", uuid=tool["uuid"])
    assert answer_of(await hook.send({"id": "e1"})) == (409, "nothingToStart")
    await api.call("workspaceManagement.bin.restore", uuid=tool["uuid"])
    assert (await hook.send({"id": "e1"})).json()["eventsCount"] == 1
    await api.call("orchestration.tool.remove", uuid=tool["uuid"])
    await api.call("connection.connector.remove", uuid=hook.connector["uuid"])
    (warning, *_) = await api.warnings("workspaceManagement.bin.restore", uuid=tool["uuid"])
    assert "connectors of Event were removed" in warning


async def test_what_came_a_month_ago_is_forgotten(hook: Hook) -> None:
    state = hook.backend.state
    await hook.tool()
    assert (await hook.send({"id": "e1"})).status_code == 202
    connector = ids.parse(hook.connector["uuid"])

    async def kept() -> int:
        async with state.database.session(ALL_WORKSPACES) as db:
            return int(await db.scalar(select(func.count()).select_from(hook_keys).where(hook_keys.c.connector_uuid == connector)) or 0)

    await delivery.prune(state.services)
    before = await kept()
    async with state.database.session(ALL_WORKSPACES) as db:
        ago = hook_keys.c.at - timedelta(days=31)
        await db.execute(update(hook_keys).where(hook_keys.c.connector_uuid == connector).values(at=ago))
        await db.commit()
    await delivery.prune(state.services)
    assert (before, await kept()) == (2, 0)
