"""Every page is shown to those who may see it, with no text of others as markup, and without buttons for those who only look."""

from __future__ import annotations

import html
import re

import pytest

from tests.console.conftest import Browser
from tests.console.views.conftest import HOSTILE
from tests.kit.api_client import Body
from tests.kit.backend import Backend
from tests.kit.graphs import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTS = ("agents", "reviews", "connectors", "integrations", "usage", "users", "tokens", "queue", "search?q=script")
WRITES = {
    "/console/users": {"userEmail": "new@example.com", "roleSlug": "viewer"},
    "/console/tokens": {"name": "mine"},
    "/console/usage/budget": {"creditsCount": "10", "cadence": "monthly", "overage": "deny"},
    "/console/connectors/new/http": {"name": "x", "slug": "x"},
    "{connector}/stop": {},
    "{connector}/edit": {"name": "x"},
    "{agent}/chats": {"text": "Hello"},
    "{chat}/messages": {"text": "Hello"},
    "{review}": {"decision": "approve"},
}


async def new_review(backend: Backend, **config: object) -> str:
    """A review that waits."""
    fields = [{"name": "subject", "type": "string", "value": HOSTILE, "required": True}, {"name": "size", "type": "number", "value": 5}]
    asked = {"title": HOSTILE, "instructions": HOSTILE, "fields": fields, **config}
    nodes = [node("start", children=("ask",)), node("ask", "humanReview", ("end",), config=asked), node("end")]
    made = await backend.admin.call("orchestration.run.create", nodes=nodes, data={})
    run = await backend.parked(made["run"]["uuid"])
    (review,) = (await backend.admin.call("orchestration.review.list", runUuid=run["uuid"]))["reviews"]
    return str(review["uuid"])


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The pages of things that the first test makes."""
    return {}


async def things(backend: Backend, made: dict[str, str]) -> dict[str, str]:
    """A page of each kind of thing, all of which have hostile names."""
    if made:
        return made
    api = backend.admin
    connector = (await api.call("connection.connector.list"))["connectors"][0]["uuid"]
    await api.call("connection.connector.update", uuid=connector, name=HOSTILE, verify=False)
    agent = (await api.call("ai.agent.create", name=HOSTILE, description=HOSTILE))["agent"]["uuid"]
    suggested: list[Body] = [{"text": HOSTILE}]
    await api.call("ai.release.updateDraft", agentUuid=agent, systemPrompt=HOSTILE, suggestedActions=suggested)
    chat = (await api.call("ai.chat.create", agentUuid=agent, name=HOSTILE))["chat"]["uuid"]
    await api.call("workspaceManagement.token.create", name=HOSTILE, description=HOSTILE)
    review = await new_review(backend)
    kinds = {"connector": connector, "agent": agent, "chat": chat, "review": review}
    made |= {kind: f"/console/{kind}s/{uuid}" for kind, uuid in kinds.items()}
    return made


async def test_hostile_texts_are_shown_as_texts_on_every_page(browser: Browser, backend: Backend, made: dict[str, str]) -> None:
    pages = [f"/console/{name}" for name in (*LISTS, "audit")] + list((await things(backend, made)).values())
    for path in [*pages, f"{made['connector']}/edit"]:
        page = await browser.get(path)
        assert page.status_code == 200, (path, page.text[-3000:])
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
        assert " style=" not in page.text, path
        assert "As a command" in page.text, path
    assert html.escape(HOSTILE, quote=False)[:30] in (await browser.get(made["agent"])).text


async def test_who_only_looks_sees_the_pages_without_forms_that_write(viewer: Browser, backend: Backend, made: dict[str, str]) -> None:
    pages = [f"/console/{name}" for name in LISTS if name != "usage"] + list((await things(backend, made)).values())
    for path in pages:
        page = await viewer.get(path)
        assert page.status_code == 200, (path, page.text[-2000:])
        targets = set(re.findall(r'method="post" action="([^"]+)"', page.text))
        assert targets <= {"/console/theme", "/console/sign-out"}, path


async def test_who_only_looks_is_refused_when_writing_anyway(viewer: Browser, backend: Backend, made: dict[str, str]) -> None:
    await things(backend, made)
    csrf = await viewer.csrf("/console/agents")
    for path, fields in WRITES.items():
        response = await viewer.http.post(path.format(**made), data={"_csrf": csrf, **fields})
        assert response.status_code == 403, (path, response.status_code, response.text[-1500:])
    for name in ("audit", "usage"):
        assert (await viewer.get(f"/console/{name}")).status_code == 403, name


async def test_things_of_other_workspaces_and_wrong_names_are_not_found(browser: Browser, backend: Backend) -> None:
    foreign = (await backend.other_api.call("ai.agent.create", name="theirs"))["agent"]["uuid"]
    for kind in ("agents", "connectors", "chats", "reviews"):
        for name in (foreign, "0198c5f0-0000-7000-8000-000000000001"):
            assert (await browser.get(f"/console/{kind}/{name}")).status_code == 404, kind
        assert (await browser.get(f"/console/{kind}/no-uuid")).status_code in (400, 404), kind
    assert (await browser.get("/console/integrations/nothing")).status_code == 404
    assert foreign not in (await browser.get("/console/search?q=theirs")).text
    assert "Nothing here has this uuid" in (await browser.get(f"/console/search?q={foreign}")).text
