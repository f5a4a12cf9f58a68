"""Pages about tools, plays, runs and batches: what they show, for whom, and that hostile names stay text."""

from __future__ import annotations

import asyncio
import re

import pytest
import pytest_asyncio

from cargo_ai.console import page as pages
from cargo_ai.kernel import clock
from tests.console.conftest import Browser, browser_of
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
GRAPH: list[Body] = [
    node("start", children=("check",), name=HOSTILE),
    node("check", "branch", ("fails", "end"), config={"condition": "{{nodes.start.fails}}"}),
    node("fails", "script", ("end",), config={"script": "throw new Error('no such company: ' + nodes.start.name)"}),
    node("end", config={"variables": [{"name": "answer", "type": "string", "value": "{{nodes.start.name}}"}]}),
]


class Tool:
    """A tool that has run: one run went well, one failed, and a batch of both."""

    def __init__(self, tool: Body, good: Body, bad: Body, batch: Body) -> None:
        self.tool, self.good, self.bad, self.batch = tool, good, bad, batch


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tool(backend: Backend) -> Tool:
    made = (await backend.admin.call("orchestration.tool.create", name=HOSTILE))["tool"]
    workflow = made["workflowUuid"]
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=workflow, nodes=GRAPH)
    good = (await backend.run({"fails": False, "name": HOSTILE}, workflowUuid=workflow))["run"]
    bad = (await backend.run({"fails": True, "name": HOSTILE}, workflowUuid=workflow))["run"]
    batch = await backend.batch([{"fails": at % 2 == 0, "name": f"Company {at}"} for at in range(4)], workflowUuid=workflow)
    assert (good["status"], bad["status"]) == ("success", "error"), (good, bad)
    return Tool(made, good, bad, batch)


