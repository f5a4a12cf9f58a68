"""One thing of each common kind, for tests that ask every operation about one."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kit.api_client import ApiClient

MARK = "kept-from-strangers"
"""A part of the name of everything that `things_of` makes: no other workspace may ever read it."""


async def things_of(api: ApiClient) -> dict[str, str]:
    """One thing of each common kind, all with the mark in their names."""
    folder = (await api.call("workspaceManagement.folder.create", name=f"Folder {MARK}", kind="play", emojiSlug="star"))["folder"]
    tool = await api.tool(f"Tool {MARK}")
    model = await api.model(MARK.replace("-", "_"))
    segment = await api.call(
        "segmentation.segment.create", name=f"Segment {MARK}", modelUuid=model, filter={"conjonction": "and", "groups": []}
    )
    agent = await api.call("ai.agent.create", name=f"Agent {MARK}", icon={"color": "grey", "face": "👤"}, triggers=[])
    token = (await api.call("workspaceManagement.token.create", name=f"Token {MARK}"))["token"]
    user = (await api.call("workspaceManagement.user.getCurrent"))["user"]
    role = await api.call(
        "workspaceManagement.role.create", slug=f"role-{MARK}", permissions=[{"effect": "allow", "actions": ["storage:read"]}]
    )
    return {
        "workflow": tool["workflowUuid"],
        "tool": tool["uuid"],
        "folder": folder["uuid"],
        "model": model,
        "dataset": await api.dataset(),
        "segment": segment["segment"]["uuid"],
        "agent": agent["agent"]["uuid"],
        "connector": (await api.connector("strangers", name=f"CRM {MARK}"))["uuid"],
        "token": token["uuid"],
        "user": user["uuid"],
        "role": role["role"]["uuid"],
    }


def uuid_of(field: str, noun: str, things: Mapping[str, str]) -> str:
    """The uuid of a thing that fits a field of an operation of this noun, else of any."""
    kind = field.removesuffix("s").removesuffix("Uuid")
    return things.get(kind) or things.get(noun) or next(iter(things.values()))
