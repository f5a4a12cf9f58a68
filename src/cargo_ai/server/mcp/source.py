"""What an MCP endpoint serves: a list of tools, and what carries out a call of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from cargo_ai.kernel.wire import JsonObject

Json = Any
MAX_CHARACTERS = 100_000
"""Of a result: what is longer fills the memory of who asks."""


class UnknownTool(Exception):
    """There is no tool of this name, or not for this caller."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gives. failed: it is for the language model, which may correct itself."""

    value: Json
    failed: bool = False

    def to_wire(self) -> JsonObject:
        """The result of `tools/call`."""
        value, failed = self.value, self.failed
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(text) > MAX_CHARACTERS:
            problem = (
                f"The result has {len(text):,} characters, more than the {MAX_CHARACTERS:,} that are sent: ask for less (limit, columns)."
            )
            value, failed, text = None, True, problem
        result: JsonObject = {"content": [{"type": "text", "text": text}], "isError": failed}
        if isinstance(value, dict) and not failed:
            result["structuredContent"] = cast("JsonObject", value)
        return result


def problem(reason: str, sentence: str, details: Mapping[str, Any] | None = None) -> ToolResult:
    """A call that was refused: why, in a sentence."""
    return ToolResult({"errorMessage": sentence, "reason": reason, **(details or {})}, failed=True)


def hints_of(title: str, hint: str, *, is_open: bool | None = None) -> JsonObject:
    """What clients show and ask their person for: whether a tool only reads, or destroys, and whether it reaches services outside (None:
    that depends on what it is called with)."""
    hints = {"title": title, "readOnlyHint": hint == "reads", "destructiveHint": hint == "deletes"}
    return hints if is_open is None else {**hints, "openWorldHint": is_open}


class ToolSource(Protocol):
    """The tools of one endpoint, for one caller and one request."""

    name: str
    instructions: str

    async def tools(self) -> Sequence[JsonObject]:
        """The tools as `tools/list` gives them."""
        ...

    async def call(self, name: str, arguments: JsonObject) -> ToolResult:
        """Carry out a call. Raises UnknownTool."""
        ...
