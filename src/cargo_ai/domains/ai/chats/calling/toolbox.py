"""The toolbox of an answer: what the language model may call, checked against its schema, and what it gave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.ai.fields import MAXIMUM_TOOLS
from cargo_ai.domains.ai import capabilities
from cargo_ai.domains.ai.chats.calling import sub_agent, web_search
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Opening
from cargo_ai.domains.ai.chats.untrusted import OPEN, RULE, unmarked
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.kernel.schemas import json_schema
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import OUTPUT, Tool, ToolCall

Json = Any
MAX_RESULT = 30_000
"""Characters of a result that the language model sees."""
MAX_BULK = 50
"""Inputs of one call in bulk."""
MAX_WARNING = 500
"""Characters of a warning."""
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Usable:
    """An action, whose calls are runs, with the name by which the language model calls it."""

    action: JsonObject
    tool: Tool

    @property
    def approval(self) -> bool:
        """Whether a person decides on each call."""
        return bool(self.action.get("requiresApproval"))


@dataclass(frozen=True, slots=True)
class SubAgent(Usable):
    """An action that asks another agent."""


@dataclass(frozen=True, slots=True)
class Bulk(Usable):
    """An action that is called for several inputs at once: each is a run of its own."""


@dataclass(slots=True)
class Toolbox:
    """What may be called in an answer, by name. `notes`: for the language model: what offers say. `problems`: what cannot be used now."""

    usable: dict[str, Usable | BuiltIn] = field(default_factory=dict[str, Usable | BuiltIn])
    notes: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])
    hears_marked: bool = False
    """Whether there is marked text in what is said, such as that of a file."""

    @property
    def tools(self) -> list[Tool]:
        """What the language model is offered."""
        return [usable.tool for usable in self.usable.values()]

    @property
    def system(self) -> str:
        """What the system prompt says besides: the notes, what cannot be used, and what marked text is."""
        notes = [*self.notes, *self.problems]
        if self.usable or self.hears_marked or any(OPEN in note for note in notes):
            notes.append(RULE)
        return "".join(f"\n\n{note}" for note in notes)

    @property
    def warnings(self) -> list[JsonObject]:
        """What cannot be used, as parts of the answer: people should not have to guess why an agent did without it."""
        return [
            {"type": "data-warning", "data": {"reason": "toolUnusable", "message": unmarked(text)[:MAX_WARNING]}} for text in self.problems
        ]

    def problem(self, call: ToolCall) -> str | None:
        """What is wrong with a call, in words that help the language model to correct it; None where it may be carried out."""
        usable = self.usable.get(call.name)
        if usable is None:
            return f"There is no tool {call.name}; there are {', '.join(self.usable) or 'none'}."
        if call.arguments is None:
            return "The arguments are not a JSON object."
        try:
            return "; ".join(json_schema.faults(usable.tool.parameters, call.arguments)) or None
        except json_schema.NoSchema as error:
            return f"The schema of {call.name} cannot be used: {error}"

    def add(self, usable: Usable | BuiltIn) -> None:
        """Offer a tool. A name that is taken gets a number; more than services take are left out, and noted."""
        if len(self.usable) >= MAXIMUM_TOOLS:
            self.problems.append(f"There are more than {MAXIMUM_TOOLS} tools: {usable.tool.name} is left out.")
            return
        name = plain = _UNFIT.sub("_", usable.tool.name)[:64] or "tool"
        number = 1
        while name in self.usable or name == OUTPUT:
            number += 1
            name = f"{plain[:60]}_{number}"
        tool = Tool(name, usable.tool.description[:1_000], usable.tool.parameters)
        if isinstance(usable, BuiltIn):
            self.usable[name] = replace(usable, tool=tool)
        else:
            self.usable[name] = type(usable)(usable.action, tool)


async def open_toolbox(opening: Opening, db: AsyncSession) -> Toolbox:
    """The toolbox of an answer. An action that is not there any more is left out, and noted."""
    toolbox = Toolbox()
    actions = list(opening.plan.actions)
    if "webSearch" in opening.plan.capabilities:
        search = await web_search.action_of(opening, db)
        if search is None:
            toolbox.notes.append(f"You cannot search the web; say so where it matters, with the reason. {web_search.SET_UP}")
        else:
            actions.append(search)
    for action in actions:
        if action["kind"] == "agent":
            await _add_sub_agent(toolbox, opening, db, action)
            continue
        try:
            description, schema = await agent_tools.describe(opening.services, db, opening.workspace, action)
        except agent_tools.ToolUnusable as error:
            toolbox.problems.append(f"{action['slug']} cannot be used: {error}")
            continue
        toolbox.add(Usable(action, Tool(action["slug"], description, schema)))
        if action.get("isBulkAllowed"):
            toolbox.add(Bulk(action, _in_bulk(action["slug"], schema)))
    for make_offer in capabilities.OFFERS:
        offer = await make_offer(opening, db)
        toolbox.notes += offer.notes
        toolbox.problems += offer.problems
        for built_in in offer.tools:
            toolbox.add(built_in)
    return toolbox


def _in_bulk(slug: str, schema: JsonObject) -> Tool:
    # What a schema refers to is looked for at its root.
    shared = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    plain = {name: part for name, part in schema.items() if name not in shared}
    items = {"type": "array", "items": plain, "minItems": 1, "maxItems": MAX_BULK}
    taken: JsonObject = {"type": "object", "properties": {"items": items}, "required": ["items"], "additionalProperties": False, **shared}
    return Tool(f"{slug}_bulk", f"Calls {slug} for up to {MAX_BULK} inputs at once. Its results are in their order.", taken)


async def _add_sub_agent(toolbox: Toolbox, opening: Opening, db: AsyncSession, action: JsonObject) -> None:
    try:
        agent, _ = await sub_agent.find(db, action)
    except sub_agent.NotStarted as error:
        toolbox.problems.append(f"{action['slug']} cannot be used: {error}")
        return
    if await sub_agent.depth_of(db, opening.chat) >= sub_agent.DEPTH:
        toolbox.problems.append(f"{action['slug']} cannot be used: agents call each other {sub_agent.DEPTH} deep at most.")
        return
    description = action.get("description") or agent.description or f"Asks the agent {agent.name}."
    toolbox.add(SubAgent(action, Tool(action["slug"], description, sub_agent.schema_of(action))))


def shown(outcome: orchestration.agent_tools.RunOutcome, most: int = MAX_RESULT) -> tuple[Json, bool]:
    """What the language model sees of a run, and whether that failed."""
    if outcome.status != "success":
        return {"error": outcome.error or f"It ended as {outcome.status}."}, True
    if outcome.file is not None:
        return {"note": "The result is too large to be shown; ask for less."}, False
    return shortened(outcome.output, most), False


def shown_in_bulk(outcomes: Sequence[orchestration.agent_tools.RunOutcome]) -> tuple[Json, bool]:
    """What the language model sees of the runs of a call, and whether all of them failed."""
    results = [shown(outcome, MAX_RESULT // len(outcomes)) for outcome in outcomes]
    return [result if failed else {"output": result} for result, failed in results], all(failed for _, failed in results)


def shortened(result: Json, most: int = MAX_RESULT) -> Json:
    """A result, or the beginning of one that is too long."""
    text = json.dumps(result, ensure_ascii=False)
    if len(text) <= most:
        return result
    return {"note": f"The result has {len(text)} characters; this is its beginning.", "beginning": text[:most]}


def arguments_of(call: ToolCall) -> Mapping[str, Any]:
    """The arguments of a call that was checked."""
    return call.arguments or {}
