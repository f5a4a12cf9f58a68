"""Write tests/contract/surface.json: the operations of an OpenAPI document in a compact form."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

VERBS = ("get", "post", "put", "patch", "delete")


class Document:
    """An OpenAPI document with its references resolved."""

    def __init__(self, text: str) -> None:
        self._root: dict[str, Any] = json.loads(text)

    def follow(self, value: dict[str, Any]) -> dict[str, Any]:
        """The value that a reference names, or the value itself."""
        while "$ref" in value:
            target: Any = self._root
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            value = target
        return value

    def variants(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """The object schemas that a value may have."""
        schema = self.follow(schema)
        choices: list[dict[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or []
        return [variant for choice in choices for variant in self.variants(choice)] if choices else [schema]

    def required(self, schema: dict[str, Any]) -> set[str]:
        """The fields that every variant requires."""
        first, *rest = (frozenset[str](variant.get("required", [])) for variant in self.variants(schema))
        return set(first.intersection(*rest))

    def keys(self, schema: dict[str, Any]) -> set[str]:
        """The fields that any variant of a reply has."""
        return {key for variant in self.variants(schema) for key in variant.get("properties", {})}

    def rows(self) -> dict[str, dict[str, Any]]:
        """By operation id: verb, path, required, reply, reasons."""
        rows: dict[str, dict[str, Any]] = {}
        for path, verbs in self._root["paths"].items():
            for verb in VERBS:
                if verb in verbs:
                    rows[verbs[verb]["operationId"]] = self._row(verb, path, verbs[verb])
        return dict(sorted(rows.items()))

    def _row(self, verb: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
        required = set(re.findall(r"{(\w+)}", path))
        for parameter in map(self.follow, operation.get("parameters", [])):
            if parameter["in"] == "query" and parameter.get("required"):
                required.add(re.split(r"\[", parameter.get("x-wire-name", parameter["name"]))[0])
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body:
            required |= self.required(body)
        reply = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema")
        return {
            "verb": verb.upper(),
            "path": path,
            "required": sorted(required),
            "reply": sorted(self.keys(reply)) if reply else [],
            "reasons": sorted(operation.get("x-error-reasons", [])),
        }


def main() -> int:
    """Write one operation per line, so that a change is one line of a diff."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("openapi", type=Path, help="the OpenAPI document to read")
    parser.add_argument("surface", type=Path, nargs="?", default=Path(__file__).resolve().parents[1] / "tests/contract/surface.json")
    options = parser.parse_args()
    rows = Document(options.openapi.read_text("utf-8")).rows()
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
    options.surface.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"{len(rows)} operations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
