"""Chats: what was said, an answer while it is written, and decisions on the calls that it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.views.ai.answers import FINAL, Live, shown, waits_for_person
from cargo_ai.console.views.ai.attachments import parts_of
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ = "ai:agent:read"
PAGE = 100
MAX_PAGES = 10
SECONDS_BETWEEN = 0.15
"""An answer that is being written is shown again at most so often."""


async def chat(request: PageRequest) -> Response:
    """A chat, with its newest messages."""
    uuid = request.path["uuid"]
    row = (await request.call("ai.chat.get", {"uuid": uuid}))["chat"]
    messages, offset = await _messages(request, uuid)
    agent = await _agent(request, row["agentUuid"])
    name = row["name"] or (f"Chat with {agent['name']}" if agent else "Chat")
    return request.render(
        "ai/chat.html",
        command=[
            f"cargo-ai ai message list --chat-uuid {uuid}" + (f" --offset {offset}" if offset else ""),
            f"""cargo-ai ai message create --chat-uuid {uuid} --parts '[{{"type":"text","text":"Hello"}}]' --wait-until-finished""",
        ],
        title=name,
        chat=row,
        agent=agent,
        name=name,
        messages=[shown(message) for message in messages],
        older=f"/console/chats/{uuid}?offset={max(offset - PAGE, 0)}" if offset else "",
        can_write=request.may("ai:agent:write"),
        can_decide=request.may("orchestration:workflow:write"),
    )


async def send(request: PageRequest) -> Response:
    """Say something; the answer is written by a worker."""
    uuid = request.path["uuid"]
    parts = parts_of(request)
    if not parts:
        raise Refusal(400, "invalidInput", "Write a message first.")
    await request.call("ai.message.create", {"chatUuid": uuid, "parts": parts})
    return request.redirect(f"/console/chats/{uuid}#end")


async def cancel(request: PageRequest) -> Response:
    """Cancel an answer; what was written stays."""
    await request.call("ai.message.cancel", {"uuids": [request.form.get("message", "")]})
    return request.redirect(f"/console/chats/{request.path['uuid']}#end")


async def decide(request: PageRequest) -> Response:
    """Approve or deny a call of a tool."""
    fields: JsonObject = {"uuid": await _review(request, request.form.get("review", ""))}
    if comment := request.form.get("comment", "").strip():
        fields["comment"] = comment
    await request.call(f"orchestration.review.{'approve' if request.form.get('decision') == 'approve' else 'reject'}", fields)
    return request.redirect(f"/console/chats/{request.path['uuid']}#end")


async def _review(request: PageRequest, asked: str) -> str:
    """The review that a call waits for. Until it has begun, a call names the run that asks."""
    reviews = (await request.call("orchestration.review.list", {"runUuid": asked, "limit": 1}))["reviews"]
    return str(reviews[0]["uuid"]) if reviews else asked


async def events(request: PageRequest) -> Response:
    """An answer, again and again until it is complete."""
    message = (await request.call("ai.message.get", {"uuid": request.path["uuid"]}))["message"]
    return request.events(_watch(request, message))


async def _watch(request: PageRequest, message: JsonObject) -> AsyncIterator[tuple[str, str]]:
    live = Live()
    try:
        async for batch in request.port.watch_answer(request.http, request.session, message["uuid"]):
            if live.take(batch) or (not batch and waits_for_person(message)):
                message = await _message(request, message)
            elif not batch:
                continue
            if message["status"] in FINAL:
                break
            yield "answer", _fragment(request, message, live)
            await asyncio.sleep(SECONDS_BETWEEN)
        else:
            return
        yield "answer", _fragment(request, message)
    except Refusal as refusal:
        yield "answer", request.fragment("ai/lost.html", "lost", sentence=refusal.message)
    yield "done", ""


def _fragment(request: PageRequest, message: JsonObject, live: Live | None = None) -> str:
    rights = {"can_write": request.may("ai:agent:write"), "can_decide": request.may("orchestration:workflow:write")}
    return request.fragment("ai/chat.html", "answer", entry=shown(message, live), chat={"uuid": message["chatUuid"]}, **rights)


async def _message(request: PageRequest, message: JsonObject) -> JsonObject:
    reply: JsonObject = (await request.call("ai.message.get", {"uuid": message["uuid"]}))["message"]
    return reply


async def _messages(request: PageRequest, chat: str) -> tuple[list[JsonObject], int]:
    """The last page of messages, or the one that was asked for, and how many are before it."""
    asked = request.query.get("offset", "")
    is_asked = asked.isascii() and asked.isdigit() and len(asked) < 8
    offset = int(asked) if is_asked else 0
    messages: list[JsonObject] = []
    for _ in range(1 if is_asked else MAX_PAGES):
        rows = (await request.call("ai.message.list", {"chatUuid": chat, "limit": PAGE, "offset": offset}))["messages"]
        if not rows and messages:
            return messages, offset - PAGE
        messages = rows
        if len(rows) < PAGE:
            break
        offset += PAGE
    else:
        offset -= 0 if is_asked else PAGE
    return messages, offset


async def _agent(request: PageRequest, uuid: str | None) -> JsonObject | None:
    """The agent of a chat; None where it has none, or it was removed."""
    if uuid is None:
        return None
    try:
        reply: JsonObject = (await request.call("ai.agent.get", {"uuid": uuid}))["agent"]
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return None
    return reply


PAGES = [
    page("/chats/{uuid}", chat, title="Chat", section="Agents", permission=_READ),
    action("/chats/{uuid}/messages", send, title="Chat", section="Agents"),
    action("/chats/{uuid}/cancel", cancel, title="Chat", section="Agents"),
    action("/chats/{uuid}/decide", decide, title="Chat", section="Agents"),
    page("/messages/{uuid}/events", events, title="Chat", section="Agents", permission=_READ),
]
