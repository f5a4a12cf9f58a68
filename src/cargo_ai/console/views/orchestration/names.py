"""Names of workflows: those of the tool or play that a workflow belongs to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cargo_ai.console.page import PageRequest
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Owner:
    """The tool or play of a workflow, and its page."""

    name: str
    href: str


async def owners(request: PageRequest) -> dict[str, Owner]:
    """The tools and plays of the workspace by the uuid of their workflow, as far as the person may see them."""
    tools, plays = await asyncio.gather(optional(request, "orchestration.tool.all", {}), optional(request, "orchestration.play.list", {}))
    found = {tool["workflowUuid"]: Owner(tool["name"], f"/console/tools/{tool['uuid']}") for tool in tools.get("tools", [])}
    found |= {play["workflowUuid"]: Owner(play["name"], f"/console/plays/{play['uuid']}") for play in plays.get("plays", [])}
    return found


async def owner_of(request: PageRequest, workflow: str) -> Owner | None:
    """The tool or play of one workflow; None where it is of neither, such as that of an inline graph, or removed."""
    fields = {"text": workflow, "kinds": ["tool", "play"], "limit": 1}
    hits = (await request.call("workspaceManagement.search.find", fields))["hits"]
    return next((Owner(str(hit["name"]), f"/console/{hit['kind']}s/{hit['uuid']}") for hit in hits), None)


def workflow_options(known: dict[str, Owner], chosen: str) -> list[tuple[str, str]]:
    """The choices of a filter by workflow; one that is not known stays a choice."""
    options = sorted(((uuid, owner.name) for uuid, owner in known.items()), key=lambda option: option[1].casefold())
    more = [(chosen, chosen)] if chosen and chosen not in known else []
    return [("", "any tool or play"), *more, *options]


async def optional(request: PageRequest, name: str, fields: JsonObject, *reasons: str) -> JsonObject:
    """The reply; nothing where the person may not see it, or where it is refused for one of these reasons."""
    try:
        return await request.call(name, fields)
    except Refusal as refusal:
        if refusal.reason not in {"forbidden", *reasons}:
            raise
        return {}
