"""Nodes that run a tool or an agent: chosen by name, with what it takes as fields."""

from __future__ import annotations

import pytest

from tests.console.conftest import Browser
from tests.console.test_node_forms import drafted, fields_of
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = '"><script>alert(1)</script>'
FORM: list[Body] = [{"slug": "domain", "name": "Domain", "kind": "string", "isRequired": True}]
READS = [
    node("start", children=("end",)),
    node("end", config={"variables": [{"name": "out", "type": "string", "value": "{{nodes.start.domain}} {{nodes.start.country}}"}]}),
]


async def enricher(backend: Backend) -> Body:
    tool: Body = (await backend.admin.call("orchestration.tool.create", name=HOSTILE))["tool"]
    await backend.admin.call("orchestration.draftRelease.deploy", workflowUuid=tool["workflowUuid"], nodes=READS, formFields=FORM)
    return tool


async def test_a_tool_is_chosen_by_name_and_its_inputs_are_fields(browser: Browser, backend: Backend) -> None:
    tool = await enricher(backend)
    draft = await drafted(backend, node("middle", "", ("end",), kind="tool"))
    page = (await browser.get(draft.form)).text
    assert "&lt;script&gt;" in page and "<script>alert" not in page

    asked = {**fields_of(page), "toolUuid": tool["uuid"], "~do": "refresh"}
    shown = (await browser.post(draft.form, asked, page=draft.form)).text

    assert 'name="/config/domain"' in shown and 'name="/config/country"' in shown
    entered = {**fields_of(shown), "/config/domain": "{{nodes.start.site}}", "/config/country": "FR", "waitUntilFinished": "false"}
    saved = await browser.post(draft.form, entered, page=draft.form)
    assert saved.status_code == 303, saved.text
    release = (await backend.admin.call("orchestration.draftRelease.get", workflowUuid=draft.workflow))["release"]
    made = next(each for each in release["nodes"] if each["slug"] == "middle")
    assert (made["toolUuid"], made["waitUntilFinished"], made.get("releaseUuid")) == (tool["uuid"], False, None)
    assert made["config"] == {"domain": "{{nodes.start.site}}", "country": "FR"}


async def test_what_is_stored_of_a_tool_node_stays_when_nothing_is_changed(browser: Browser, backend: Backend) -> None:
    tool = await enricher(backend)
    config = {"domain": "a.example", "other": {"kept": [1]}}
    draft = await drafted(backend, node("middle", "", ("end",), kind="tool", toolUuid=tool["uuid"], config=config))
    fields = fields_of((await browser.get(draft.form)).text)
    assert (await browser.post(draft.form, fields, page=draft.form)).status_code == 303
    assert await draft.config() == config


async def test_an_agent_is_chosen_by_name_and_asked_with_a_prompt(browser: Browser, backend: Backend) -> None:
    agent = (await backend.admin.call("ai.agent.create", name="Helper", icon={"color": "blue", "face": "x"}))["agent"]
    draft = await drafted(backend, node("middle", "", ("end",), kind="agent"))
    fields = fields_of((await browser.get(draft.form)).text)
    entered = {"agentUuid": agent["uuid"], "/config/prompt": "Who is {{nodes.start.name}}?", "/config/output/type": "text"}
    assert (await browser.post(draft.form, {**fields, **entered}, page=draft.form)).status_code == 303
    assert await draft.config() == {"prompt": "Who is {{nodes.start.name}}?", "output": {"type": "text"}}


async def test_a_tool_that_is_gone_stays_named_by_its_uuid(browser: Browser, backend: Backend) -> None:
    gone = "01a21f70-5885-784e-9109-000000000000"
    draft = await drafted(backend, node("middle", "", ("end",), kind="tool", toolUuid=gone, config={"a": 1}))
    page = await browser.get(draft.form)
    assert page.status_code == 200 and f"{gone} (not found)" in page.text
    assert (await browser.post(draft.form, fields_of(page.text), page=draft.form)).status_code == 303
    assert await draft.config() == {"a": 1}
