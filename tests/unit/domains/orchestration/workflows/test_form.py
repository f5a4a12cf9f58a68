"""Public forms: shown to the pages that they name, and sent by people only, as a run of the tool."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import pytest_asyncio

from cargo_ai.server.api.rate_limits.rate_limit import sender_of
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node
from tests.kit.peers.echo_service import Heard, Say, echo_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = [node("start", children=("end",)), node("end")]
FIELDS = [
    {"kind": "string", "name": "Email", "slug": "email", "isRequired": True},
    {"kind": "number", "name": "Seats", "slug": "seats"},
    {"kind": "boolean", "name": "News", "slug": "news"},
    {"kind": "date", "name": "From", "slug": "from"},
    {"kind": "enum", "name": "Plan", "slug": "plan", "enum": ["free", "paid"]},
]


class Page:
    """A page on the web that shows a tool's form: no token, an origin."""

    def __init__(self, backend: Backend, tool: Body) -> None:
        self.backend, self.tool = backend, tool
        self.path = f"/v1/forms/{tool['uuid']}"

    async def open(self, origin: str | None = None) -> httpx.Response:
        return await self._http("GET", origin)

    async def send(self, data: Body, origin: str | None = None, **more: Any) -> httpx.Response:
        token = more.pop("token", None) or (await self.open()).json()["formToken"]
        return await self._http("POST", origin, json={"data": data, "formToken": token, **more})

    async def _http(self, verb: str, origin: str | None, **more: Any) -> httpx.Response:
        headers = {"Origin": origin} if origin else {}
        # Without the admin's token.
        request = self.backend.admin.http.build_request(verb, self.path, headers=headers, **more)
        request.headers.pop("authorization")
        return await self.backend.admin.http.send(request)


@pytest_asyncio.fixture(loop_scope="module")
async def page(backend: Backend) -> Page:
    """The page of a fresh tool with an open form."""
    tool = await backend.admin.tool("Sign up")
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=LINE, formFields=FIELDS)
    await backend.admin.call("orchestration.tool.update", uuid=tool["uuid"], publicForm={"isEnabled": True})
    return Page(backend, tool)


async def change(page: Page, **form: Any) -> None:
    await page.backend.admin.call("orchestration.tool.update", uuid=page.tool["uuid"], publicForm={"isEnabled": True, **form})


async def test_sending_the_form_runs_the_tool_on_its_fields_and_nothing_else(page: Page) -> None:
    shown = (await page.open()).json()
    assert [one["slug"] for one in shown["fields"]] == [one["slug"] for one in FIELDS]
    assert shown["jsonSchema"]["required"] == ["email"]

    reply = await page.send({"email": "a@b.example", "seats": 3, "from": "2026-01-31", "plan": "paid", "_id": "mine", "role": "admin"})

    assert reply.status_code == 200, reply.text
    found = await page.backend.ended("runs", reply.json()["runUuid"])
    assert found["run"]["status"] == "success"
    assert found["runContext"]["start"] == {"email": "a@b.example", "seats": 3, "from": "2026-01-31", "plan": "paid", "news": False}


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "data"),
        ({"email": ""}, "data.email"),
        ({"email": "a", "seats": "many"}, "data.seats"),
        ({"email": "a", "plan": "gold"}, "data.plan"),
        ({"email": "a", "from": "soon"}, "data.from"),
    ],
)
async def test_what_is_not_what_the_form_asks_for_is_named(page: Page, data: Body, path: str) -> None:
    reply = await page.send(data)

    assert (reply.status_code, reply.json()["reason"], reply.json()["errors"][0]["path"]) == (400, "invalidInput", path)


@pytest.mark.parametrize("text", [b'"half \\ud800"', b'"none \\u0000"', b"NaN", b"[" * 50_000])
async def test_what_no_database_keeps_is_refused(page: Page, text: bytes) -> None:
    token = (await page.open()).json()["formToken"].encode()
    reply = await page.backend.admin.http.post(page.path, content=b'{"formToken": "' + token + b'", "data": {"email": ' + text + b"}}")

    assert (reply.status_code, reply.json()["reason"]) == (400, "invalidInput")


