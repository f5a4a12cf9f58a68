"""The form of a node: fields by the schema of its action, and a config that is what the command line would send."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from tests.console.conftest import Browser
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEMPLATE: Body = {"kind": "templateExpression", "expression": "{{nodes.start.minutes}}", "instructTo": "none", "fromRecipe": False}
VARIABLES: list[Body] = [
    {"name": "a", "type": "number", "value": 42, "note": "kept"},
    {"name": "b", "type": "string", "value": "{{nodes.start.name}}"},
    {"name": "c", "type": "any", "value": TEMPLATE},
]
REQUEST: Body = {
    "url": TEMPLATE,
    "method": "POST",
    "body": {"deep": ["{{nodes.start.x}}", 1]},
    "headers": {"X-A": "1"},
    "ours": {"unknown": True},
}
INPUTS = re.compile(r"<(input)\b([^>]*)>|<(textarea)\b([^>]*)>(.*?)</textarea>|<(select)\b([^>]*)>(.*?)</select>", re.DOTALL)
HTTP: Body = {"kind": "connector", "integrationSlug": "http"}
SLACK: Body = {"kind": "connector", "integrationSlug": "slack"}
UNCHANGED: list[tuple[str, Body, Body]] = [
    ("variables", {}, {"variables": VARIABLES, "extra": [None, ""]}),
    ("delay", {}, {"minutes": TEMPLATE}),
    ("delay", {}, {"minutes": "{{nodes.start.minutes}}", "unknown": None}),
    ("script", {}, {"script": "return 1\n// {{no template}}\n"}),
    ("request", HTTP, REQUEST),
    ("request", HTTP, {"url": "https://a.example", "failOnError": False, "body": "12"}),
    ("request", HTTP, {"method": "{{nodes.start.method}}", "timeoutMilliseconds": "soon"}),
    ("sendMessage", SLACK, {"text": "Hi", "blocks": [{}], "channel": ""}),
    ("sendMessage", SLACK, {}),
]


class Draft:
    """A tool whose draft has one node between start and end, and its form."""

    def __init__(self, backend: Backend, tool: Body, slug: str) -> None:
        self.backend, self.workflow, self.slug = backend, tool["workflowUuid"], slug
        self.form = f"/console/tools/{tool['uuid']}/node?node={slug}"

    async def config(self) -> Any:
        """The node's config as it is in the draft."""
        release = (await self.backend.admin.call("orchestration.draftRelease.get", workflowUuid=self.workflow))["release"]
        return next(node["config"] for node in release["nodes"] if node["slug"] == self.slug)


async def drafted(backend: Backend, middle: Body) -> Draft:
    tool = (await backend.admin.call("orchestration.tool.create", name="Formed"))["tool"]
    graph = [node("start", children=(middle["uuid"],)), middle, node("end")]
    await backend.admin.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph)
    return Draft(backend, tool, middle["slug"])


def fields_of(page: str) -> dict[str, str]:
    """What a browser posts of the node's form if nothing is changed."""
    form = re.search(r'<form[^>]*id="node-form".*?</form>', page, re.DOTALL)
    assert form is not None
    fields: dict[str, str] = {}
    for tag in INPUTS.finditer(form[0]):
        attributes = tag[2] or tag[4] or tag[7]
        name = re.search(r'name="([^"]*)"', attributes)
        assert name is not None
        if tag[1]:
            value = re.search(r'value="([^"]*)"', attributes)
            text = value[1] if value else ""
        elif tag[3]:
            text = tag[5].removeprefix("\n").replace("\n", "\r\n")
        else:
            if " multiple" in attributes and " selected" not in tag[8]:
                continue
            chosen = re.search(r'<option value="([^"]*)" selected', tag[8]) or re.search(r'<option value="([^"]*)"', tag[8])
            text = chosen[1] if chosen else ""
        fields[html.unescape(name[1])] = html.unescape(text)
    return fields


@pytest.mark.parametrize(("action", "more", "config"), UNCHANGED)
async def test_a_config_that_was_not_changed_is_saved_as_it_was(
    browser: Browser, backend: Backend, action: str, more: Body, config: Body
) -> None:
    draft = await drafted(backend, node("middle", action, ("end",), config=config, **more))
    page = (await browser.get(draft.form)).text
    assert 'name="base"' in page

    response = await browser.post(draft.form, {**fields_of(page), "name": "Renamed"}, page=draft.form)

    assert response.status_code == 303, response.text
    assert await draft.config() == config


async def test_fields_give_typed_values_and_take_expressions_and_keep_what_has_no_field(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "request", ("end",), config=REQUEST, **HTTP))
    fields = fields_of((await browser.get(draft.form)).text)
    assert fields["/config/url"] == "{{nodes.start.minutes}}"
    entered = {
        "/config/url": "https://a.example/{{nodes.start.id}}",
        "/config/method": "PUT",
        "/config/timeoutMilliseconds": "1500",
        "/config/failOnError": "false",
        "/config/body": '{"n": 1, "who": "{{nodes.start.name}}"}',
    }

    assert (await browser.post(draft.form, {**fields, **entered}, page=draft.form)).status_code == 303

    assert await draft.config() == {
        **REQUEST,
        "url": {**TEMPLATE, "expression": "https://a.example/{{nodes.start.id}}"},
        "method": "PUT",
        "timeoutMilliseconds": 1500,
        "failOnError": False,
        "body": {"n": 1, "who": "{{nodes.start.name}}"},
    }


