"""The reference of the Python client: every method with its arguments, from the client's own index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cargo_ai.sdk import Cargo, Settings, nouns
from cargo_ai.server.api.documents.command_words import words_of

INTRO = """# Python methods

`Cargo` and `AsyncCargo` have these methods; [From Python](../guide/sdk.md) shows how they are used.
What an argument means, and for which reasons a method is refused, is said by the command of the same name, and by your editor.
Arguments before `*` need no name.
"""
OWN = {
    "wait": ["timeout"],
    "pages": ["page_size", "max_rows"],
    "upload": ["name", "idempotency_key"],
}
RETURNS = {"download": "Download", "events": "iterator of events", "pages": "iterator of rows"}


def page() -> str:
    """The page, a section for each domain."""
    client = Cargo.of(Settings(""))
    parts = [INTRO]
    for domain in nouns.index():
        parts.append(f"\n## {domain}\n\n| Method | Returns | |\n| --- | --- | --- |\n")
        parts += [_row(method) for method in _methods(getattr(client, domain), nouns.index()[domain])]
    client.close()
    return "".join(parts)


def _methods(branch: Any, below: dict[str, Any]) -> Iterator[nouns.Method]:
    for name, entry in below.items():
        found = getattr(branch, name)
        if isinstance(found, nouns.Method):
            yield found
        else:
            yield from _methods(found, entry)


def _row(method: nouns.Method) -> str:
    operation, kind = method.operation, method.entry["kind"]
    hidden = {"format"} if kind == "download" else set[str]()
    if "paging" in method.entry:
        paging = method.entry["paging"]
        hidden |= {paging["limit"], paging["offset"], paging["after"] or ""}
    first = [name for name in method.entry["positionals"] if name not in hidden]
    rest = [name for name in operation.request.model_fields if name not in first and name not in hidden]
    rest += OWN.get(kind, ["idempotency_key"] if kind == "call" and operation.writes else [])
    arguments = ", ".join([*first, *(["*", *rest] if rest else [])])
    command = words_of(operation)
    link = f"[{' '.join(command)}]({command[0]}.md#{'-'.join(command)})"
    returns = RETURNS.get(kind) or operation.response.__name__
    return f"| `{method.path}({arguments})` | `{returns}` | {link}: {operation.summary.replace('|', chr(92) + '|')} |\n"
