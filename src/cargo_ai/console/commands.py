"""Commands: what a page shows as a line of the command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import cast

_CAPITAL = re.compile("[A-Z]")


def line(words: str, flags: Mapping[str, object] | None = None) -> str:
    """`cargo-ai WORDS --flag value …`: fields of the wire as flags, values quoted where a shell would read more into them."""
    parts = ["cargo-ai", words]
    for name, value in (flags or {}).items():
        if value is None or value == "":
            continue
        flag = "--" + _CAPITAL.sub(lambda match: f"-{match[0].lower()}", name)
        parts.append(flag if value is True else f"{flag} {shlex.quote(_text(value))}")
    return " ".join(parts)


def run_list(filters: Mapping[str, object]) -> str:
    """The line that lists runs. The command wants a workflow; without one the same request is sent as it is."""
    kept = {name: value for name, value in filters.items() if value not in (None, "")}
    if "workflowUuid" in kept:
        return line("orchestration run list", kept)
    return f"cargo-ai api POST /orchestration/runs/list --data {shlex.quote(_text(kept))}"


def _text(value: object) -> str:
    if isinstance(value, list):
        items = cast("list[object]", value)
        if all(isinstance(item, str) for item in items):
            return ",".join(map(str, items))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