async def test_only_pages_that_are_named_may_use_it(page: Page) -> None:
    await change(page, allowedOrigins=["https://shop.example/"])

    assert (await page.open("https://shop.example")).headers["access-control-allow-origin"] == "https://shop.example"
    refused = await page.open("https://other.example")
    assert (refused.status_code, refused.json()["reason"]) == (403, "originNotAllowed")
    assert "access-control-allow-origin" not in refused.headers
    asked = await page._http("OPTIONS", "https://shop.example")  # pyright: ignore[reportPrivateUsage]
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (204, "GET, POST")


async def test_robots_are_reported_from_people(page: Page) -> None:
    token = (await page.open()).json()["formToken"]

    async def reason(data: Body, **more: Any) -> str:
        return str((await page.send(data, **more)).json().get("reason"))

    assert await reason({"email": "a", "_website": "http://spam.example"}) == "spamSuspected"
    assert await reason({"email": "a"}, token="1.x.y") == "formTokenInvalid"
    assert await reason({"email": "a"}, token=token) == "None"
    assert await reason({"email": "a"}, token=token) == "formAlreadySent"
    await change(page, spam={"minFillMillis": 60_000})
    assert await reason({"email": "a"}) == "spamSuspected"
    await change(page, spam={"captchaProvider": "turnstile", "captchaSiteKey": "k", "captchaSecret": "s"})
    assert await reason({"email": "a"}) == "captchaRequired"


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha"])
async def test_who_has_solved_the_captcha_may_send_and_no_one_else(page: Page, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    def verify(heard: Heard) -> Say:
        said = dict(parse_qsl(heard.body.decode()))
        if said["response"] == "broken":
            return Say(500, b"<html>")
        good = said["secret"] == "hush" and said["response"] == "solved"
        return Say(body=json.dumps({"success": good, "error-codes": []}).encode(), headers={"content-type": "application/json"})

    async with echo_service() as service:
        service.answers["/siteverify"] = verify
        monkeypatch.setitem(page.backend.state.settings.environment, "CARGO_AI_CAPTCHA_URL", f"{service.url}/siteverify")
        await change(page, spam={"captchaProvider": provider, "captchaSiteKey": "site", "captchaSecret": "hush"})
        shown = (await page.open()).json()
        assert (shown["spam"]["captchaProvider"], shown["spam"]["captchaSiteKey"]) == (provider, "site")
        token = shown["formToken"]
        for captcha, status, reason in (("guessed", 400, "captchaFailed"), ("broken", 502, "failedToVerifyCaptcha")):
            refused = await page.send({"email": "a@b.example"}, token=token, captchaToken=captcha)
            assert (refused.status_code, refused.json()["reason"]) == (status, reason)
        # Who failed once may try again with the same form.
        sent = await page.send({"email": "a@b.example"}, token=token, captchaToken="solved")
        assert sent.status_code == 200, sent.text
        run = await page.backend.ended("runs", sent.json()["runUuid"])
        assert (run["run"]["status"], run["runContext"]["start"]["email"]) == ("success", "a@b.example")
        assert [dict(parse_qsl(one.body.decode()))["response"] for one in service.heard] == ["guessed", "broken", "solved"]
        assert all(set(dict(parse_qsl(one.body.decode()))) >= {"secret", "response"} for one in service.heard)
    gone = await page.send({"email": "a@b.example"}, captchaToken="solved")
    assert (gone.status_code, gone.json()["reason"]) == (502, "failedToVerifyCaptcha")


async def test_a_form_that_is_switched_off_is_not_there(page: Page) -> None:
    await page.backend.admin.call("orchestration.tool.update", uuid=page.tool["uuid"], publicForm={"isEnabled": False})

    assert (await page.open()).status_code == 404


async def test_an_address_that_sends_too_often_is_asked_to_wait(page: Page) -> None:
    replies = [await page.send({}, token="wrong") for _ in range(21)]

    assert [reply.status_code for reply in replies[-2:]] == [400, 429]
    assert int(replies[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
async def test_of_ipv6_a_network_is_one_sender(one: str, other: str, same: bool) -> None:
    assert (sender_of(one) == sender_of(other)) is same
