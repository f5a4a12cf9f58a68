"""Large things in a browser: a graph of 500 nodes, a log of 10,000 lines; and what forms draw while a person chooses."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit.seed import Json, World
from tests.scenarios.story.graphs import end, node, start, template

pytestmark = pytest.mark.browser

NODES = 500
MAX_BYTES = 150_000
PRINTS = "for (let i = 0; i < 10000; i++) console.log(i); 1"


def chain(count: int) -> list[Json]:
    """A graph of this many nodes, one after another, every tenth with two ways."""
    names = [f"n{at}" for at in range(count - 2)]
    middle = [
        node(name, "branch", {"condition": template("{{true}}")}, (names[at + 1], names[at + 2]))
        if at % 10 == 5 and at < len(names) - 2
        else node(name, "variables", {"variables": []}, (names[at + 1] if at < len(names) - 1 else "end",))
        for at, name in enumerate(names)
    ]
    return [start("n0"), *middle, end("end", done="yes")]


def test_a_graph_of_500_nodes_is_moved_without_drawing_it_again(tabs: Tabs, world: World) -> None:
    tool = world.call("orchestration.tool.create", name="Long")["tool"]
    world.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=chain(NODES))
    with tabs() as tab:
        assert tab.open(f"/tools/{tool['uuid']}?release=draft") == 200
        assert tab.bytes_received < MAX_BYTES
        graph = tab.page.locator(".graph")
        expect(graph.locator("a.node")).to_have_count(NODES)
        tab.page.evaluate(
            "window.drawn = 0; new MutationObserver((all) => { drawn += all.length; })"
            ".observe(document.querySelector('.graph'), { subtree: true, childList: true, attributes: true })"
        )
        box = graph.bounding_box()
        assert box is not None
        x, y = box["x"] + 60, box["y"] + 300
        tab.page.mouse.move(x, y)
        tab.page.mouse.down()
        tab.page.mouse.move(x - 40, y - 200, steps=10)
        tab.page.mouse.up()
        assert tab.page.evaluate("document.querySelector('.graph').scrollTop") == 200
        assert tab.page.evaluate("drawn") == 0
        assert not tab.problems()


def test_a_log_of_10_000_lines_is_turned_page_by_page(tabs: Tabs, world: World) -> None:
    nodes = [start("prints"), node("prints", "script", {"script": PRINTS}, ("end",)), end("end", done="yes")]
    run = world.call("orchestration.run.create", nodes=nodes, data={})["run"]["uuid"]
    world.server.client.get(f"/v1/orchestration/runs/{run}", headers={"Prefer": "wait=20"})
    with tabs() as tab:
        tab.open(f"/runs/{run}")
        tab.page.locator("a.node", has_text="prints").click()
        log = tab.page.locator("#log")
        expect(log).to_contain_text("lines 1 to 200 of 10,000")
        assert tab.page.evaluate("document.querySelectorAll('*').length") < 1_000
        log.get_by_role("link", name="Last lines").click()
        expect(log).to_contain_text("lines 9,801 to 10,000 of 10,000")
        expect(log).to_contain_text("9999")
        assert not tab.problems()


def test_the_inputs_of_a_tool_appear_when_it_is_chosen(tabs: Tabs, world: World) -> None:
    asks = [start("end"), end("end", out="{{nodes.start.domain}}")]
    inner = world.call("orchestration.tool.create", name="Look a domain up")["tool"]
    world.call("orchestration.draftRelease.deploy", workflowUuid=inner["workflowUuid"], nodes=asks, formFields=None)
    outer = world.call("orchestration.tool.create", name="Outer")["tool"]
    calls = node("calls", "", {}, ("end",), kind="tool")
    world.call(
        "orchestration.draftRelease.update", workflowUuid=outer["workflowUuid"], nodes=[start("calls"), calls, end("end", done="yes")]
    )
    with tabs() as tab:
        page = tab.page
        tab.open(f"/tools/{outer['uuid']}/node?node=calls")
        page.get_by_label("Tool", exact=True).select_option(label="Look a domain up")
        page.get_by_label("domain").fill("{{nodes.start.site}}")
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.get_by_text("Saved in the draft")).to_be_visible()
        assert not tab.problems()
    release = world.call("orchestration.draftRelease.get", workflowUuid=outer["workflowUuid"])["release"]
    assert release["nodes"][1]["toolUuid"] == inner["uuid"]
    assert release["nodes"][1]["config"] == {"domain": "{{nodes.start.site}}"}


def test_a_file_is_attached_to_a_message_and_another_one_taken_away(tabs: Tabs, world: World, tmp_path: Path) -> None:
    for name in ("facts.txt", "wrong.txt"):
        (tmp_path / name).write_text("Acme was founded in 1947.")
    agent = world.call("ai.agent.create", name="Reader")["agent"]["uuid"]
    world.call("ai.release.deployDraft", agentUuid=agent, integrationSlug="openAi", languageModelSlug="gpt-4.1-mini")
    with tabs() as tab:
        page = tab.page
        tab.open(f"/agents/{agent}")
        for name in ("wrong.txt", "facts.txt"):
            page.get_by_label("Attach a file").set_input_files(tmp_path / name)
            expect(page.locator(".attached", has_text=name)).to_be_visible()
        page.get_by_role("button", name="Do not send wrong.txt").click()
        page.get_by_label("Message").fill("When?")
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".message.mine", has_text="facts.txt")).to_be_visible()
        expect(page.locator(".message.mine", has_text="wrong.txt")).to_have_count(0)
        assert not tab.problems()


def test_a_choice_becomes_a_text_for_an_expression_and_a_choice_again(tabs: Tabs, world: World) -> None:
    tool = world.call("orchestration.tool.create", name="Calls")["tool"]
    call = node("call", "request", {"url": "https://a.example", "method": "PUT"}, ("end",), kind="connector", integrationSlug="http")
    world.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=[start("call"), call, end("end", done="yes")])
    with tabs() as tab:
        page = tab.page
        tab.open(f"/tools/{tool['uuid']}/node?node=call")
        page.get_by_role("button", name="Method as an expression").click()
        text = page.locator("[name='/config/method~json']")
        expect(text).to_have_value("PUT")
        page.get_by_role("button", name="Choose Method").click()
        expect(page.locator("select[name='/config/method']")).to_have_value("PUT")
        page.get_by_role("button", name="Method as an expression").click()
        text.fill("{{nodes.start.method}}")
        page.get_by_role("button", name="Save in the draft").click()
        expect(page.get_by_text("Saved in the draft")).to_be_visible()
        assert not tab.problems()
    release = world.call("orchestration.draftRelease.get", workflowUuid=tool["workflowUuid"])["release"]
    assert release["nodes"][1]["config"] == {"url": "https://a.example", "method": "{{nodes.start.method}}"}


def test_the_result_of_a_slow_query_follows_the_page(tabs: Tabs) -> None:
    joined = "".join(f" JOIN default.companies {name} ON {name}.country = a.country" for name in "bcd")
    with tabs() as tab:
        tab.open("/usage")
        tab.open(f"/sql?query={quote(f'SELECT COUNT(*) AS n FROM default.companies a{joined}')}")
        expect(tab.page.locator("#result #count")).to_have_text("1 rows", timeout=30_000)
        expect(tab.page.locator("[data-late]")).to_have_count(0)
        assert not tab.problems()
