"""Invitations: a link lets one person in once, a look uses nothing up, and what no longer works says why."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette

from cargo_ai.domains.workspace.members.invitation_email import InvitationMailer
from cargo_ai.domains.workspace.tables import Invitation
from cargo_ai.email.smtp import Mailer
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.rate_limits import limits
from cargo_ai.server.api.state import State
from cargo_ai.server.routes import invitations
from cargo_ai.store.session import ALL_WORKSPACES
from cargo_ai.store.tables import AuditEntry
from tests.kit.api_client import ApiClient
from tests.kit.application import signed_in
from tests.kit.peers.mail_server import mail_server

CREATE, AGAIN, LIST, REVOKE = (
    "workspaceManagement.user.create",
    "workspaceManagement.invitation.create",
    "workspaceManagement.invitation.all",
    "workspaceManagement.invitation.remove",
)


@pytest.fixture
async def visitor(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Who has no token."""
    limit = app.state.server.limits.wrong_invitations
    limit.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield http
    limit.clear()


async def invite(api: ApiClient, email: str = "ann@example.com", role: str = "viewer") -> dict[str, Any]:
    created = await api.call(CREATE, userEmail=email, roleSlug=role)
    assert created["user"]["email"] == email
    invitation: dict[str, Any] = created["invitation"]
    return invitation


async def accept(visitor: httpx.AsyncClient, code: object) -> tuple[int, dict[str, Any]]:
    response = await visitor.post("/v1/invitations", json={"code": code})
    return response.status_code, response.json()


async def test_an_invitation_gives_one_token_of_the_invited_user(
    api: ApiClient, app: Starlette, visitor: httpx.AsyncClient, state: State
) -> None:
    invitation = await invite(api)
    assert invitation["link"] == f"http://test/v1/invitations?code={invitation['code']}"
    assert invitation["command"] == f"cargo-ai login --invitation '{invitation['link']}'"
    status, welcome = await accept(visitor, invitation["code"])
    assert (status, welcome["user"], welcome["workspace"]["name"]) == (
        200,
        {"uuid": invitation["userUuid"], "email": "ann@example.com"},
        "My Workspace",
    )
    async with signed_in(app, welcome["token"]) as http:
        ann = ApiClient(http)
        assert (await ann.call("workspaceManagement.user.getCurrent"))["user"]["roleSlug"] == "viewer"
        assert await ann.refused(CREATE, userEmail="friend@example.com", roleSlug="viewer") == (403, "forbidden")
    status, refusal = await accept(visitor, invitation["code"])
    assert (status, refusal["reason"]) == (410, "invitationUsed")
    assert (await api.call(LIST))["invitations"] == []
    async with state.database.session(ALL_WORKSPACES) as db:
        accepted = (await db.scalars(select(AuditEntry).where(AuditEntry.operation == invitations.ACCEPTED))).one()
        assert (str(accepted.user_uuid), str(accepted.target_uuid)) == (invitation["userUuid"], invitation["uuid"])


async def test_looking_at_a_link_shows_what_to_do_and_uses_nothing_up(api: ApiClient, visitor: httpx.AsyncClient) -> None:
    await api.call("workspaceManagement.workspace.update", name="<b>Acme</b> & Co")
    invitation = await invite(api)
    for _ in range(3):
        page = await visitor.get(invitation["link"])
        assert page.status_code == 200
        assert "ann@example.com" in page.text and "&lt;b&gt;Acme&lt;/b&gt; &amp; Co" in page.text and "<script" not in page.text
        assert invitation["command"].replace("'", "&#x27;") in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert (await accept(visitor, invitation["code"]))[0] == 200
    assert (await visitor.get(invitation["link"])).status_code == 410


async def test_the_button_of_the_page_shows_the_token_once(api: ApiClient, app: Starlette, visitor: httpx.AsyncClient) -> None:
    invitation = await invite(api)
    page = await visitor.post("/v1/invitations", data={"code": invitation["code"]})
    token = re.search(r"cai_live_[\w-]+", page.text)
    assert page.status_code == 200 and token is not None
    async with signed_in(app, token[0]) as http:
        assert (await ApiClient(http).call("workspaceManagement.user.getCurrent"))["user"]["email"] == "ann@example.com"
    again = await visitor.post("/v1/invitations", data={"code": invitation["code"]})
    assert again.status_code == 410 and "used already" in again.text and "cai_live_" not in again.text


