"""Signing in to the console by a code that is sent, and at an OpenID provider; and going from one workspace to another."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from cargo_ai.kernel import clock
from cargo_ai.server.routes import logins
from tests.console.conftest import Browser, browser_of
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.peers.echo_service import echo_service
from tests.kit.peers.mail_server import MailServer, mail_server
from tests.simulators.openid import OpenIdSimulator

pytestmark = pytest.mark.asyncio(loop_scope="module")


class World:
    """A server with a mail server and a provider."""

    def __init__(self, backend: Backend, mail: MailServer, provider: OpenIdSimulator) -> None:
        self.backend, self.mail, self.provider = backend, mail, provider

    async def code_for(self, browser: Browser, email: str) -> str:
        """The code that this person gets after having asked for it on the page."""
        before = len(self.mail.emails)
        page = await browser.post("/console/sign-in/email", {"email": email, "next": "/console/runs"}, page="/console/sign-in")
        assert page.status_code == 200 and 'autocomplete="one-time-code"' in page.text
        deadline = clock.seconds() + 20
        while len(self.mail.emails) == before:
            assert clock.seconds() < deadline, "no e-mail came"
            await asyncio.sleep(0.02)
        found = re.search(r"cargo-ai is (\d{8})", self.mail.emails[-1].message.get_content())
        assert found is not None
        return found[1]

    async def provider_answers(self, browser: Browser) -> httpx.Response:
        """What the browser is shown when it comes back from the provider."""
        away = await browser.post("/console/sign-in/provider/go", {"next": "/console/batches"}, page="/console/sign-in")
        assert away.status_code == 200, away.text
        back = self.provider.consent(html.unescape(away.headers["refresh"].removeprefix("0; url=")))
        returned = await browser.http.get("/v1/login/callback", params=back)
        assert returned.status_code == 303, returned.text
        return await browser.get(returned.headers["location"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with databases.lent() as url:
        async with mail_server() as mail, echo_service() as service:
            provider = OpenIdSimulator(service)
            smtp = {"HOST": "127.0.0.1", "PORT": str(mail.port), "TLS": "off", "FROM": "hello@acme.example"}
            login = {"ISSUER": service.url, "CLIENT_ID": provider.client_id, "CLIENT_SECRET": provider.client_secret}
            more = {f"CARGO_AI_SMTP_{name}": value for name, value in smtp.items()}
            more |= {f"CARGO_AI_LOGIN_{name}": value for name, value in login.items()}
            async with running_backend(url, tmp_path_factory.mktemp("backend"), **more, CARGO_AI_OUTBOUND_ALLOW="") as backend:
                for api in (backend.admin, backend.other_api):
                    await api.call("workspaceManagement.user.create", userEmail="ann@example.com", roleSlug="member")
                await backend.admin.call("workspaceManagement.user.create", userEmail="bob@example.com", roleSlug="member")
                yield World(backend, mail, provider)


@pytest.fixture
def world(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world without the counts and the delays of the test before."""
    made.backend.state.limits.logins_begun.clear()
    made.backend.state.limits.wrong_codes.clear()
    monkeypatch.setattr(logins, "FIRST_DELAY", 0.001)
    made.provider.email = "bob@example.com"
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(made: World) -> AsyncIterator[Browser]:
    browser = browser_of(made.backend)
    async with browser.http:
        yield browser


async def test_a_code_signs_in_and_leads_to_where_the_person_was(world: World, visitor: Browser) -> None:
    code = await world.code_for(visitor, "bob@example.com")
    fields = {"email": "bob@example.com", "code": code, "next": "/console/runs"}
    wrong = await visitor.post("/console/sign-in/code", {**fields, "code": "00000000"}, page="/console/sign-in")
    assert wrong.status_code == 401 and "This code is wrong" in wrong.text
    response = await visitor.post("/console/sign-in/code", fields, page="/console/sign-in")
    assert (response.status_code, response.headers["location"]) == (303, "/console/runs")
    assert "bob@example.com" in (await visitor.get("/console/")).text


async def test_who_is_in_several_workspaces_says_to_which_and_goes_to_the_other(world: World, visitor: Browser) -> None:
    code = await world.code_for(visitor, "ann@example.com")
    page = await visitor.post("/console/sign-in/code", {"email": "ann@example.com", "code": code}, page="/console/sign-in")
    assert page.status_code == 409
    places = dict(re.findall(r'name="workspace" value="([^"]+)" class="wide">([^<]+)<', page.text))
    assert set(places.values()) == {"My Workspace", "Other"}
    other = next(uuid for uuid, name in places.items() if name == "Other")
    fields = {"email": "ann@example.com", "code": code, "workspace": world.backend.workspace}
    assert (await visitor.post("/console/sign-in/code", fields, page="/console/sign-in")).status_code == 303
    cookie = visitor.http.cookies["cargo_ai_console"]
    assert (await visitor.post("/console/workspace", {"workspace": other}, page="/console/workspaces")).status_code == 303
    assert '<span class="account-workspace">Other</span>' in (await visitor.get("/console/")).text
    former = browser_of(world.backend)
    async with former.http:
        former.http.cookies.set("cargo_ai_console", cookie)
        assert (await former.get("/console/")).status_code == 303, "the former session has ended"


async def test_the_provider_signs_in(world: World, visitor: Browser) -> None:
    response = await world.provider_answers(visitor)
    assert (response.status_code, response.headers["location"]) == (303, "/console/batches")
    assert "bob@example.com" in (await visitor.get("/console/")).text


async def test_whom_no_workspace_knows_the_provider_does_not_sign_in(world: World, visitor: Browser) -> None:
    world.provider.email = "stranger2@example.com"
    response = await world.provider_answers(visitor)
    assert response.status_code == 403
    assert "is in no workspace of this server" in response.text
    assert (await visitor.get("/console/")).status_code == 303


async def test_a_person_with_a_token_stays_in_its_workspace(world: World, visitor: Browser) -> None:
    await visitor.sign_in(world.backend.admin.http.headers["authorization"].removeprefix("Bearer "))
    stranger = await world.backend.other_api.call("workspaceManagement.user.getCurrent")
    other = str(stranger["user"].get("workspaceUuid") or "Other")
    assert (await visitor.post("/console/workspace", {"workspace": other}, page="/console/workspaces")).status_code == 403
