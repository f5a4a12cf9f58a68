"""How people come in, in a browser: by a code, at a provider, back from a consent; and what was typed when a session ended."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit import browser as kit
from tests.console.browser.kit.peers import Peers
from tests.console.browser.kit.seed import Json, World
from tests.scenarios.story.graphs import end, node, start

pytestmark = pytest.mark.browser


def member(world: World, email: str, role: str = "member") -> str:
    """The uuid of a person of the workspace."""
    return str(world.call("workspaceManagement.user.create", userEmail=email, roleSlug=role)["user"]["uuid"])


def token_of(world: World, user: str) -> Json:
    """A new token of a person."""
    made: Json = world.call("workspaceManagement.token.create", name="Short-lived", userUuid=user)["token"]
    return made


def test_a_code_from_an_e_mail_signs_in_and_leads_to_the_page_that_was_asked_for(tabs: Tabs, world: World, around: Peers) -> None:
    member(world, "bea@example.com")
    with tabs("a stranger") as tab:
        page = tab.page
        tab.open("/batches")
        page.get_by_label("E-mail").fill("bea@example.com")
        page.get_by_role("button", name="Send me a code").click()
        code = page.get_by_label("Code")
        expect(code).to_be_focused()
        code.fill("00000000")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
        page.get_by_label("Code").fill(around.code_for("bea@example.com"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Batches")).to_be_visible()
        page.locator(".account summary").click()
        expect(page.locator(".account .who")).to_contain_text("bea@example.com")
        # The code that was wrong is an error to the browser, too.
        assert all("401" in problem for problem in tab.problems())


def test_a_provider_signs_in_and_leads_to_the_page_that_was_asked_for(tabs: Tabs, world: World, around: Peers) -> None:
    member(world, "cleo@example.com")
    around.provider.email = "cleo@example.com"
    with tabs("a stranger") as tab:
        page = tab.page
        tab.open("/segments")
        page.get_by_role("button", name="Sign in at 127.0.0.1").click()
        expect(page.get_by_role("heading", name="Segments")).to_be_visible()
        page.locator(".account summary").click()
        expect(page.locator(".account .who")).to_contain_text("cleo@example.com")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_person_consents_at_a_service_and_comes_back_to_the_connector(tabs: Tabs, world: World, around: Peers) -> None:
    with tabs() as tab:
        page = tab.page

        def consent(route: Route) -> None:
            state = parse_qs(urlsplit(route.request.url).query)["state"][0]
            around.hubspot.control.sign_in.codes.add("code-of-ann")
            back = f"{world.server.base_url}/v1/oauth/callback?state={state}&code=code-of-ann"
            route.fulfill(status=302, headers={"location": back})

        page.route("https://app.hubspot.com/**", consent)
        tab.open("/connectors/new/hubspot")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("link", name="Go to HubSpot").click()
        expect(page.get_by_text("asks to connect your account of HubSpot")).to_be_visible()
        page.get_by_role("button", name="Connect").click()
        page.get_by_role("link", name="To the connector in the console").click()
        expect(page.get_by_role("heading", name="HubSpot")).to_be_visible()
        expect(page.locator("main .badge").first).to_have_text("active")


def typed_draft(world: World) -> tuple[str, str]:
    """A tool whose draft has a node to fill in: its uuid and its workflow."""
    tool = world.call("orchestration.tool.create", name="Half a form")["tool"]
    graph = [start("ask"), node("ask", "humanReview", {"title": "Go?"}, ("end",)), end("end", done="yes")]
    world.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph)
    return str(tool["uuid"]), str(tool["workflowUuid"])


def test_what_was_typed_before_a_session_ended_is_there_after_signing_in_again(chromium: kit.Browser, world: World) -> None:
    tool, workflow = typed_draft(world)
    user = member(world, "dora@example.com")
    first = token_of(world, user)
    session = kit.sign_in(chromium, world.server.base_url, first["token"])
    with kit.new_tab(chromium, world.server.base_url, session=session) as tab:
        page = tab.page
        tab.open(f"/tools/{tool}/node?node=ask")
        page.get_by_label("Description").first.fill("A long text that took an hour")
        page.locator("[name='/config/title']").fill("Shall we?")
        world.call("workspaceManagement.token.remove", uuid=first["uuid"])
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.get_by_text("Your session has ended")).to_be_visible()
        sign_in(page, token_of(world, user)["token"])
        expect(page.get_by_text("What you typed is back")).to_be_visible()
        expect(page.get_by_label("Description").first).to_have_value("A long text that took an hour")
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.get_by_text("Saved in the draft")).to_be_visible()
        expect(page.get_by_text("What you typed is back")).to_have_count(0)
    saved = world.call("orchestration.draftRelease.get", workflowUuid=workflow)["release"]["nodes"][1]
    assert (saved["description"], saved["config"]["title"]) == ("A long text that took an hour", "Shall we?")


def test_what_one_person_typed_is_not_shown_to_the_next_one(chromium: kit.Browser, world: World) -> None:
    tool, _ = typed_draft(world)
    first = token_of(world, member(world, "ella@example.com"))
    session = kit.sign_in(chromium, world.server.base_url, first["token"])
    with kit.new_tab(chromium, world.server.base_url, session=session) as tab:
        page = tab.page
        tab.open(f"/tools/{tool}/node?node=ask")
        page.get_by_label("Description").first.fill("A secret")
        world.call("workspaceManagement.token.remove", uuid=first["uuid"])
        page.get_by_role("button", name="Save in the draft").click()
        sign_in(page, world.admin)
        expect(page.get_by_label("Description").first).to_have_value("")
        assert page.evaluate("sessionStorage.getItem('cargo-ai-typed')") is None


def sign_in(page: Page, token: str) -> None:
    """Sign in by a token, on the page that asks for it."""
    page.fill("input[name=token]", token)
    page.press("input[name=token]", "Enter")


def test_two_people_see_what_each_may_do(chromium: kit.Browser, tabs: Tabs, world: World) -> None:
    rules = [{"effect": "allow", "actions": ["storage:read", "segmentation:read"]}]
    world.call("workspaceManagement.role.create", slug="reads-data", permissions=rules)
    reader = kit.sign_in(chromium, world.server.base_url, token_of(world, member(world, "finn@example.com", "reads-data"))["token"])
    path = f"/models/{world.uuids['model']}/records"
    with tabs() as writes, kit.new_tab(chromium, world.server.base_url, session=reader) as reads:
        for tab, may in ((writes, True), (reads, False)):
            assert tab.open(path) == 200
            count = 1 if may else 0
            expect(tab.page.get_by_role("link", name="New record")).to_have_count(count)
            expect(tab.page.get_by_text("Save as segment")).to_have_count(count)
            sections = tab.page.locator("nav.sections")
            expect(sections.get_by_role("link", name="Models")).to_have_count(1)
            for section in ("Runs", "Agents", "Tokens", "Audit log"):
                expect(sections.get_by_role("link", name=section, exact=True)).to_have_count(count)
        world.call("storage.record.update", modelUuid=world.uuids["model"], id="company-011.example", data={"tier": "bronze"})
        assert reads.open(f"{path}/company-011.example") == 200
        expect(reads.page.get_by_text("bronze").first).to_be_visible()
        assert reads.open("/runs") == 403
        expect(reads.page.get_by_role("alert")).to_contain_text("orchestration:workflow:read")
