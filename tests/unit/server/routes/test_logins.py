"""Signing in without a token: by a code or a provider, for invited people alone, and with nothing to learn from what is refused."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from cargo_ai.kernel import clock
from cargo_ai.server.api import app as application
from cargo_ai.server.api.rate_limits import limits
from cargo_ai.server.routes import logins
from tests.kit.api_client import ApiClient
from tests.kit.application import signed_in
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.peers.echo_service import echo_service
from tests.kit.peers.mail_server import MailServer, mail_server
from tests.simulators.openid import OpenIdSimulator

pytestmark = pytest.mark.asyncio(loop_scope="module")

Reply = tuple[int, dict[str, Any]]


class World:
    """A server with a mail server and a provider, and a visitor without a token."""

    def __init__(self, backend: Backend, app: Starlette, mail: MailServer, provider: OpenIdSimulator, visitor: httpx.AsyncClient) -> None:
        self.backend, self.app, self.mail, self.provider, self.visitor = backend, app, mail, provider, visitor

    async def post(self, path: str, **body: Any) -> Reply:
        response = await self.visitor.post(f"/v1/login/{path}", json=body)
        return response.status_code, response.json()

    async def code_for(self, email: str) -> str:
        """The code that this person gets by e-mail."""
        before = len(self.mail.emails)
        assert await self.post("email", email=email) == (200, {"sent": True, "email": email, "expiresInSeconds": 600})
        deadline = clock.seconds() + 20
        while len(self.mail.emails) == before:
            assert clock.seconds() < deadline, "no e-mail came"
            await asyncio.sleep(0.02)
        assert self.mail.emails[-1].recipients == [email]
        found = re.search(r"cargo-ai is (\d{8})", self.mail.emails[-1].message.get_content())
        assert found is not None
        return found[1]

    async def invite(self, email: str, role: str = "member") -> None:
        await self.backend.admin.call("workspaceManagement.user.create", userEmail=email, roleSlug=role)

    async def who(self, token: str) -> dict[str, Any]:
        async with signed_in(self.app, token) as http:
            user: dict[str, Any] = (await ApiClient(http).call("workspaceManagement.user.getCurrent"))["user"]
        return user

    async def consent(self, begun: dict[str, Any], browser: httpx.AsyncClient) -> str:
        """Where the person goes from the page of a device."""
        page = await browser.post("/v1/login/device", data={"user_code": begun["userCode"].lower()})
        assert page.status_code == 200, page.text
        return html.unescape(page.headers["refresh"].removeprefix("0; url="))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with databases.lent() as url:
        async with mail_server() as mail, echo_service() as service:
            provider = OpenIdSimulator(service)
            smtp = {"HOST": "127.0.0.1", "PORT": str(mail.port), "TLS": "off", "FROM": "hello@acme.example"}
            login = {"ISSUER": service.url, "CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
            more = {f"CARGO_AI_SMTP_{name}": value for name, value in smtp.items()}
            more |= {f"CARGO_AI_LOGIN_{name}": value for name, value in login.items()} | {"CARGO_AI_LOGIN_DOMAINS": "@acme.example"}
            async with running_backend(url, tmp_path_factory.mktemp("backend"), **more, CARGO_AI_OUTBOUND_ALLOW="") as backend:
                app = application.build(backend.state)
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as visitor:
                    yield World(backend, app, mail, provider, visitor)


@pytest.fixture
def world(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world without the counts and the delays of the test before."""
    made.backend.state.limits.logins_begun.clear()
    made.backend.state.limits.wrong_codes.clear()
    monkeypatch.setattr(logins, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(logins, "LONGEST_DELAY", 0.01)
    made.provider.email, made.provider.claims, made.provider.in_userinfo = "ann@example.com", {}, False
    return made


async def test_a_code_signs_an_invited_person_in_once(world: World) -> None:
    await world.invite("ann@example.com")
    code = await world.code_for("ann@example.com")
    status, welcome = await world.post("email/code", email="Ann@example.com", code=f" {code[:4]} {code[4:]} ")
    assert (status, welcome["user"]["email"], welcome["workspace"]["name"]) == (200, "ann@example.com", "My Workspace")
    assert (await world.who(welcome["token"]))["email"] == "ann@example.com"
    assert (await world.post("email/code", email="ann@example.com", code=code))[1]["reason"] == "wrongCode"
    log = (await world.backend.admin.call("workspaceManagement.audit.list", operation=logins.BY_EMAIL))["entries"]
    assert [(entry["userEmail"], entry["tokenName"], entry["address"]) for entry in log] == [
        ("ann@example.com", "CLI (e-mail)", "127.0.0.1")
    ]


async def test_five_wrong_codes_make_the_right_one_worthless_and_all_are_refused_alike(world: World) -> None:
    await world.invite("bob@example.com")
    code = await world.code_for("bob@example.com")
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    refusals = [await world.post("email/code", email="bob@example.com", code=wrong) for _ in range(5)]
    refusals.append(await world.post("email/code", email="bob@example.com", code=code))
    refusals.append(await world.post("email/code", email="nobody@example.com", code=code))
    assert {(status, body["reason"]) for status, body in refusals} == {(401, "wrongCode")}
    assert len({re.sub(r"--email \S+", "", f"{body['errorMessage']}{body['fix']}") for _, body in refusals}) == 1


async def test_tries_at_the_same_time_count_one_by_one(world: World) -> None:
    await world.invite("cleo@example.com")
    code = await world.code_for("cleo@example.com")
    wrong = [f"{(int(code) + step) % 10**8:08d}" for step in range(1, 9)]
    await asyncio.gather(*(world.post("email/code", email="cleo@example.com", code=one) for one in wrong))
    assert (await world.post("email/code", email="cleo@example.com", code=code))[0] == 401


async def test_many_wrong_codes_from_one_address_are_stopped(world: World) -> None:
    statuses = [(await world.post("email/code", email="x@example.com", code="1"))[0] for _ in range(limits.WRONG_CODES_PER_MINUTE + 1)]
    assert statuses == [401] * limits.WRONG_CODES_PER_MINUTE + [429]


async def test_a_stranger_gets_the_same_answer_and_no_e_mail(world: World) -> None:
    before = len(world.mail.emails)
    assert (await world.post("email", email="stranger2@example.com"))[0] == 200
    await world.invite("dora@example.com")
    await world.code_for("dora@example.com")  # the job of the stranger's was before it in the queue
    assert [email.recipients for email in world.mail.emails[before:]] == [["dora@example.com"]]


async def test_no_more_than_five_codes_an_hour_are_sent_to_one_address(world: World) -> None:
    statuses = [(await world.post("email", email="often@example.com"))[0] for _ in range(6)]
    assert statuses == [200] * 5 + [429]


async def test_who_is_in_several_workspaces_says_to_which(world: World) -> None:
    await world.invite("eve@example.com")
    await world.backend.other_api.call("workspaceManagement.user.create", userEmail="eve@example.com", roleSlug="viewer")
    code = await world.code_for("eve@example.com")
    status, refusal = await world.post("email/code", email="eve@example.com", code=code)
    assert (status, refusal["reason"]) == (409, "workspaceNeeded")
    other = next(place["uuid"] for place in refusal["workspaces"] if place["name"] == "Other")
    status, welcome = await world.post("email/code", email="eve@example.com", code=code, workspaceUuid=other)
    assert (status, welcome["workspace"]["name"]) == (200, "Other")
    assert (await world.who(welcome["token"]))["roleSlug"] == "viewer"


async def test_people_of_an_allowed_domain_come_in_as_viewers(world: World) -> None:
    code = await world.code_for("fay@acme.example")
    status, welcome = await world.post("email/code", email="fay@acme.example", code=code)
    assert (status, welcome["workspace"]["name"]) == (200, "My Workspace")
    assert (await world.who(welcome["token"]))["roleSlug"] == "viewer"


@pytest.mark.parametrize("in_userinfo", [False, True])
async def test_a_device_signs_in_by_the_provider(world: World, in_userinfo: bool) -> None:
    world.provider.email, world.provider.in_userinfo = f"gil{in_userinfo}@acme.example".lower(), in_userinfo
    status, begun = await world.post("devices")
    assert status == 200 and await world.post("devices/token", deviceCode=begun["deviceCode"]) == (200, {"status": "pending"})
    looked = await world.visitor.get(begun["verificationUriComplete"])
    assert looked.status_code == 200 and begun["userCode"] in looked.text
    back = world.provider.consent(await world.consent(begun, world.visitor))
    page = await world.visitor.get("/v1/login/callback", params=back)
    assert page.status_code == 200 and world.provider.email in page.text
    status, welcome = await world.post("devices/token", deviceCode=begun["deviceCode"])
    assert (status, welcome["user"]["email"]) == (200, world.provider.email)
    assert (await world.who(welcome["token"]))["roleSlug"] == "viewer"
    assert (await world.post("devices/token", deviceCode=begun["deviceCode"]))[0] == 410
    assert (await world.visitor.get("/v1/login/callback", params=back)).status_code == 400


async def test_only_the_browser_that_went_to_the_provider_may_come_back(world: World) -> None:
    _, begun = await world.post("devices")
    back = world.provider.consent(await world.consent(begun, world.visitor))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url="http://test") as other:
        assert (await other.get("/v1/login/callback", params=back)).status_code == 400
    assert await world.post("devices/token", deviceCode=begun["deviceCode"]) == (200, {"status": "pending"})


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"email_verified": False}, "not verified"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"aud": "another-app"}, "another application"),
        ({"aud": ["cargo", "another-app"]}, "another application"),
        ({"nonce": "stolen"}, "another sign-in"),
        ({"exp": 1}, "expired"),
        ({"email": "stranger3@example.com"}, "in no workspace"),
    ],
)
async def test_what_a_provider_does_not_vouch_for_lets_no_one_in(world: World, claims: dict[str, Any], sentence: str) -> None:
    world.provider.claims = claims
    _, begun = await world.post("devices")
    back = world.provider.consent(await world.consent(begun, world.visitor))
    page = await world.visitor.get("/v1/login/callback", params=back)
    assert page.status_code == 400 and sentence in page.text
    status, refusal = await world.post("devices/token", deviceCode=begun["deviceCode"])
    assert (status, refusal["reason"]) == (403, "notInvited") and sentence in refusal["errorMessage"]


async def test_unknown_codes_of_devices_and_broken_bodies_are_refused(world: World) -> None:
    assert (await world.post("devices/token", deviceCode="x"))[0] == 410
    assert (await world.post("devices/token"))[0] == 400
    assert (await world.post("email", email="no address"))[0] == 400
    assert (await world.post("email/code", email="a@b.c", code=5))[0] == 400
    assert (await world.visitor.post("/v1/login/email", content=b"{")).status_code == 400
    assert (await world.visitor.post("/v1/login/device", data={"user_code": "AAAA"})).status_code == 400
