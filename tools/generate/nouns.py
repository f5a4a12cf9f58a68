"""The nouns whose things have names, and the arguments of commands that name one: there a name stands in place of a uuid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.server.api.documents.command_words import words_of

Row = dict[str, Any]
NAMES = ("slug", "name", "email")
NOT_NAMED = frozenset({"segmentation.change"})
"""Their slugs are those of something else."""


def nouns(operations: Mapping[str, AnyOperation], rows: Mapping[str, Row]) -> dict[str, Row]:
    """Where the things of each noun are listed. `rows`: the rows of all commands by operation. Key: `domain.noun`, or `workflow`."""
    known: dict[str, Row] = {}
    for name, operation in operations.items():
        domain, noun, verb = [*name.split("."), "", ""][:3]
        row = rows.get(name)
        if verb not in ("all", "list") or row is None or "rows" not in row or operation.request.model_json_schema().get("required"):
            continue
        fields = _fields(operation, row["rows"])
        names = [field for field in NAMES if field in fields]
        if "uuid" not in fields or not names or f"{domain}.{noun}" in NOT_NAMED:
            continue
        source = {
            "verb": operation.verb,
            "path": operation.path,
            "rows": row["rows"],
            "value": "uuid",
            "names": names,
            "words": words_of(operation),
            **({"pages": row["pages"]} if "pages" in row else {}),
        }
        known[f"{domain}.{noun}"] = {"lists": [source]}
        if "workflowUuid" in fields:
            known.setdefault("workflow", {"lists": []})["lists"].append({**source, "value": "workflowUuid"})
    return dict(sorted(known.items()))


def _fields(operation: AnyOperation, key: str) -> set[str]:
    schema = operation.response.model_json_schema(by_alias=True, mode="serialization")
    items = schema["properties"][key].get("items", {})
    reference = items.get("$ref", "").rpartition("/")[2]
    return set(schema["$defs"][reference].get("properties", {})) if reference else set()


def mark(known: Mapping[str, Row], commands: Iterable[Row]) -> None:
    """Say of each argument that takes a uuid which noun it names."""
    for command in commands:
        domain, noun = [*command["operation"].split("."), ""][:2]
        for arg in command["args"]:
            found = next((name for name in _candidates(arg["wire"], domain, noun, known) if name in known), None)
            if found is not None and arg["type"] in ("string", "csv"):
                arg["noun"] = found


def _candidates(wire: str, domain: str, noun: str, known: Mapping[str, Row]) -> Iterator[str]:
    last = wire.rpartition(".")[2]
    if last in ("uuid", "uuids"):
        yield f"{domain}.{noun}"
        return
    match = re.fullmatch(r"(\w+?)Uuids?", last)
    if match is None:
        return
    if match[1] == "parent":
        if noun == "folder":
            yield f"{domain}.folder"
        return
    words = re.findall(r"[A-Z]?[^A-Z]+", match[1])
    for start in range(len(words)):
        wanted = words[start].lower() + "".join(words[start + 1 :])
        yield wanted
        yield f"{domain}.{wanted}"
        others = [name for name in known if name.endswith(f".{wanted}")]
        if len(others) == 1:
            yield others[0]
