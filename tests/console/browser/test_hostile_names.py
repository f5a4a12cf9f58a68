"""Names and texts of others on every page: markup, text from right to left, and 100,000 characters stay texts inside of their places."""

from __future__ import annotations

import pytest

from tests.console.browser.conftest import Tabs
from tests.console.browser.kit.browser import Tab
from tests.console.browser.kit.seed import HOSTILE, NO_FILTER, Json, World, define, pending_review
from tests.scenarios.story.graphs import end, node, start

pytestmark = pytest.mark.browser

TURNED = "\u202eevil\u2067 שלום مرحبا "
NAME = f"{HOSTILE}<script>document.title='taken'</script>{TURNED}" + "W" * 60
LONG = f"{NAME} " + "long " * 10_000 + "X" * 50_000
"""Of about 100,000 characters, half of them without a place to break."""


def pages(world: World) -> list[str]:
    """The pages of things that are called and say such things."""
    columns: list[Json] = [{"slug": "id", "type": "string", "label": NAME}, {"slug": "text", "type": "string", "label": TURNED}]
    model = define(world, "hostile", NAME, columns, "id", "text")
    world.call("storage.record.create", modelUuid=model, data={"id": "r1", "text": LONG})
    segment = world.call("segmentation.segment.create", name=NAME, modelUuid=model, filter=NO_FILTER)["segment"]["uuid"]
    play = world.call("orchestration.play.create", name=NAME, description=LONG[:10_000], modelUuid=model, changeKinds=["added"])["play"]
    tool = world.call("orchestration.tool.create", name=NAME, description=LONG[:10_000])["tool"]
    fields: list[Json] = [{"name": "subject", "type": "string", "value": LONG[:20_000]}]
    asks = node("ask", "humanReview", {"title": NAME, "instructions": LONG[:5_000], "fields": fields}, ("end",), name=NAME)
    script = "console.log('Y'.repeat(100000)); throw new Error('Z'.repeat(100000))"
    prints = node("prints", "script", {"script": script}, ("end",), name=NAME)
    world.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=[start("ask"), asks, end("end", out=LONG)])
    run = str(world.call("orchestration.run.create", nodes=[start("ask"), asks, end()], data={"_title": LONG})["run"]["uuid"])
    failed = str(world.call("orchestration.run.create", nodes=[start("prints"), prints, end()], data={"a": LONG})["run"]["uuid"])
    world.server.run_finished(failed)
    agent = world.call("ai.agent.create", name=NAME, description=LONG[:1_000])["agent"]["uuid"]
    world.call("ai.release.updateDraft", agentUuid=agent, systemPrompt=LONG[:100_000])
    chat = world.call("ai.chat.create", agentUuid=agent, name=NAME, trigger={"type": "draft"})["chat"]["uuid"]
    connector = world.call(
        "connection.connector.create", integrationSlug="http", slug="hostile", name=NAME, config={"baseUrl": "http://127.0.0.1:9"}
    )["connector"]["uuid"]
    world.call("workspaceManagement.token.create", name=NAME, description=NAME)
    lists = ["/", "/models", "/segments", "/plays", "/tools", "/runs", "/agents", "/reviews", "/connectors", "/tokens", "/search?q=evil"]
    of_things = [
        f"/models/{model}",
        f"/models/{model}/records",
        f"/models/{model}/records/r1",
        f"/segments/{segment}",
        f"/plays/{play['uuid']}",
        f"/tools/{tool['uuid']}?release=draft&node=ask",
        f"/tools/{tool['uuid']}/node?node=ask",
        f"/reviews/{pending_review(world, run)}",
        f"/runs/{failed}?node=prints",
        f"/agents/{agent}",
        f"/chats/{chat}",
        f"/connectors/{connector}",
        "/sql?query=SELECT%20*%20FROM%20default.hostile",
    ]
    return lists + of_things


def check(tab: Tab, path: str) -> list[str]:
    """What is wrong with a page at this size."""
    problems = [f"{path}: {tab.overflow()} pixels too wide"] if tab.overflow() > 0 else []
    if "cargo-ai" not in tab.page.title():
        problems.append(f"{path}: its title is {tab.page.title()[:80]}")
    return problems


def test_names_and_texts_of_others_stay_texts_in_their_places(tabs: Tabs, world: World) -> None:
    wrong: list[str] = []
    with tabs() as tab:
        tab.page.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
        for path in pages(world):
            status = tab.open(path)
            if status != 200:
                wrong.append(f"{path}: {status}")
                continue
            wrong += check(tab, path)
            if tab.bytes_received > 150_000:
                wrong.append(f"{path}: {tab.bytes_received:,} bytes over the wire")
            tab.resize("phone")
            wrong += [f"phone: {problem}" for problem in check(tab, path)]
            tab.resize("desktop")
        wrong += tab.problems()
    assert not wrong, "\n".join(wrong)