async def test_hostile_names_values_and_messages_stay_text_on_every_page(browser: Browser, tool: Tool) -> None:
    run = f"/console/runs/{tool.bad['uuid']}"
    for path in (
        "/console/",
        "/console/tools",
        f"/console/tools/{tool.tool['uuid']}?node=fails",
        "/console/runs",
        f"{run}?node=fails",
        f"{run}?node=start",
        f"{run}?node=%22%3E%3Cscript%3E",
        f"{run}/compare?other={tool.good['uuid']}",
        f"/console/batches/{tool.batch['uuid']}",
        "/console/batches",
        "/console/runs?recordTitleOrId=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        page = await browser.get(path)
        assert page.status_code == 200, (path, page.text[:500])
        assert "<script>" not in page.text, path
        assert not re.search(r"<img(?! src=\"/console/static)", page.text), path
        assert not re.search(r"\sstyle=|\son[a-z]+=\"", page.text.replace("onerror=alert", "")), path


async def test_a_run_shows_why_it_failed_what_each_node_gave_and_how_to_go_on(browser: Browser, tool: Tool) -> None:
    page = (await browser.get(f"/console/runs/{tool.bad['uuid']}")).text
    assert "no such company" in page
    assert f'action="/console/runs/{tool.bad["uuid"]}/replay"' in page
    assert 'id="node" class="panel card"' in page
    assert re.search(r'class="node step error selected|class="node step error"', page)
    assert "hx-trigger" not in page, "a run that has ended is not asked for again"
    assert f"cargo-ai orchestration run get {tool.bad['uuid']}" in page
    part = await browser.get(f"/console/runs/{tool.good['uuid']}?node=end", **{"HX-Request": "true", "HX-Target": "node"})
    assert part.text.strip().startswith('<div id="node"')
    assert "Config as it was carried out" in part.text


async def test_a_run_is_replayed_once_however_often_its_form_is_sent(browser: Browser, tool: Tool, backend: Backend) -> None:
    page = f"/console/runs/{tool.bad['uuid']}"
    fields = {"fromNode": "fails", "_key": "k" * 24}
    sent = [await browser.post(f"{page}/replay", fields, page=page) for _ in range(2)]
    assert [response.status_code for response in sent] == [303, 303]
    assert sent[0].headers["location"] == sent[1].headers["location"] != page
    replayed = (await browser.get(sent[0].headers["location"])).text
    assert "Replayed from fails." in replayed
    assert f'href="{page}">this run</a>' in replayed


async def test_a_live_run_is_asked_for_again_until_it_has_ended(browser: Browser, backend: Backend) -> None:
    graph = [node("start", children=("wait",)), node("wait", "delay", ("end",), config={"minutes": 0.03}), node("end")]
    uuid = (await backend.admin.call("orchestration.run.create", nodes=graph, data={}))["run"]["uuid"]
    headers = {"HX-Request": "true", "HX-Target": "live"}
    assert 'id="live" hx-get=' in (await browser.get(f"/console/runs/{uuid}")).text
    part = await browser.get(f"/console/runs/{uuid}", **headers)
    assert part.text.count("hx-swap-oob") == 3
    deadline = clock.seconds() + 60
    while 'id="live" hx-get=' in (part := await browser.get(f"/console/runs/{uuid}", **headers)).text:
        assert clock.seconds() < deadline
        await asyncio.sleep(0.1)
    assert "success" in part.text


async def test_a_batch_groups_its_errors_by_cause_and_replays_the_failed(browser: Browser, tool: Tool, backend: Backend) -> None:
    page = f"/console/batches/{tool.batch['uuid']}"
    text = (await browser.get(page)).text
    assert "<strong>2 runs</strong>" in text
    assert "Replay the failed from fails" in text
    response = await browser.post(f"{page}/replay", {"fromNode": "fails"}, page=page)
    replayed = await backend.ended("batches", response.headers["location"].removeprefix("/console/batches/"))
    assert replayed["batch"]["runsCount"] == 2


async def test_a_batch_says_how_many_more_causes_there_are_than_it_shows(browser: Browser, tool: Tool, backend: Backend) -> None:
    workflow = tool.tool["workflowUuid"]
    names = [letter * 3 for letter in "abcdefghijkl"]
    batch = await backend.batch([{"fails": True, "name": name} for name in names], workflowUuid=workflow)
    page = (await browser.get(f"/console/batches/{batch['uuid']}")).text
    assert page.count('<div class="cause">') == 10
    assert re.search(rf'and 2 more causes: <a href="/console/runs\?batchUuid={batch["uuid"]}&amp;status=error">', page)
    assert "more cause" not in (await browser.get(f"/console/batches/{tool.batch['uuid']}")).text


async def test_what_went_wrong_in_a_batch_follows_where_that_takes_long(
    browser: Browser, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0)
    browser.http.cookies.set(pages.SCRIPTS_COOKIE, "1")
    path = f"/console/batches/{tool.batch['uuid']}"
    page = await browser.get(path)
    assert page.status_code == 200 and "What went wrong" not in page.text
    assert re.findall(r'<div id="(\w+)" data-late', page.text) == ["causes", "metrics"]
    for part, text in (("causes", "Replay the failed from fails"), ("metrics", "How each node went")):
        assert text in (await browser.get(path, **{"HX-Request": "true", "HX-Target": part})).text
    ended = await browser.get(path, **{"HX-Request": "true", "HX-Target": "progress"})
    assert 'hx-swap-oob="outerHTML:#causes"' in ended.text


async def test_two_runs_are_compared_side_by_side(browser: Browser, tool: Tool) -> None:
    page = (await browser.get(f"/console/runs/{tool.good['uuid']}/compare?other={tool.bad['uuid']}&ignoreInput=true")).text
    assert page.count("graph-picture") == 2
    assert "highlighted" in page


async def test_what_is_not_there_or_of_another_workspace_is_not_found(browser: Browser, tool: Tool, backend: Backend) -> None:
    stranger = browser_of(backend)
    async with stranger.http:
        await stranger.sign_in(backend.other_api.http.headers["authorization"].removeprefix("Bearer "))
        for path in (
            f"/console/runs/{tool.good['uuid']}",
            f"/console/runs/{tool.good['uuid']}/compare?other={tool.bad['uuid']}",
            f"/console/batches/{tool.batch['uuid']}",
            f"/console/tools/{tool.tool['uuid']}",
            f"/console/plays/{tool.tool['uuid']}",
            "/console/runs/01a21f70-5885-784e-9109-000000000000",
            "/console/runs/not-a-uuid",
        ):
            assert (await stranger.get(path)).status_code == 404, path
        assert tool.good["uuid"] not in (await stranger.get("/console/runs")).text


async def test_who_may_only_look_gets_no_buttons_and_no_deeds(visitor: Browser, tool: Tool, backend: Backend) -> None:
    rules = [{"effect": "allow", "actions": ["orchestration:read", "orchestration:workflow:read"]}]
    made = await backend.admin.call("workspaceManagement.token.create", name="viewer", permissions=rules)
    await visitor.sign_in(made["token"]["token"])
    page = f"/console/runs/{tool.bad['uuid']}"
    assert "/replay" not in (await visitor.get(page)).text
    assert (await visitor.post(f"{page}/replay", {"fromNode": "fails"}, page=page)).status_code == 403


async def test_a_node_of_a_draft_is_changed_by_form_and_deployed(browser: Browser, backend: Backend) -> None:
    made = (await backend.admin.call("orchestration.tool.create", name="Edited"))["tool"]
    workflow, page = made["workflowUuid"], f"/console/tools/{made['uuid']}"
    graph = [node("start", children=("end",)), node("end", config={"variables": []})]
    await backend.admin.call("orchestration.draftRelease.update", workflowUuid=workflow, nodes=graph)
    form = f"{page}/node?node=end"
    state = re.search(r'name="state" value="(\w+)"', (await browser.get(form)).text)
    assert state is not None
    broken = await browser.post(form, {"state": state[1], "config": "{no json"}, page=form)
    assert broken.status_code == 400 and "is not valid JSON" in broken.text and "{no json" in broken.text
    config = '{"variables": [{"name": "answer", "type": "number", "value": 42}]}'
    saved = await browser.post(form, {"state": state[1], "config": config, "name": "The end"}, page=form)
    assert saved.headers["location"] == f"{page}?release=draft&node=end"
    again = await browser.post(form, {"state": state[1], "config": "{}"}, page=form)
    assert again.status_code == 409 and "Someone changed this node" in again.text
    draft = (await browser.get(f"{page}?release=draft&node=end")).text
    assert "The end" in draft and "Deploy this draft" in draft
    await browser.post(f"{page}/deploy", {"workflowUuid": workflow}, page=f"{page}?release=draft")
    run = (await backend.run({}, workflowUuid=workflow))["run"]
    assert run["status"] == "success"
    assert (await backend.admin.call("orchestration.run.get", uuid=run["uuid"]))["runContext"]["end"] == {"answer": 42}
