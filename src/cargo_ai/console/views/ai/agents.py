"""Agents: the list, and one agent with its release, what it may use, and its chats."""

from __future__ import annotations

from starlette.responses import Response

from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.views.ai.attachments import parts_of
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "ai:agent:read", "ai:agent:write"
CHATS = 20


async def agents(request: PageRequest) -> Response:
    """All agents."""
    rows = (await request.call("ai.agent.all"))["agents"]
    return request.render("ai/agents.html", command="cargo-ai ai agent list", agents=rows)


async def agent(request: PageRequest) -> Response:
    """One agent."""
    uuid = request.path["uuid"]
    row = (await request.call("ai.agent.get", {"uuid": uuid}))["agent"]
    draft = await _draft(request, uuid)
    release = draft if request.query.get("release") == "draft" or not row["deployedRelease"] else row["deployedRelease"]
    chats = (await request.call("ai.chat.list", {"agentUuid": uuid, "limit": CHATS}))["chats"]
    which = "draft" if release is draft else "deployed"
    return request.render(
        "ai/agent.html",
        command=[
            f"cargo-ai ai agent get {uuid}",
            f"cargo-ai ai release get-{which} --agent-uuid {uuid}",
            f"cargo-ai ai chat list --agent-uuid {uuid} --limit {CHATS}",
        ],
        title=row["name"],
        agent=row,
        release=release,
        which=which,
        draft=draft,
        chats=chats,
        can_write=request.may(_WRITE, [uuid]),
    )


async def begin_chat(request: PageRequest) -> Response:
    """A new chat with an agent; what was written is its first message."""
    uuid = request.path["uuid"]
    which = "draft" if request.form.get("release") == "draft" else "chat"
    parts = parts_of(request)
    chat = (await request.call("ai.chat.create", {"agentUuid": uuid, "trigger": {"type": which}}))["chat"]
    if parts:
        await request.call("ai.message.create", {"chatUuid": chat["uuid"], "parts": parts})
    return request.redirect(f"/console/chats/{chat['uuid']}")


async def _draft(request: PageRequest, agent: str) -> JsonObject | None:
    """The draft; None where an agent has no draft, as the agents of the platform."""
    try:
        return (await request.call("ai.release.getDraft", {"agentUuid": agent}))["release"]
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return None


PAGES = [
    page("/agents", agents, title="Agents", section="Agents", permission=_READ),
    page("/agents/{uuid}", agent, title="Agent", section="Agents"),
    action("/agents/{uuid}/chats", begin_chat, title="Agent", section="Agents"),
]
