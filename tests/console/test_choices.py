"""Choices of fields: asked of the account of a connector while a person fills in a node, with the rights of the person."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.console.conftest import Browser
from tests.console.test_node_forms import fields_of
from tests.kit.api_client import Body
from tests.kit.backend import Backend, running_backend
from tests.kit.data.databases import Databases
from tests.kit.graphs import node
from tests.simulators.hubspot import server
from tests.simulators.hubspot.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def hubspot() -> Iterator[Running]:
    """The imitation of HubSpot."""
    with server.running() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(databases: Databases, hubspot: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Backend]:
    """A server with a connector of HubSpot."""
    folder = tmp_path_factory.mktemp("backend")
    with databases.lent() as url:
        async with running_backend(url, folder, CARGO_AI_SERVICE_ADDRESSES=f"hubspot={hubspot.url}") as running:
            account = {"method": "privateApp", "accessToken": hubspot.key}
            await running.admin.connector("hubspot", integrationSlug="hubspot", name="HubSpot", config=account)
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def form(backend: Backend) -> str:
    """The path of the form of a node that finds a record in HubSpot, with the default connector."""
    tool = (await backend.admin.call("orchestration.tool.create", name="Find"))["tool"]
    find = node("find", "findRecord", ("end",), kind="connector", integrationSlug="hubspot")
    graph = [node("start", children=("find",)), find, node("end")]
    await backend.admin.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph)
    return f"/console/tools/{tool['uuid']}/node?node=find"


async def asked(browser: Browser, form: str, field: str, **texts: str) -> tuple[list[str], str]:
    """The choices of a field, and what is said below it."""
    fields = {"_csrf": await browser.csrf(form), "~field": f"/config/{field}", **{f"/config/{name}": text for name, text in texts.items()}}
    reply = await browser.http.post(form.replace("/node?", "/node/choices?"), data=fields, headers=HTMX)
    assert reply.status_code == 200, reply.text
    said = re.search(r"<p [^>]*hx-swap-oob[^>]*>(.*?)</p>", reply.text, re.DOTALL)
    assert said is not None
    return re.findall(r'<option value="([^"]*)"', reply.text), said[1]


async def test_a_field_offers_what_the_account_has_narrowed_by_what_was_typed(browser: Browser, form: str) -> None:
    page = (await browser.get(form)).text
    assert f'hx-post="{form.replace("/node?", "/node/choices?")}"' in page
    everything, _ = await asked(browser, form, "objectType")
    assert {"contacts", "companies"} <= set(everything)
    typed, _ = await asked(browser, form, "objectType", objectType="compan")
    assert typed == ["companies"]


async def test_a_field_that_depends_on_another_says_so_until_that_is_filled_in(browser: Browser, form: str) -> None:
    nothing, said = await asked(browser, form, "matchingPropertyName")
    assert (nothing, said) == ([], "Fill in objectType first.")
    names, said = await asked(browser, form, "matchingPropertyName", objectType="contacts", matchingPropertyName="email")
    assert "email" in names and not said


async def test_an_expression_is_not_sent_to_the_service(browser: Browser, form: str, hubspot: Running) -> None:
    before = len(hubspot.control.sent("GET", "."))
    assert await asked(browser, form, "objectType", objectType="{{nodes.start.kind}}") == ([], "")
    assert len(hubspot.control.sent("GET", ".")) == before


async def test_what_the_service_refuses_is_said_below_the_field(browser: Browser, form: str) -> None:
    choices, said = await asked(browser, form, "matchingPropertyName", objectType="no-such-object")
    assert choices == [] and said


async def test_no_one_without_the_right_or_of_another_workspace_gets_choices(
    browser: Browser, visitor: Browser, backend: Backend, form: str
) -> None:
    choices = form.replace("/node?", "/node/choices?")
    fields = {"~field": "/config/objectType"}
    assert (await browser.post(choices, {"~field": "/config/nothing"}, page=form)).status_code == 404
    stranger = backend.other_api.http.headers["authorization"].removeprefix("Bearer ")
    rules = [{"effect": "allow", "actions": ["orchestration:read", "orchestration:workflow:read"]}]
    viewer = (await backend.admin.call("workspaceManagement.token.create", name="viewer", permissions=rules))["token"]["token"]
    for token, status in ((stranger, 404), (viewer, 403)):
        await visitor.sign_in(token)
        assert (await visitor.post(choices, fields, page="/console/")).status_code == status


async def upsert(backend: Backend, config: Body) -> str:
    """The path of the form of a node that writes to HubSpot."""
    tool = (await backend.admin.call("orchestration.tool.create", name="Write"))["tool"]
    write = node("write", "upsertRecords", ("end",), kind="connector", integrationSlug="hubspot", config=config)
    graph = [node("start", children=("write",)), write, node("end")]
    await backend.admin.call("orchestration.draftRelease.update", workflowUuid=tool["workflowUuid"], nodes=graph)
    return f"/console/tools/{tool['uuid']}/node?node=write"


async def test_the_fields_of_the_account_are_drawn_and_saved_by_their_names(browser: Browser, backend: Backend) -> None:
    mappings = {"email": "{{nodes.start.email}}", "not_there_any_more": 1}
    config = {"objectType": "contacts", "matchingPropertyName": "email", "matchingValue": "{{nodes.start.email}}", "mappings": mappings}
    form = await upsert(backend, config)
    page = (await browser.get(form)).text
    fields = fields_of(page)
    assert fields["/config/mappings/email"] == "{{nodes.start.email}}"
    assert "/config/mappings/firstname" in fields and "change from:#f-" in page
    saved = await browser.post(form, {**fields, "/config/mappings/firstname": "{{nodes.start.first}}"}, page=form)
    assert saved.status_code == 303, saved.text
    again = fields_of((await browser.get(form)).text)
    assert again["/config/mappings/firstname"] == "{{nodes.start.first}}"
    assert json.loads(html.unescape(again["base"]))["mappings"] == {**mappings, "firstname": "{{nodes.start.first}}"}


async def test_until_its_object_is_chosen_a_form_says_what_is_missing(browser: Browser, backend: Backend) -> None:
    form = await upsert(backend, {"mappings": {"a": 1}})
    page = (await browser.get(form)).text
    assert "Fill in objectType first" in page
    fields = {**fields_of(page), "/config/objectType": "companies", "~do": "refresh"}
    drawn = (await browser.post(form, fields, page=form)).text
    assert "/config/mappings/domain" in fields_of(drawn)
    unknown = (
        await browser.post(form, {**fields_of(drawn), "/config/objectType": "nothing", "/config/mappings/domain": "x"}, page=form)
    ).text
    assert "Traceback" not in unknown