async def test_a_wrong_value_is_said_at_its_field_and_nothing_is_saved(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "request", ("end",), config=REQUEST, **HTTP))
    fields = fields_of((await browser.get(draft.form)).text)

    wrong = await browser.post(draft.form, {**fields, "/config/timeoutMilliseconds": "soon"}, page=draft.form)

    assert wrong.status_code == 422
    assert re.search(r'value="soon"[^>]*aria-invalid="true"', wrong.text)
    assert "Time-out has to be a number." in wrong.text
    wrong = await browser.post(draft.form, {**fields, "/config/body": '{"n": 1'}, page=draft.form)
    assert "Body is not JSON" in wrong.text
    assert await draft.config() == REQUEST
    expression = {**fields, "/config/timeoutMilliseconds": "{{nodes.start.patience}}"}
    assert (await browser.post(draft.form, expression, page=draft.form)).status_code == 303
    assert await draft.config() == {**REQUEST, "timeoutMilliseconds": "{{nodes.start.patience}}"}


async def test_what_keeps_a_stored_config_from_being_deployed_stands_at_its_field(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "request", ("end",), config={"url": "{{nodes.no.x}}"}, **HTTP))

    page = (await browser.get(draft.form)).text

    assert "This node cannot be deployed yet." in page
    assert re.search(r'name="/config/url"[^>]*aria-invalid="true"', page)


async def test_rows_are_added_and_removed_and_the_other_ones_stay_as_they_are(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "variables", ("end",), config={"variables": VARIABLES}))
    fields = fields_of((await browser.get(draft.form)).text)
    gone = await browser.post(draft.form, {**fields, "~do": "remove:/config/variables/1"}, page=draft.form)
    more = await browser.post(draft.form, {**fields_of(gone.text), "~do": "add:/config/variables"}, page=draft.form)
    entered = {"/config/variables/3/name": "d", "/config/variables/3/type": "string", "/config/variables/3/value": "{{nodes.start.d}}"}

    response = await browser.post(draft.form, {**fields_of(more.text), **entered}, page=draft.form)

    assert response.status_code == 303, response.text
    added = {"name": "d", "type": "string", "value": "{{nodes.start.d}}"}
    assert await draft.config() == {"variables": [VARIABLES[0], VARIABLES[2], added]}


async def test_the_same_config_is_shown_as_json_and_as_fields_again(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "request", ("end",), config=REQUEST, **HTTP))
    fields = fields_of((await browser.get(draft.form)).text)

    as_json = fields_of((await browser.post(draft.form, {**fields, "/config/method": "PUT", "~do": "json"}, page=draft.form)).text)
    assert json.loads(as_json["config"]) == {**REQUEST, "method": "PUT"}
    written = {**as_json, "config": json.dumps({**REQUEST, "method": "GET", "also": 1}), "~do": "fields"}
    as_fields = fields_of((await browser.post(draft.form, written, page=draft.form)).text)
    assert as_fields["/config/method"] == "GET"
    broken = await browser.post(draft.form, {**as_json, "config": "{no", "~do": "fields"}, page=draft.form)
    assert broken.status_code == 400 and "{no" in broken.text

    assert (await browser.post(draft.form, as_fields, page=draft.form)).status_code == 303
    assert await draft.config() == {**REQUEST, "method": "GET", "also": 1}


async def test_a_field_with_choices_takes_an_expression_and_shows_its_choices_again(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "request", ("end",), config={**REQUEST, "method": "PUT"}, **HTTP))
    fields = fields_of((await browser.get(draft.form)).text)

    turned = (await browser.post(draft.form, {**fields, "~do": "write:/config/method"}, page=draft.form)).text
    as_text = fields_of(turned)
    assert "/config/method" not in as_text and as_text["/config/method~json"] == "PUT"
    assert 'aria-label="Choose Method"' in turned
    back = fields_of((await browser.post(draft.form, {**as_text, "~do": "choose:/config/method"}, page=draft.form)).text)
    assert back.keys() == fields.keys() and back["/config/method"] == "PUT"

    expression = {**as_text, "/config/method~json": "{{nodes.start.method}}"}
    assert (await browser.post(draft.form, expression, page=draft.form)).status_code == 303
    assert (await draft.config())["method"] == "{{nodes.start.method}}"


async def test_rows_take_an_expression_that_gives_all_of_them(browser: Browser, backend: Backend) -> None:
    draft = await drafted(backend, node("middle", "variables", ("end",), config={"variables": VARIABLES}))
    fields = fields_of((await browser.get(draft.form)).text)

    turned = fields_of((await browser.post(draft.form, {**fields, "~do": "write:/config/variables"}, page=draft.form)).text)
    assert json.loads(turned["/config/variables~json"]) == VARIABLES
    unchanged = await browser.post(draft.form, {**turned, "name": "Renamed"}, page=draft.form)
    assert unchanged.status_code == 303 and await draft.config() == {"variables": VARIABLES}

    of_row = {**fields_of((await browser.get(draft.form)).text), "~do": "write:/config/variables/1/type"}
    row = fields_of((await browser.post(draft.form, of_row, page=draft.form)).text)
    assert row["/config/variables/1/type~json"] == "string"
    for name in ("write:/config/nothing", "write:/config", "choose:/config/variables/7/x", "write:"):
        assert (await browser.post(draft.form, {**fields, "~do": name}, page=draft.form)).status_code == 200, name