async def test_what_no_longer_works_says_why(api: ApiClient, visitor: httpx.AsyncClient, state: State) -> None:
    replaced = await invite(api)
    revoked = (await api.call(AGAIN, userUuid=replaced["userUuid"]))["invitation"]
    status, body = await accept(visitor, replaced["code"])
    assert (status, body["reason"]) == (410, "invitationRevoked")
    await api.call(REVOKE, uuid=revoked["uuid"])
    assert (await accept(visitor, revoked["code"]))[1]["reason"] == "invitationRevoked"
    assert await api.refused(REVOKE, uuid=revoked["uuid"]) == (404, "invitationNotFound")
    expired = (await api.call(AGAIN, userUuid=replaced["userUuid"]))["invitation"]
    async with state.database.session(ALL_WORKSPACES) as db:
        await db.execute(update(Invitation).values(expires_at=clock.now() - timedelta(seconds=1)))
        await db.commit()
    assert (await accept(visitor, expired["code"]))[1]["reason"] == "invitationExpired"
    for wrong in ("cai_inv_" + "x" * 43, "x" * 10_000, "ü"):
        assert (await accept(visitor, wrong))[1]["reason"] == "invitationNotFound"
    for broken in (None, 1, "", ["x"]):
        assert (await accept(visitor, broken))[1]["reason"] == "invalidInput"


async def test_many_wrong_codes_are_slowed_down_and_a_look_counts_too(visitor: httpx.AsyncClient) -> None:
    for _ in range(limits.WRONG_INVITATIONS_PER_MINUTE):
        assert (await visitor.get("/v1/invitations?code=wrong")).status_code == 404
    status, body = await accept(visitor, "wrong")
    assert (status, body["reason"]) == (429, "tooManyRequests")


async def test_of_those_who_accept_at_once_one_gets_a_token(api: ApiClient, visitor: httpx.AsyncClient) -> None:
    invitation = await invite(api)
    outcomes = await asyncio.gather(*(accept(visitor, invitation["code"]) for _ in range(4)))
    assert sorted(status for status, _ in outcomes) == [200, 410, 410, 410]


async def test_a_removed_user_can_no_longer_accept_also_after_coming_back(api: ApiClient, visitor: httpx.AsyncClient) -> None:
    first = await invite(api)
    await api.call("workspaceManagement.user.remove", userUuid=first["userUuid"])
    assert (await accept(visitor, first["code"]))[1]["reason"] == "invitationRevoked"
    second = await invite(api)
    assert (await accept(visitor, first["code"]))[1]["reason"] == "invitationRevoked"
    assert (await accept(visitor, second["code"]))[0] == 200


async def test_invitations_of_another_workspace_are_unknown(api: ApiClient, other_api: ApiClient, visitor: httpx.AsyncClient) -> None:
    invitation = await invite(api)
    assert await other_api.refused(REVOKE, uuid=invitation["uuid"]) == (404, "invitationNotFound")
    assert await other_api.refused(AGAIN, userUuid=invitation["userUuid"]) == (404, "userNotFound")
    assert (await other_api.call(LIST))["invitations"] == []
    (listed,) = (await api.call(LIST))["invitations"]
    assert (listed["email"], listed["roleSlug"], listed["emailStatus"]) == ("ann@example.com", "viewer", "off")
    assert "code" not in listed and "link" not in listed


async def test_an_invited_admin_does_not_count_as_one_who_could_sign_in(api: ApiClient, visitor: httpx.AsyncClient) -> None:
    invitation = await invite(api, role="admin")
    me = (await api.call("workspaceManagement.user.getCurrent"))["user"]["uuid"]
    assert await api.refused("workspaceManagement.user.update", userUuid=me, roleSlug="viewer") == (409, "lastAdmin")
    assert (await accept(visitor, invitation["code"]))[0] == 200
    await api.call("workspaceManagement.user.update", userUuid=me, roleSlug="viewer")


async def test_an_invitation_is_sent_by_e_mail_and_its_code_forgotten_then(
    api: ApiClient, visitor: httpx.AsyncClient, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mail_server() as server:
        smtp = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_TLS": "off", "SMTP_FROM": "hello@acme.example"}
        variables = {f"CARGO_AI_{name}": value for name, value in smtp.items()} | {"CARGO_AI_PUBLIC_URL": "https://cargo.acme.example"}
        settings = Settings({**state.settings.environment, **variables})
        monkeypatch.setattr(state.services, "settings", settings)
        invitation = await invite(api)
        assert invitation["emailStatus"] == "waiting"
        mailer = InvitationMailer(state.database, state.secrets, settings, Mailer(settings))
        for _ in range(2):
            await mailer.send(invitation["uuid"])
    (email,) = server.emails
    assert email.recipients == ["ann@example.com"]
    text = email.message.get_content()
    assert f"https://cargo.acme.example/v1/invitations?code={invitation['code']}" in text and "admin@localhost" in text
    async with state.database.session(ALL_WORKSPACES) as db:
        assert (await db.scalars(select(Invitation.sealed_code))).one() is None
    (listed,) = (await api.call(LIST))["invitations"]
    assert (listed["emailStatus"], listed["emailProblem"]) == ("sent", None)
    assert (await accept(visitor, invitation["code"]))[0] == 200
