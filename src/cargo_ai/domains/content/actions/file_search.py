"""`fileSearch`: the passages of the workspace's files that say most about a question.

Public documents name the native action `fileSearch` and nothing more of it. Its config and output are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import check_number, is_constant, number, output, schema
from cargo_ai.context.process import Services
from cargo_ai.domains.content.retrieval.passages import find_passages, scope_of
from cargo_ai.domains.content.retrieval.search import LONGEST_QUESTION
from cargo_ai.engine.graph.action import Action, Call, Done, InvalidConfig, Outcome, Perform

MAX = 50
USUAL = 5
_UUIDS = {"type": "array", "items": {"type": "string"}}


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence for a limit or a uuid that cannot be one."""
    if all(is_constant(config.get(key)) for key in ("fileUuids", "folderUuids", "libraryUuids")):
        try:
            scope_of(config)
        except ValueError as error:
            return str(error)
    return check_number(config, "limit", 1, MAX)


def _performer(services: Services) -> Perform:
    async def perform(call: Call) -> Outcome:
        query: object = call.config.get("query")
        if not isinstance(query, str) or not query.strip():
            raise InvalidConfig("The config needs `query`: what to look for.")
        limit, fault = number(call.config.get("limit", USUAL) or USUAL, "limit", 1, MAX)
        if fault:
            raise InvalidConfig(fault)
        try:
            scope = scope_of(call.config)
        except ValueError as error:
            raise InvalidConfig(str(error)) from None
        findings = await find_passages(services, call.workspace, scope, query, int(limit))
        found = findings.passages
        warnings = () if findings.warning is None else (findings.warning,)
        results = [passage.to_json() for passage in found]
        title = f"✅ {found[0].source}" if found else "❌ Nothing found"
        return Done({"result": results[0] if results else None, "results": results, "count": len(results)}, title[:80], warnings=warnings)

    return perform


_RESULT = {
    "type": "object",
    "properties": {
        "source": {"type": "string", "description": "The file and the place in it, for people."},
        "fileUuid": {"type": "string"},
        "fileName": {"type": "string"},
        "number": {"type": "integer", "description": "The place of the passage among those of the file, from 0."},
        "position": {"type": "object", "description": "page; or sheet, row, lastRow; and heading, where there are such."},
        "text": {"type": "string"},
        "score": {"type": "number"},
    },
}

ACTION: Action[Call] = Action(
    slug="fileSearch",
    name="File search",
    description="Finds the passages of uploaded files that say most about a question, each with its file and place.",
    does="acts",
    category="ai",
    icon="file-search",
    config_schema=schema(
        {
            "query": {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION, "description": "What to look for."},
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX, "default": USUAL, "description": "How many passages at most."},
            "fileUuids": _UUIDS | {"description": "Only these files."},
            "folderUuids": _UUIDS | {"description": "Only files of these folders."},
            "libraryUuids": _UUIDS | {"description": "Only files of these libraries."},
        },
        ("query",),
    ),
    output_schema=output(
        {"result": {"anyOf": [_RESULT, {"type": "null"}]}, "results": {"type": "array", "items": _RESULT}, "count": {"type": "integer"}},
        ("results", "count"),
    ),
    check=check,
    performer=_performer,
    idempotency="reads",
)
