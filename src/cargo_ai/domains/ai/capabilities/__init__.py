"""What the platform lets agents do besides their actions: one module per capability or kind of resource, each with a `MakeOffer`."""

from __future__ import annotations

from cargo_ai.domains.ai.capabilities import code_interpreter, document, documentation_search, files, heartbeat, memory, models
from cargo_ai.domains.ai.chats.calling.offer import MakeOffer
from cargo_ai.domains.ai.mcp import clients

OFFERS: tuple[MakeOffer, ...] = (
    models.offer,
    files.offer,
    memory.offer,
    heartbeat.offer,
    code_interpreter.offer,
    documentation_search.offer,
    clients.offer,
    document.offer,
)
"""Asked in this order when an answer is opened."""

SLUGS: frozenset[str] = frozenset(
    {"codeInterpreter", "document", "documentationSearch", "fileSearch", "memory", "suggestedActions", "webSearch"}
)
"""Capabilities of releases that one of the offers, or what follows answers, acts on; of others, a release that names them is warned."""
