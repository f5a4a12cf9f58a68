"""Files that go with a message: uploaded while it is written, by those who may, from a page of the console only."""

from __future__ import annotations

import html
import json
import re

import httpx
import pytest

from tests.console.conftest import Browser
from tests.console.views.test_chats import begin, new_agent
from tests.kit.backend import Backend
from tests.simulators.language_models.control import Reply
from tests.simulators.language_models.server import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAME = '"><script>alert(1).txt'


async def send_file(browser: Browser, *, csrf: str, name: str = NAME, text: bytes = b"Acme was founded in 1947.") -> httpx.Response:
    headers = {"HX-Request": "true", "X-CSRF-Token": csrf}
    return await browser.http.post("/console/attachments", files={"file": (name, text, "text/plain")}, headers=headers)


async def attached(browser: Browser, page: str) -> str:
    """The field of a file that was attached, as the message's form has it."""
    response = await send_file(browser, csrf=await browser.csrf(page))
    assert response.status_code == 200, response.text
    assert "<script>" not in response.text
    field = re.search(r'name="attachment" value="([^"]+)"', response.text)
    assert field is not None
    return html.unescape(field[1])


async def test_a_file_goes_with_the_message(browser: Browser, backend: Backend, model: Running) -> None:
    model.control.rules.append(lambda _: Reply("In 1947."))
    agent = await new_agent(backend.admin)
    page = f"/console/agents/{agent}"
    part = await attached(browser, page)
    fields: dict[str, str | list[str]] = {"text": "When was Acme founded?", "release": "deployed", "attachment": [part]}
    begun = await browser.post(f"{page}/chats", fields, page=page)
    assert begun.status_code == 303, begun.text
    chat = begun.headers["location"]
    shown = (await browser.get(chat)).text
    assert "&lt;script&gt;alert(1).txt" in shown and "<script>alert" not in shown
    uuid = chat.rpartition("/")[2]
    messages = (await backend.admin.call("ai.message.list", chatUuid=uuid))["messages"]
    assert [each["type"] for each in messages[0]["parts"]] == ["text", "s3File"]


async def test_what_is_no_attachment_of_this_workspace_is_refused(browser: Browser, backend: Backend) -> None:
    agent = await new_agent(backend.admin)
    chat = await begin(browser, agent, "Hello")
    other = {"name": "x.txt", "s3Filename": "01a21f70-5885-784e-9109-000000000000/uploads/x/x.txt", "contentType": "text/plain"}
    for part in ("no json", "[1]", "{}", json.dumps(other)):
        response = await browser.post(f"{chat}/messages", {"text": "Look", "attachment": part}, page=chat)
        assert response.status_code in (400, 404), (part, response.status_code, response.text)


async def test_no_file_is_stored_without_the_token_of_a_page_or_the_right(browser: Browser, viewer: Browser, visitor: Browser) -> None:
    assert (await send_file(browser, csrf="")).status_code == 403
    assert (await send_file(viewer, csrf=await viewer.csrf("/console/"))).status_code == 403
    assert (await send_file(visitor, csrf="")).status_code == 401
    empty = await browser.http.post("/console/attachments", headers={"X-CSRF-Token": await browser.csrf("/console/agents")})
    assert empty.status_code == 400
