"""Token usage of calls to language models, as messages and replies show it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from cargo_ai.kernel.wire import JsonObject
from cargo_ai.ledger.amounts import PLACES
from cargo_ai.llm.step import Usage


def added(former: Mapping[str, Any], step: Usage, language_model: str, connector: uuid.UUID, credits: float) -> JsonObject:
    """The usage so far ({} at first) with that of one more step, which cost these credits."""
    took = {
        "inputTokensCount": step.sent,
        "outputTokensCount": step.received,
        "cacheReadTokensCount": step.cache_read,
        "cacheWriteTokensCount": step.cache_written,
        "reasoningTokensCount": step.reasoning,
        "tokensUsedCount": step.sent + step.received,
        "billableTokensCount": step.sent + step.received,
    }
    total: JsonObject = {name: int(former.get(name, 0)) + count for name, count in took.items()}
    # Nothing for an account of the workspace's own: only its vendor charges it.
    used = round(float(former.get("creditsUsedCount", 0)) + credits, PLACES)
    return total | {
        "creditsUsedCount": int(used) if used == int(used) else used,
        "languageModelSlug": language_model,
        "connectorUuid": str(connector),
    }


def merged(former: Mapping[str, Any], more: Mapping[str, Any]) -> JsonObject:
    """The usage of an answer, whose language model it names, with that of another question about it."""
    counts = {name: former.get(name, 0) + count for name, count in more.items() if name.endswith("Count")}
    return {**more, **former, **counts}
