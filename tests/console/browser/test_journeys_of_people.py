"""What people do in a browser: decide a review, talk with an agent, look without rights, and come back after a session has ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit.browser import Tab
from tests.console.browser.kit.seed import Json, World, pending_review
from tests.scenarios.story.graphs import end, node, start
from tests.simulators.language_models.control import Control, Reply
from tests.simulators.language_models.server import Running

pytestmark = pytest.mark.browser


@pytest.fixture
def model(language_model: Running) -> Iterator[Control]:
    """The imitation of a language model, with no rules before and after."""
    language_model.control.reset()
    yield language_model.control
    language_model.control.reset()


def ask(world: World, title: str) -> tuple[str, str]:
    """A run that waits for a decision, and its review."""
    fields: list[Json] = [{"name": "subject", "type": "string", "value": "Hello", "required": True}]
    nodes = [start("ask"), node("ask", "humanReview", {"title": title, "fields": fields}, ("sent",)), end("sent", way="sent")]
    run = str(world.call("orchestration.run.create", nodes=nodes, data={})["run"]["uuid"])
    return run, pending_review(world, run)


def sound(tab: Tab) -> None:
    """Nothing went wrong on the way."""
    assert tab.problems() == []


def test_a_review_is_found_changed_and_approved(tabs: Tabs, world: World) -> None:
    _, review = ask(world, "Send the letter?")
    with tabs() as tab:
        tab.open("/")
        tab.page.get_by_role("link", name="Reviews", exact=True).first.click()
        tab.page.get_by_role("link", name="Send the letter?").click()
        tab.page.get_by_label("subject").fill("Hello Ann")
        tab.page.get_by_label("Comment").fill("Friendlier")
        tab.page.get_by_role("button", name="Approve").click()
        expect(tab.page.get_by_role("status").filter(has_text="Approved: Send the letter?")).to_be_visible()
        sound(tab)
    decided = world.call("orchestration.review.get", uuid=review)["review"]
    assert (decided["status"], decided["values"], decided["comment"]) == ("approved", {"subject": "Hello Ann"}, "Friendlier")


def test_an_agent_answers_while_one_looks_and_asks_before_it_writes(tabs: Tabs, world: World, model: Control) -> None:
    model.rules.append(lambda said: None if "save" in said.last.lower() else Reply("Acme makes **rockets**, and has for many years."))
    call = ("save_companies", {"records": [{"domain": "acme.example", "name": "Acme"}]})
    model.rules.append(lambda said: Reply("It is saved.") if said.results else Reply(calls=[call]))
    model.fail(path="completions", slow=1.5, times=1)
    resource: Json = {
        "slug": "companies",
        "kind": "model",
        "modelUuid": world.uuids["model"],
        "isReadOnly": False,
        "requiresApproval": True,
    }
    agent = world.call("ai.agent.create", name="Account planner")["agent"]["uuid"]
    world.call("ai.release.deployDraft", agentUuid=agent, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini", resources=[resource])
    with tabs() as tab:
        page = tab.page
        tab.open("/agents")
        page.get_by_role("link", name="Account planner").click()
        page.get_by_label("Message").fill("What does Acme make?")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("writes", exact=True)).to_be_visible()
        expect(page.locator(".answer strong", has_text="rockets")).to_be_visible()
        expect(page.get_by_text("gpt-4.1-mini")).to_be_visible()
        say(page, "Save it")
        expect(page.get_by_text("waits for a person")).to_be_visible()
        expect(page.locator(".tool-call pre").first).to_contain_text("acme.example")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("It is saved.")).to_be_visible()
        sound(tab)
    assert world.call("storage.record.get", modelUuid=world.uuids["model"], id="acme.example")


def say(page: Page, text: str) -> None:
    """Send a message in a chat."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_who_only_looks_is_shown_nothing_to_press(tabs: Tabs, world: World) -> None:
    _, review = ask(world, "Only for others")
    with tabs("viewer") as tab:
        for path in (
            f"/reviews/{review}",
            f"/agents/{world.uuids['agent']}",
            f"/connectors/{world.uuids['connector']}",
            "/tokens",
            "/users",
        ):
            assert tab.open(path) == 200
            assert tab.page.locator("main form[method=post]").count() == 0, path
        assert tab.open("/audit") == 403
        expect(tab.page.get_by_role("alert")).to_contain_text("workspaceManagement:write")


def test_a_session_that_ends_in_the_middle_leads_to_signing_in_and_back(tabs: Tabs, world: World) -> None:
    token = world.call("workspaceManagement.token.create", name="for an hour")["token"]
    with tabs("a stranger") as tab:
        tab.open("/queue")
        sign_in(tab, token["token"])
        expect(tab.page.get_by_role("heading", name="Queue")).to_be_visible()
        world.call("workspaceManagement.token.remove", uuid=token["uuid"])
        tab.page.get_by_role("link", name="Usage").click()
        sign_in(tab, world.admin)
        expect(tab.page.get_by_role("heading", name="Usage")).to_be_visible()
        tab.page.wait_for_url("**/console/usage")


def sign_in(tab: Tab, token: str) -> None:
    """Sign in on the page for that."""
    expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
    tab.page.fill("input[name=token]", token)
    tab.page.press("input[name=token]", "Enter")


def test_search_is_a_key_away_and_leads_to_what_has_a_uuid(tabs: Tabs, world: World) -> None:
    with tabs() as tab:
        tab.open("/usage")
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("rank a")
        tab.page.keyboard.press("Enter")
        expect(tab.page.get_by_role("link", name="Rank a company")).to_be_visible()
        tab.page.keyboard.press("Escape")
        tab.page.fill("#search", world.uuids["review"])
        tab.page.press("#search", "Enter")
        expect(tab.page.get_by_role("heading", name="Send this offer?")).to_be_visible()
        sound(tab)


def test_the_form_of_a_service_follows_what_is_chosen_and_keeps_what_was_typed(tabs: Tabs, world: World) -> None:
    with tabs() as tab:
        page = tab.page
        tab.open("/connectors/new/http")
        page.get_by_label("Base address").fill("https://crm.example.com")
        page.get_by_label("Credentials").select_option(label="Bearer token")
        page.get_by_label("Bearer token", exact=True).fill("s3cret")
        page.get_by_role("button", name="Add").click()
        page.get_by_label("Name 1").fill("X-Org")
        page.get_by_label("Value 1").fill("acme")
        expect(page.get_by_label("Bearer token", exact=True)).to_have_value("s3cret")
        page.get_by_label("Ask the service first").uncheck()
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("heading", name="HTTP")).to_be_visible()
        sound(tab)
    made = world.call("connection.connector.list", integrationSlug="http")["connectors"][0]
    assert made["config"] == {"baseUrl": "https://crm.example.com", "headers": {"X-Org": "***"}, "auth": {"kind": "bearer", "token": "***"}}
