"""Chats in the console: an answer while it is written, tools with what goes in and comes out, and decisions on them."""

from __future__ import annotations

import asyncio
import html
import re

import pytest

from tests.console.conftest import Browser
from tests.kit.api_client import ApiClient, Body
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")
MODEL = {"integrationSlug": "openAi", "languageModelSlug": "gpt-4.1-mini"}


async def new_agent(api: ApiClient, **parts: object) -> str:
    """An agent with these parts deployed."""
    agent = (await api.call("ai.agent.create", name="Researcher"))["agent"]["uuid"]
    await api.call("ai.release.deployDraft", agentUuid=agent, **MODEL, **parts)
    return str(agent)


async def begin(browser: Browser, agent: str, text: str) -> str:
    """The page of a new chat in which something was said."""
    page = f"/console/agents/{agent}"
    response = await browser.post(f"{page}/chats", {"text": text, "release": "deployed"}, page=page)
    assert response.status_code == 303, response.text
    return response.headers["location"].partition("#")[0]


async def events_of(browser: Browser, chat: str) -> list[tuple[str, str]]:
    """The events with which the answer of a chat is shown, to their end."""
    page = (await browser.get(chat)).text
    stream = re.search(r'sse-connect="([^"]+)"', page)
    if stream is None:
        return []
    text = (await browser.get(html.unescape(stream[1]))).text
    parsed = [re.match(r"event: (\w+)\n(.*)", event, re.DOTALL) for event in text.strip().split("\n\n")]
    return [(match[1], re.sub(r"^data: ?", "", match[2], flags=re.MULTILINE)) for match in parsed if match]


async def test_an_answer_is_shown_while_it_is_written_and_when_it_is_complete(browser: Browser, backend: Backend, model: Running) -> None:
    model.control.rules.append(
        lambda _: Reply("**Acme** makes <script>alert(1)</script> [rockets](https://acme.example) ![x](https://evil.example/x)")
    )
    model.control.fail(path="completions", slow=1.5, times=10)
    chat = await begin(browser, await new_agent(backend.admin), "Who is Acme?")

    events = await events_of(browser, chat)

    assert events[-1][0] == "done"
    last = next(text for name, text in reversed(events) if name == "answer")
    assert "<strong>Acme</strong>" in last
    assert 'rel="noopener noreferrer nofollow"' in last
    assert "<script>" not in last
    assert "<img" not in last
    assert "tokens" in last
    assert any(">writes<" in re.sub(r"\s+", "", text.replace("writes", ">writes<")) or "Cancel" in text for _, text in events[:-2])
    page = (await browser.get(chat)).text
    assert "sse-connect" not in page
    assert "<strong>Acme</strong>" in page


async def test_a_call_of_a_tool_is_approved_in_the_chat(browser: Browser, backend: Backend, model: Running) -> None:
    uuid = await backend.admin.model("companies_console")
    resource: Body = {"slug": "companies", "kind": "model", "modelUuid": uuid, "isReadOnly": False, "requiresApproval": True}
    call = ("save_companies", {"records": [{"domain": "acme.com", "name": "Acme"}]})
    model.control.rules.append(lambda heard: Reply("Saved.") if heard.results else Reply(calls=[call]))
    chat = await begin(browser, await new_agent(backend.admin, resources=[resource]), "Save Acme")
    form = await _approval(browser, chat)
    assert "acme.com" in form

    review = re.search(r'name="review" value="([^"]+)"', form)
    assert review is not None
    response = await browser.post(f"{chat}/decide", {"review": review[1], "decision": "approve"}, page=chat)

    assert response.status_code == 303, response.text
    await events_of(browser, chat)
    page = (await browser.get(chat)).text
    assert "Saved." in page
    assert "save_companies" in page
    assert [record["name"] for record in await backend.admin.records(uuid)] == ["Acme"]


async def test_an_answer_is_cancelled(browser: Browser, backend: Backend, model: Running) -> None:
    model.control.fail(path="completions", slow=20, times=10)
    chat = await begin(browser, await new_agent(backend.admin), "Take your time")
    message = re.search(r'name="message" value="([^"]+)"', (await browser.get(chat)).text)
    assert message is not None

    assert (await browser.post(f"{chat}/cancel", {"message": message[1]}, page=chat)).status_code == 303

    await events_of(browser, chat)
    assert "Cancelled." in (await browser.get(chat)).text


async def test_a_second_message_while_an_answer_is_written_is_refused_and_an_empty_one_too(
    browser: Browser, backend: Backend, model: Running
) -> None:
    model.control.fail(path="completions", slow=2, times=10)
    chat = await begin(browser, await new_agent(backend.admin), "Hello")

    assert (await browser.post(f"{chat}/messages", {"text": "Again"}, page=chat)).status_code == 409
    assert (await browser.post(f"{chat}/messages", {"text": " "}, page=chat)).status_code == 400


async def _approval(browser: Browser, chat: str) -> str:
    """The page as soon as it asks for a decision."""
    for _ in range(200):
        page = (await browser.get(chat)).text
        if 'class="approval"' in page:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError("no approval was asked for")
