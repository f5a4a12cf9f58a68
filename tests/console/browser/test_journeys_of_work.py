"""Journeys about work: a batch is watched, its failures found and replayed; a run walks; a session ends in the middle; keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit import browser as kit
from tests.console.browser.kit.seed import World
from tests.scenarios.story.graphs import end, node, start

pytestmark = pytest.mark.browser


def test_a_batch_is_watched_until_it_ends_and_its_failed_runs_are_replayed(tabs: Tabs, world: World) -> None:
    records = [{"size": at, "minutes": "soon" if at < 7 else 0.05} for at in range(24)]
    batch = world.call("orchestration.batch.create", workflowUuid=world.uuids["workflow"], data={"kind": "records", "records": records})[
        "batch"
    ]
    with tabs() as tab:
        tab.page.on("dialog", lambda dialog: dialog.accept())
        assert tab.open(f"/batches/{batch['uuid']}") == 200
        expect(tab.page.locator("#progress .badge").first).to_have_text(re.compile("success|error"), timeout=60_000)
        expect(tab.page.locator(".causes")).to_contain_text("7 runs at wait")
        tab.page.get_by_role("link", name="The latest of them").click()
        expect(tab.page.locator("#run-status")).to_contain_text("wait")
        expect(tab.page.locator("#node")).to_contain_text("Config as it was carried out")
        tab.page.go_back()
        tab.page.get_by_role("button", name="Replay the failed from wait").click()
        expect(tab.page.locator("#alerts")).to_contain_text("The failed runs are replayed from wait.")
        expect(tab.page.locator("#progress")).to_contain_text("of 7", timeout=60_000)
        assert not tab.problems()


def test_a_run_walks_over_its_graph_and_a_node_opens_beside_it(tabs: Tabs, world: World) -> None:
    run = world.call("orchestration.run.create", workflowUuid=world.uuids["workflow"], data={"size": 500, "minutes": 0.05})["run"]
    with tabs() as tab:
        assert tab.open(f"/runs/{run['uuid']}") == 200
        expect(tab.page.locator("a.node.current")).to_have_count(1)
        expect(tab.page.locator("#run-status .badge")).to_have_text("success", timeout=60_000)
        expect(tab.page.locator("a.node.current")).to_have_count(0)
        expect(tab.page.locator("#live")).not_to_have_attribute("hx-get", re.compile(".+"))
        tab.page.locator("a.node", has_text="Big?").click()
        expect(tab.page.locator("#node h2")).to_have_text("Big?")
        assert tab.page.url.endswith("?node=is_big")
        tab.page.reload()
        expect(tab.page.locator("#node h2")).to_have_text("Big?")
        assert not tab.problems()


def test_a_session_that_ends_in_the_middle_leads_to_signing_in_and_back(chromium: kit.Browser, world: World) -> None:
    made = world.call("workspaceManagement.token.create", name="Short-lived")["token"]
    run = world.call("orchestration.run.create", workflowUuid=world.uuids["workflow"], data={"size": 1, "minutes": 0.5})["run"]
    session = kit.sign_in(chromium, world.server.base_url, made["token"])
    with kit.new_tab(chromium, world.server.base_url, session=session) as tab:
        assert tab.open(f"/runs/{run['uuid']}") == 200
        world.call("workspaceManagement.token.remove", uuid=made["uuid"])
        tab.page.wait_for_url("**/console/sign-in?next=*")
        tab.page.fill("#token", world.admin)
        tab.page.press("#token", "Enter")
        tab.page.wait_for_url(f"**/console/runs/{run['uuid']}")
        world.call("orchestration.run.cancel", workflowUuid=world.uuids["workflow"], uuids=[run["uuid"]])


def test_keys_go_through_rows_search_and_help(tabs: Tabs) -> None:
    with tabs() as tab:
        assert tab.open("/runs") == 200
        tab.page.keyboard.press("j")
        tab.page.keyboard.press("j")
        focused = tab.page.evaluate("document.activeElement.getAttribute('href')")
        tab.page.keyboard.press("/")
        expect(tab.page.locator("#search")).to_be_focused()
        tab.page.keyboard.press("Escape")
        tab.page.keyboard.press("?")
        expect(tab.page.locator("#keys")).to_be_visible()
        tab.page.keyboard.press("Escape")
        tab.page.keyboard.press("g")
        tab.page.keyboard.press("b")
        tab.page.wait_for_url("**/console/batches")
        assert str(focused).startswith("/console/runs/")
        assert not tab.problems()


def test_a_node_is_filled_in_by_form_with_choices_of_the_account_and_more_rows(tabs: Tabs, world: World) -> None:
    tool = world.call("orchestration.tool.create", name="Write a mail")["tool"]
    write = node("write", "instruct", {"prompt": "Hi"}, ("end",), kind="connector", integrationSlug="openAi")
    graph = [start("write"), write, end()]
    world.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph)
    with tabs() as tab:
        assert tab.open(f"/tools/{tool['uuid']}/node?node=write") == 200
        tab.page.focus("input[name='/config/model']")
        expect(tab.page.locator("datalist option[value='gpt-4o']")).to_have_count(1)
        tab.page.fill("input[name='/config/model']", "gpt-4o")
        tab.page.fill("[name='/config/prompt']", "Write to {{nodes.start.name}}")
        tab.page.get_by_role("button", name="Save in the draft").click()
        expect(tab.page.locator("#node")).to_contain_text("Write to {{nodes.start.name}}")
        assert tab.open(f"/tools/{tool['uuid']}/node?node=end") == 200
        tab.page.get_by_role("button", name="Add", exact=True).click()
        tab.page.fill("input[name='/config/variables/0/name']", "answer")
        assert not tab.problems()
