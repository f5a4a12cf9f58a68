"""Search kinds of the AI domain: agents and chats by name."""

from __future__ import annotations

from cargo_ai.context.search_kinds import named
from cargo_ai.domains.ai.tables import Agent, Chat

_READ = "ai:agent:read"

KINDS = (
    named("agent", _READ, uid=Agent.uuid, name=Agent.name, living=Agent.deleted_at.is_(None)),
    named("chat", _READ, uid=Chat.uuid, name=Chat.name, living=Chat.deleted_at.is_(None)),
)
