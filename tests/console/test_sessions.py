"""Signing in to the console, its sessions, its forms and its headers."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from cargo_ai.kernel import clock
from tests.console.conftest import Browser
from tests.kit.backend import Backend

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _token(backend: Backend, name: str = "mine", **fields: object) -> tuple[str, str]:
    made = await backend.admin.call("workspaceManagement.token.create", name=name, **fields)
    return made["token"]["uuid"], made["token"]["token"]


async def test_a_page_without_a_session_leads_to_signing_in_and_back(visitor: Browser) -> None:
    response = await visitor.get("/console/runs?status=error")
    assert (response.status_code, response.headers["location"]) == (303, "/console/sign-in?next=%2Fconsole%2Fruns%3Fstatus%3Derror")
    page = await visitor.get(response.headers["location"])
    assert 'name="next" value="/console/runs?status=error"' in page.text


async def test_a_token_signs_in_and_its_cookie_is_for_no_script(visitor: Browser, backend: Backend) -> None:
    _, token = await _token(backend)
    response = await visitor.post("/console/sign-in/token", {"token": f" {token} ", "next": "/console/runs"})
    assert (response.status_code, response.headers["location"]) == (303, "/console/runs")
    cookie = next(value for value in response.headers.get_list("set-cookie") if value.startswith("cargo_ai_console="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/console" in cookie
    assert token not in cookie
    assert (await visitor.get("/console/runs")).status_code == 200


async def test_a_wrong_token_is_refused_on_the_page(visitor: Browser) -> None:
    response = await visitor.post("/console/sign-in/token", {"token": "cai_live_wrong"})
    assert response.status_code == 401
    assert "This token is not valid" in response.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/console/../\n//x", "javascript:alert(1)", "/v1/x"]
)
async def test_signing_in_leads_nowhere_else(visitor: Browser, backend: Backend, target: str) -> None:
    _, token = await _token(backend)
    response = await visitor.post("/console/sign-in/token", {"token": token, "next": target})
    assert response.headers["location"] == "/console/"


async def test_a_session_ends_with_its_token(visitor: Browser, backend: Backend) -> None:
    uuid, token = await _token(backend)
    await visitor.sign_in(token)
    assert (await visitor.get("/console/")).status_code == 200
    await backend.admin.call("workspaceManagement.token.remove", uuid=uuid)
    assert (await visitor.get("/console/")).headers["location"] == "/console/sign-in?next=%2Fconsole%2F"
    fragment = await visitor.get("/console/runs", **{"HX-Request": "true", "HX-Current-URL": "http://test/console/runs?status=error"})
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/console/sign-in?next=%2Fconsole%2Fruns%3Fstatus%3Derror")


async def test_signing_out_ends_the_session_at_the_server(visitor: Browser, backend: Backend) -> None:
    _, token = await _token(backend)
    await visitor.sign_in(token)
    cookie = visitor.http.cookies["cargo_ai_console"]
    await visitor.post("/console/sign-out", page="/console/")
    visitor.http.cookies.set("cargo_ai_console", cookie, domain="test.local", path="/console")
    assert (await visitor.get("/console/")).status_code == 303


async def test_a_session_ends_with_its_time(visitor: Browser, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = await _token(backend)
    await visitor.sign_in(token)
    later = clock.now().replace(year=clock.now().year + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await visitor.get("/console/")).status_code == 303


async def test_a_form_without_the_token_of_the_session_is_refused(browser: Browser, backend: Backend) -> None:
    _, token = await _token(backend)
    for fields in ({}, {"_csrf": "x.y"}, {"_csrf": await Browser.csrf(browser, "/console/") + "0"}):
        response = await browser.http.post("/console/sign-out", data=fields)
        assert response.status_code == 403, fields
    foreign = await browser.http.post(
        "/console/sign-out", data={"_csrf": await browser.csrf("/console/")}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert (await browser.get("/console/")).status_code == 200
    assert token


async def test_every_page_has_a_strict_policy_and_no_inline_script_or_style(browser: Browser) -> None:
    for path in ("/console/", "/console/runs", "/console/workspaces", "/console/nowhere", "/console/sign-in?again=1"):
        page = await browser.get(path)
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|<style", page.text), path
        assert page.headers["cache-control"] == "no-store"


async def test_a_page_that_is_not_there_is_a_page(browser: Browser) -> None:
    response = await browser.get("/console/nowhere")
    assert response.status_code == 404
    assert "There is no such page." in response.text
    assert response.headers["content-type"].startswith("text/html")


async def test_a_refusal_is_a_page_and_for_htmx_an_alert(browser: Browser) -> None:
    page = await browser.get("/console/runs?workflowUuid=x")
    assert page.status_code == 404
    assert "<html" in page.text
    part = await browser.get("/console/runs?workflowUuid=x", **{"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-retarget"]) == (404, "#alerts")
    assert part.text.strip().startswith('<div class="alert bad"')


async def test_a_person_without_the_permission_sees_no_link_and_no_page(visitor: Browser, backend: Backend) -> None:
    rules = [{"effect": "allow", "actions": ["storage:read"]}]
    _, token = await _token(backend, permissions=rules)
    await visitor.sign_in(token)
    home = await visitor.get("/console/")
    assert home.status_code == 200
    assert 'href="/console/runs"' not in home.text
    assert (await visitor.get("/console/runs")).status_code == 403


async def test_signing_in_and_out_is_in_the_audit_log(visitor: Browser, backend: Backend) -> None:
    uuid, token = await _token(backend)
    await visitor.sign_in(token)
    await visitor.post("/console/sign-out", page="/console/")
    entries = (await backend.admin.call("workspaceManagement.audit.list", tokenUuid=uuid))["entries"]
    assert [entry["operation"] for entry in entries] == ["workspaceManagement.login.end", "workspaceManagement.login.console"]


async def test_the_theme_is_remembered(browser: Browser) -> None:
    await browser.post("/console/theme", {"theme": "dark", "next": "/console/runs"}, page="/console/")
    assert 'data-theme="dark"' in (await browser.get("/console/")).text
    await browser.post("/console/theme", {"theme": "system"}, page="/console/")
    assert "data-theme" not in (await browser.get("/console/")).text


async def test_the_address_of_the_server_leads_browsers_to_the_console(visitor: Browser) -> None:
    assert (await visitor.get("/", Accept="text/html")).headers["location"] == "/console/"
    assert (await visitor.get("/", Accept="application/json")).status_code == 404
    assert (await visitor.get("/console")).headers["location"] == "/console/"


async def test_who_sends_a_form_after_the_session_has_ended_hears_so_and_is_led_back_to_the_form(visitor: Browser) -> None:
    page = "/console/tools/0198c5f0-0000-7000-8000-000000000001/node?node=ask"
    sent = await visitor.http.post(page, data={"name": "x"}, headers={"Referer": f"http://test{page}"})
    assert sent.status_code == 303
    back = urlsplit(sent.headers["location"])
    assert parse_qs(back.query) == {"next": [page], "unsent": ["true"]}
    assert "nothing of what you sent was done" in (await visitor.get(sent.headers["location"])).text
