"""The lines "as a command" of every page work as they are: those that read are run and show what the page shows, those that write exist;
and what is copied from a page is what the command line takes."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, StorageState, expect

from cargo_ai.console.views import PAGES
from tests.console.browser.conftest import Tabs
from tests.console.browser.kit import samples
from tests.console.browser.kit.command_line import CommandLine
from tests.console.browser.kit.seed import IN_FRANCE_TEXT, World
from tests.scenarios.story.graphs import end, node, start, template

pytestmark = pytest.mark.browser

_LINE = re.compile(r'<pre class="command"[^>]*><code>(.*?)</code>', re.DOTALL)
_VERBS = "list|get|get-[a-z-]+|fetch|fetch-[a-z-]+|find|query|preview|explain|compare|diff|describe"
_READS = re.compile(rf"cargo-ai(?: [a-z-]+)+ (?:{_VERBS})\b")
_ROWS = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)
_FIRST_LINK = re.compile(r'<tr>.*?<a [^>]*href="/console/[a-z-]+/([0-9a-f-]{36})"', re.DOTALL)


def pages_of(world: World, session: StorageState) -> dict[str, str]:
    """The markup of every page, by its path."""
    cookies = {cookie.get("name", ""): cookie.get("value", "") for cookie in session.get("cookies", [])}
    with httpx.Client(base_url=f"{world.server.base_url}/console", cookies=cookies, timeout=60) as client:
        paths = [page.path for page in PAGES if "GET" in page.methods and page.path not in samples.DOWNLOADS]
        return {path: client.get(samples.fill(path, world)).text for path in dict.fromkeys(paths)}


def lines_of(page: str) -> list[str]:
    """The lines as a command of a page."""
    texts = [html.unescape(text) for text in _LINE.findall(page)]
    return [line for text in texts for line in text.split("\n") if line.startswith("cargo-ai ")]


def test_each_line_that_a_page_shows_is_a_command_and_a_list_shows_the_same_things(
    world: World, sessions: dict[str, StorageState], tmp_path: Path
) -> None:
    shell = CommandLine(world, tmp_path)
    pages = pages_of(world, sessions["admin"])
    printed: dict[str, str] = {}
    wrong: list[str] = []
    for line in dict.fromkeys(line for page in pages.values() for line in lines_of(page)):
        command = line if _READS.match(line) or "runs/list" in line else f"{_words(line)} --help"
        done = shell.line(command)
        printed[line] = done.stdout
        if done.returncode != 0:
            wrong.append(f"{command}\n{(done.stderr or done.stdout)[-400:]}")
    assert len(printed) > 40
    for path, page in pages.items():
        is_list = "{" not in path and path != "/"
        shown: set[str] = {uuid for rows in _ROWS.findall(page) for uuid in _FIRST_LINK.findall(rows)} if is_list else set()
        said = "".join(printed[line] for line in lines_of(page))
        wrong += [f"{path} shows {uuid}, its commands do not" for uuid in shown if uuid not in said]
    assert not wrong, "\n".join(wrong)


def _words(line: str) -> str:
    """The command of a line, without its flags and arguments."""
    words: list[str] = []
    for word in shlex.split(line):
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        words.append(word)
    return " ".join(words)


def _copied(page: Page) -> str:
    """What is in the clipboard."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_graph_that_was_copied_is_what_the_command_line_takes(tabs: Tabs, world: World, tmp_path: Path) -> None:
    odd = "\"quoted\" </script> 'single' \\ \u202e {{nodes.start.size || 1}}"
    graph = [start("set"), node("set", "variables", {"variables": [{"name": "a", "type": "any", "value": template(odd)}]}, ("end",)), end()]
    source, target = (world.call("orchestration.tool.create", name=name)["tool"] for name in ("Copied from", "Copied to"))
    world.call("orchestration.draftRelease.update", workflowUuid=source["workflowUuid"], nodes=graph)
    with tabs() as tab:
        tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.open(f"/tools/{source['uuid']}?release=draft")
        tab.page.get_by_text("The graph as text, and as JSON").click()
        tab.page.locator(".json", has_text="Nodes").first.get_by_role("button", name="Copy").click()
        expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
        (tmp_path / "nodes.json").write_text(_copied(tab.page), "utf-8")
    shell = CommandLine(world, tmp_path)
    words = ["orchestration", "draft-release", "update", "--workflow-uuid", target["workflowUuid"], "--nodes", "@nodes.json"]
    done = shell.run(*words)
    assert done.returncode == 0, done.stderr
    first, second = (
        world.call("orchestration.draftRelease.get", workflowUuid=tool["workflowUuid"])["release"]["nodes"] for tool in (source, target)
    )
    assert first == second


def test_a_filter_that_was_copied_is_what_the_command_line_takes(tabs: Tabs, world: World, tmp_path: Path) -> None:
    model = world.uuids["model"]
    with tabs() as tab:
        tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.open(samples.fill("/models/{uuid}/records", world))
        count = tab.page.locator("#count").inner_text().split()[0]
        tab.page.get_by_text("As JSON", exact=True).click()
        tab.page.get_by_role("button", name="Copy filter as JSON").click()
        copied = _copied(tab.page)
    assert json.loads(copied) == json.loads(IN_FRANCE_TEXT)
    done = CommandLine(world, tmp_path).run("segmentation", "segment", "fetch", "--model-uuid", model, "--filter", copied)
    assert done.returncode == 0, done.stderr
    assert str(json.loads(done.stdout)["count"]) == count
