"""Token bounds: how many tokens an execution of a node that asks an agent or a language model takes at most, for dry runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.message import MAXIMUM_TEXT
from cargo_ai.domains.ai.agents import parts
from cargo_ai.domains.ai.tables import AgentRelease
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import MAX_TOKENS

Node = Mapping[str, Any]
MAX_WRITTEN = 131_072
"""Tokens of an answer whose service is given no limit: no language model writes more."""
FRAME = 2_000
"""Tokens around the texts: roles, names of tools, and what is wrong with an answer that has to be repaired."""
_TOOLS = ("actions", "resources", "capabilities", "mcpClients", "evaluator")


async def of_nodes(db: AsyncSession, nodes: Sequence[Node]) -> dict[str, Callable[[Mapping[str, Any]], int]]:
    """By the uuid of each node that has a bound, groups included: the tokens of an execution with a config, which is empty where it is not
    known. Nothing bounds those with tools: what a tool gives is read again with each step."""
    asking = [node for node in _walk(nodes) if node.get("kind") == "agent" or node.get("actionSlug") == "agent"]
    releases = await _releases(db, [node for node in asking if node.get("kind") == "agent"])
    bounds: dict[str, Callable[[Mapping[str, Any]], int]] = {}
    for node in asking:
        release = parts.empty("", "")
        if node.get("kind") == "agent":
            stored = releases.get(str(node.get("releaseUuid") or node.get("agentUuid")))
            if stored is None:
                continue
            release = stored
        given = {name: value for name, value in cast("JsonObject", node.get("config") or {}).items() if name in _TOOLS and value}
        if not any((release | given).get(name) for name in _TOOLS):
            bounds[str(node["uuid"])] = partial(_most, release, node.get("config") or {})
    return bounds


def _walk(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _walk(cast("JsonObject", node.get("config") or {}).get("_nodes") or [])


async def _releases(db: AsyncSession, nodes: Sequence[Node]) -> dict[str, JsonObject]:
    """The parts of releases by their uuid, and of deployed ones by that of their agent."""
    agents, named = ([uid for node in nodes if (uid := ids.parse(str(node.get(name))))] for name in ("agentUuid", "releaseUuid"))
    if not agents:
        return {}
    query = select(AgentRelease.uuid, AgentRelease.agent_uuid, AgentRelease.status, AgentRelease.parts).where(
        or_(and_(AgentRelease.agent_uuid.in_(agents), AgentRelease.status == "deployed"), AgentRelease.uuid.in_(named))
    )
    found: dict[str, JsonObject] = {}
    for uid, agent, status, stored in await db.execute(query):
        found[str(uid)] = stored
        if status == "deployed":
            found[str(agent)] = stored
    return found


def _most(release: JsonObject, unresolved: JsonObject, config: Mapping[str, Any]) -> int:
    """No text has more tokens than bytes. Without tools an answer is one step, and another one where it does not hold to its schema."""
    settings = cast("JsonObject", config.get("advancedSettings") or {})
    prompt = config.get("prompt")
    size = _bytes(prompt) if prompt is not None else 4 * MAXIMUM_TEXT
    known = settings or not unresolved.get("advancedSettings")
    size += _bytes(settings.get("systemPrompt") or release["systemPrompt"]) if known else 4 * MAXIMUM_TEXT
    output = cast("JsonObject", config.get("output") or unresolved.get("output") or release.get("output") or {})
    steps = 2 if output.get("type") == "jsonSchema" else 1
    size += _bytes(output.get("jsonSchema")) if steps == 2 else 0
    models = [release, *cast("list[JsonObject]", release.get("fallbackLanguageModels") or [])]
    services = {str(model["integrationSlug"]) for model in models}
    written = MAX_TOKENS if services == {"anthropic"} and not settings.get("integrationSlug") else MAX_WRITTEN
    # What was written is read again by the second step.
    return steps * (size + FRAME + written) + (steps - 1) * written


def _bytes(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return len(text.encode("utf-8", "replace"))
