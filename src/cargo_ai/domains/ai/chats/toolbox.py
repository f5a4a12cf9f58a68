"""The toolbox of an answer: what the language model may call, checked against its schema, started as runs, and what it gave."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.domains.orchestration.public import agent_tools
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool, ToolCall

Json = Any
MOST_RESULT = 30_000
"""Characters of a result that the language model sees."""
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Usable:
    """An action with the name by which the language model calls it."""

    action: JsonObject
    tool: Tool


@dataclass(slots=True)
class Toolbox:
    """The actions of an answer. `notes`: what is not there any more, for the language model."""

    usable: dict[str, Usable] = field(default_factory=dict[str, Usable])
    notes: list[str] = field(default_factory=list[str])

    @property
    def tools(self) -> list[Tool]:
        """What the language model is offered."""
        return [usable.tool for usable in self.usable.values()]

    def problem(self, call: ToolCall) -> str | None:
        """What is wrong with a call, in words that help the language model to correct it; None where it may be carried out."""
        usable = self.usable.get(call.name)
        if usable is None:
            return f"There is no tool {call.name}; there are {', '.join(self.usable) or 'none'}."
        if call.arguments is None:
            return "The arguments are not a JSON object."
        errors = list(jsonschema_rs.validator_for(usable.tool.parameters).iter_errors(call.arguments))
        if not errors:
            return None
        return "; ".join(f"{'.'.join(map(str, error.instance_path)) or 'arguments'}: {error.message}" for error in errors[:5])


async def open_toolbox(services: Services, db: AsyncSession, workspace: uuid.UUID, actions: Sequence[JsonObject]) -> Toolbox:
    """The toolbox of these actions. One that is not there any more is left out, and noted."""
    toolbox = Toolbox()
    for action in actions:
        name = _UNFIT.sub("_", action["slug"])[:64]
        if action["kind"] == "agent":
            toolbox.notes.append(f"The agent {action['slug']} cannot be called yet.")
            continue
        try:
            description, schema = await agent_tools.describe(services, db, workspace, action)
        except agent_tools.ToolUnusable as error:
            toolbox.notes.append(f"{action['slug']} cannot be used: {error}")
            continue
        toolbox.usable[name] = Usable(action, Tool(name, description[:1_000], schema))
    return toolbox


def shown(outcome: orchestration.agent_tools.RunOutcome) -> tuple[Json, bool]:
    """What the language model sees of a run, and whether that failed."""
    if outcome.status != "success":
        return {"error": outcome.error or f"It ended as {outcome.status}."}, True
    if outcome.file is not None:
        return {"note": "The result is too large to be shown; ask for less."}, False
    text = json.dumps(outcome.output, ensure_ascii=False)
    if len(text) > MOST_RESULT:
        return {"note": f"The result has {len(text)} characters; this is its beginning.", "beginning": text[:MOST_RESULT]}, False
    return outcome.output, False


def arguments_of(call: ToolCall) -> Mapping[str, Any]:
    """The arguments of a call that was checked."""
    return call.arguments or {}
