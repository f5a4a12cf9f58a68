"""The capability `memory`: what agents have learned is read back into the prompt, and tools to remember, recall and forget.

`config.scopes` says in which scopes an agent may write; all three by default. It reads those that it may write, and the workspace's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.ai.memory import MAXIMUM_CONTENT, Scope
from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.domains.ai.chats.untrusted import untrusted
from cargo_ai.domains.ai.memories import remembering
from cargo_ai.domains.ai.memories.remembering import Owner
from cargo_ai.domains.ai.tables import AgentMemory
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

Json = Any
MAX_READ_BACK = 30
MAX_CHARACTERS = 8_000
"""Of the memories that are read back into the prompt together."""
MAX_RECALLED = 20
MAX_SIMILAR = 3
_NOTE = """You remember things between conversations. Use `remember` when you learn something lasting that will be useful again (a fact,
a decision, a preference), in one self-contained sentence; give `memoryId` where it replaces a memory. Do not store secrets, or what is
only about this conversation. `recall` finds memories that are not shown here, `forget` removes one that is wrong or that the user
wants gone."""
_ABOUT: dict[Scope, str] = {
    "user": "user: about the person who writes, and only for conversations with them",
    "agent": "agent: for all conversations with you",
    "workspace": "workspace: for all agents of the company",
}


async def offer(opening: Opening, db: AsyncSession) -> Offer:
    """The tools, and what is relevant to the message."""
    config = opening.plan.capabilities.get("memory")
    if config is None:
        return Offer()
    memories = _Memories(opening, config)
    readable = memories.readable
    rows = await remembering.relevant(db, opening.workspace, readable, opening.text, MAX_READ_BACK)
    rows += [row for row in await remembering.latest(db, readable, MAX_READ_BACK) if row not in rows]
    notes = [_NOTE] if memories.writable else []
    if lines := _lines(rows[:MAX_READ_BACK]):
        notes.append(f"Memories, which may be outdated:\n{untrusted(lines)}")
    return Offer(memories.tools(), notes)


def _lines(rows: Sequence[AgentMemory]) -> str:
    lines: list[str] = []
    left = MAX_CHARACTERS
    for row in rows:
        line = json.dumps(_shown(row), ensure_ascii=False)
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _shown(row: AgentMemory) -> JsonObject:
    return {"memoryId": str(row.uuid), "scope": row.scope, "at": row.updated_at.date().isoformat(), "content": row.content}


@dataclass(slots=True)
class _Memories:
    """The memories of one answer: whose they are, and what its tools do."""

    opening: Opening
    config: JsonObject

    @property
    def _owners(self) -> dict[Scope, Owner]:
        opening = self.opening
        of: dict[Scope, uuid.UUID | None] = {"user": opening.user, "agent": opening.agent, "workspace": opening.workspace}
        return {scope: Owner(scope, uid) for scope, uid in of.items() if uid is not None}

    @property
    def writable(self) -> dict[Scope, Owner]:
        """Who may be written for."""
        named: Json = self.config.get("scopes")
        allowed = cast("list[Json]", named) if isinstance(named, list) else list(get_args(Scope))
        return {scope: owner for scope, owner in self._owners.items() if scope in allowed}

    @property
    def readable(self) -> list[Owner]:
        """Whose memories are read."""
        owners = self._owners
        return list({"workspace": owners["workspace"], **self.writable}.values())

    def tools(self) -> list[BuiltIn]:
        """What the language model may call."""
        query: JsonObject = {"type": "string", "minLength": 1, "maxLength": 500, "description": "What to look for: words that it holds."}
        recall = Tool("recall", "Find memories of earlier conversations.", _object({"query": query}, ["query"]))
        if not self.writable:
            return [BuiltIn(recall, self._recall)]
        scopes = list(self.writable)
        identity: JsonObject = {"type": "string", "description": "The memoryId of a memory."}
        properties: JsonObject = {
            "content": {"type": "string", "minLength": 1, "maxLength": MAXIMUM_CONTENT, "pattern": r"\S"},
            "scope": {"type": "string", "enum": scopes, "description": "; ".join(_ABOUT[scope] for scope in scopes)},
            "memoryId": identity | {"description": "The memory that this one replaces, of the same scope."},
        }
        remember = Tool("remember", "Remember something lasting.", _object(properties, ["content", "scope"]))
        forget = Tool("forget", "Remove a memory.", _object({"memoryId": identity}, ["memoryId"]))
        return [BuiltIn(recall, self._recall), BuiltIn(remember, self._remember, "writes"), BuiltIn(forget, self._forget, "deletes")]

    async def _recall(self, arguments: JsonObject, _key: str) -> Given:
        async with self._session() as db:
            rows = await remembering.relevant(db, self.opening.workspace, self.readable, arguments["query"], MAX_RECALLED)
        return Given({"memories": [_shown(row) for row in rows]})

    async def _remember(self, arguments: JsonObject, _key: str) -> Given:
        """Harmless when it is repeated: the second memory has all words of the first, and takes its place."""
        owner, content = self.writable[arguments["scope"]], arguments["content"].replace("\x00", "").strip()
        named: str | None = arguments.get("memoryId")
        replaces = None if named is None else ids.parse(named) or uuid.UUID(int=0)
        async with self._session() as db:
            try:
                row = await remembering.remember(db, self.opening.workspace, owner, content, replaces)
            except LookupError:
                return Given({"error": f"There is no memory {named} in the scope {owner.scope}."}, failed=True)
            except remembering.MemoriesFull as error:
                return Given({"error": str(error)}, failed=True)
            similar = await remembering.relevant(db, self.opening.workspace, [owner], content, MAX_SIMILAR + 1)
            await db.commit()
        result: JsonObject = {"memoryId": str(row.uuid)}
        if others := [_shown(other) for other in similar if other.uuid != row.uuid]:
            result |= {"similar": others, "note": "Where one of these says the same or is outdated, forget it."}
        return Given(result)

    async def _forget(self, arguments: JsonObject, _key: str) -> Given:
        memory = ids.parse(arguments["memoryId"])
        async with self._session() as db:
            was_there = memory is not None and await remembering.forget(db, list(self.writable.values()), memory)
            await db.commit()
        return Given({"forgotten": was_there})

    def _session(self):
        services: Services = self.opening.services
        return services.database.session(self.opening.workspace)


def _object(properties: JsonObject, required: list[str]) -> JsonObject:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
