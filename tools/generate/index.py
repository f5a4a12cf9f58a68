"""The command index: every operation as one row that the command line can run."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generate import nouns

from cargo_ai import contract
from cargo_ai.kernel.operation import AnyOperation, RefusalSpec, Until
from cargo_ai.server.api.documents.command_words import DOMAIN_WORDS, kebab, words_of

Schema = dict[str, Any]
Row = dict[str, Any]

_PLACE = re.compile(r"{(\w+)(?:![ars])?}")
_CAUSES = frozenset({"cause", "why", "problem", "faults"})
"""Places that a sentence of its own fills."""
SCALARS = ("string", "integer", "number", "boolean")


class Shape:
    """The JSON schema of a request, with references resolved on the way."""

    def __init__(self, operation: AnyOperation) -> None:
        self.schema: Schema = operation.request.model_json_schema(by_alias=True)
        self._definitions: dict[str, Schema] = self.schema.get("$defs", {})

    def resolve(self, schema: Schema) -> Schema:
        """The schema that a reference names, with the keys beside the reference."""
        reference: str | None = schema.get("$ref")
        if reference is None:
            return schema
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**self.resolve(self._definitions[reference.rpartition("/")[2]]), **beside}

    def choices(self, schema: Schema) -> Iterator[Schema]:
        """The alternatives of a schema, flattened, with null."""
        schema = self.resolve(schema)
        alternatives: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
        if not alternatives:
            yield schema
        for alternative in alternatives:
            yield from self.choices(alternative)

    def field(self, dotted: str) -> Schema | None:
        """The schema of a nested field; the alternatives that have it are joined. None when there is no such field."""
        schemas: list[Schema] = [self.schema]
        for name in dotted.split("."):
            inside = [choice for schema in schemas for choice in self.choices(schema)]
            schemas = [choice["properties"][name] for choice in inside if name in choice.get("properties", {})]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else None


def type_of(shape: Shape, schema: Schema) -> tuple[str, list[Any] | None, bool]:
    """How a value is written on a command line: its type, its allowed values, and whether it may be null."""
    every = list(shape.choices(schema))
    some = [choice for choice in every if choice.get("type") != "null"]
    nullable = len(some) < len(every)
    values = [value for choice in some for value in choice.get("enum", [choice["const"]] if "const" in choice else [])]
    closed = bool(some) and all("enum" in choice or "const" in choice for choice in some)
    if closed and all(isinstance(value, str) for value in values):
        return "string", list(dict.fromkeys(values)), nullable
    kinds = {str(choice.get("type", "any")) for choice in some}
    if len(kinds) == 1 and (kind := kinds.pop()) in SCALARS:
        return kind, None, nullable
    if kinds == {"integer", "number"}:
        return "number", None, nullable
    if some and all(choice.get("type") == "array" for choice in some):
        inner = [type_of(shape, choice.get("items", {})) for choice in some]
        if all(kind in SCALARS for kind, _, _ in inner):
            allowed = [value for _, listed, _ in inner for value in listed or []]
            return "csv", list(dict.fromkeys(allowed)) or None, nullable
    return "json", None, nullable


def args(operation: AnyOperation) -> list[Row]:
    """The flags and positionals of a command: path fields first, then the other positionals, then the rest as declared."""
    shape = Shape(operation)
    properties: dict[str, Schema] = shape.schema.get("properties", {})
    nested = [name for name in operation.cli.flags if "." in name]
    parents = {name.split(".")[0] for name in nested}
    wires = [*dict.fromkeys([*operation.path_fields, *operation.cli.positionals, *properties])]
    for name in reversed(nested):
        at = wires.index(name.split(".")[0]) + 1 if name.split(".")[0] in wires else len(wires)
        wires.insert(at, name)
    rows: list[Row] = []
    for wire in wires:
        if operation.cli.flags.get(wire) == () and wire not in operation.path_fields:
            continue
        rows.append(_arg(operation, shape, wire, wire in parents))
    return rows


def _arg(operation: AnyOperation, shape: Shape, wire: str, has_nested: bool) -> Row:
    schema = shape.field(wire)
    in_path = wire in operation.path_fields
    if schema is None and not in_path:
        raise LookupError(f"{operation.name}: the overlay names {wire}, which the request does not have")
    schema = schema or {"type": "string"}
    kind, values, nullable = type_of(shape, schema)
    required = "." not in wire and wire in shape.schema.get("required", []) and not has_nested
    row: Row = {
        "wire": wire,
        "in": "path" if in_path else "query" if operation.verb == "GET" else "body",
        "type": "path" if wire == operation.cli.upload else "csv" if wire in operation.cli.csv else kind,
        "flags": list(operation.cli.flags.get(wire) or (f"--{kebab(wire.replace('.', '-'))}",)),
    }
    if in_path or wire in operation.cli.positionals:
        row["positional"] = True
    if required or in_path or wire in operation.cli.required:
        row["required"] = True
    if nullable:
        row["nullable"] = True
    if wire in operation.cli.secrets:
        row["type"] = "secrets"
    if wire in operation.cli.files:
        row["fileFlags"] = row["flags"][1:]
        if any(choice.get("type") == "string" for choice in shape.choices(schema)):
            row["takesUrl"] = True
    if values is not None:
        row["values"] = values
    row["help"] = str(schema.get("description") or shape.resolve(schema).get("description", "")).split("\n\n")[0]
    default = schema.get("default")
    if default is not None and kind != "json":
        row["default"] = default
    return row


def row(operation: AnyOperation, operations: Mapping[str, AnyOperation]) -> Row:
    """The row of one operation."""
    command: Row = {
        "words": words_of(operation),
        "aliases": [list(alias) for alias in operation.cli.aliases],
        "operation": operation.name,
        "verb": operation.verb,
        "path": operation.path,
        "summary": operation.summary,
        "examples": list(operation.cli.examples),
        "args": args(operation),
        "writes": operation.writes,
        "reasons": {str(reason): sentence(spec) for reason, spec in operation.refusals.items()},
        "until": _until(operation, operations),
        "output": operation.output,
        "urlWhen": list(operation.cli.url_when),
        "send": dict(operation.cli.send),
        "upload": operation.cli.upload,
        "danger": operation.cli.danger,
    }
    if operation.cli.bin_kind is not None:
        command["binKind"], command["previewPath"] = operation.cli.bin_kind, operations["workspaceManagement.bin.preview"].path
    if operation.cli.file_of is not None:
        of = operation.cli.file_of
        command["fileOf"] = {
            "wire": of.wire,
            "beside": dict(of.beside),
            "path": operations[of.operation].path,
            "field": operations[of.operation].cli.upload,
        }
        replaced = {wire.partition(".")[0] for wire in (of.wire, *of.beside)}
        replaced_args = [arg for arg in command["args"] if arg["wire"] in replaced and arg.get("required")]
        for arg in replaced_args:
            arg["or"] = "file"
        instead = " and ".join(arg["flags"][0] for arg in replaced_args)
        about = f"A CSV, JSON lines or Parquet file of this machine: it is uploaded, each row is a record. Instead of {instead}."
        command["args"].append({"wire": "file", "in": "cli", "type": "path", "flags": ["--file"], "help": about})
    if operation.cli.results is not None:
        command["results"] = operations[operation.cli.results].path
    if operation.cli.text is not None:
        flag, field = operation.cli.text
        command["text"] = {"option": flag.removeprefix("--"), "field": field}
        plain = {"wire": flag.removeprefix("--"), "in": "cli", "type": "boolean", "flags": [flag]}
        command["args"].append(plain | {"help": "Print the text alone, not a JSON document."})
    if operation.cli.table is not None:
        field, columns = operation.cli.table
        command["table"] = {"field": field, "columns": list(columns)}
    if operation.cli.page is not None:
        command["page"] = operation.cli.page
    if operation.cli.series is not None:
        field, inner = operation.cli.series
        command["series"] = {"field": field, "inner": inner}
        command["args"].append({"wire": "chart", "in": "cli", "type": "boolean", "flags": ["--chart"], "help": "Draw it on stderr, too."})
    key = rows_of(operation)
    if key is not None:
        command["rows"] = key
        if found_pages := pages(operation):
            command["pages"] = found_pages
    if operation.cli.live is not None:
        command["live"] = operation.cli.live
    if operation.cli.announce is not None:
        command["announce"] = operation.cli.announce
    if operation.cli.fails_when is not None:
        field, value = operation.cli.fails_when
        command["failsWhen"] = {"field": field, "value": value}
    return command


def rows_of(operation: AnyOperation) -> str | None:
    """The list that a reply consists of; None for the reply of a write, and where other things are in it, too."""
    if operation.output != "json":
        return None
    schema: Schema = operation.response.model_json_schema(by_alias=True, mode="serialization")
    definitions: dict[str, Schema] = schema.get("$defs", {})
    lists: list[str] = []
    for name, value in schema.get("properties", {}).items():
        items: Schema = value.get("items", {})
        items = definitions[items["$ref"].rpartition("/")[2]] if "$ref" in items else items
        if "$ref" in value or (items.get("type") == "object" and value.get("type") != "array"):
            return None
        if value.get("type") == "array" and items.get("type", "object") == "object":
            lists.append(name)
    if operation.writes and list(schema.get("properties", {})) != lists:
        return None
    preferred = [name for name in lists if name in ("records", "rows", "results")]
    return preferred[0] if preferred else lists[0] if len(lists) == 1 else None


def pages(operation: AnyOperation) -> Row | None:
    """The request fields by which a list is read page by page; None where it comes whole."""
    properties: dict[str, Schema] = operation.request.model_json_schema(by_alias=True).get("properties", {})
    limit, offset = ("fetchingLimit", "fetchingOffset") if "fetchingLimit" in properties else ("limit", "offset")
    if limit not in properties or offset not in properties or operation.writes:
        return None
    most = next((choice["maximum"] for choice in Shape(operation).choices(properties[limit]) if "maximum" in choice), 100)
    found: Row = {"limit": limit, "offset": offset, "most": min(int(most), 1_000)}
    if operation.cli.goes_on is not None:
        field, key = operation.cli.goes_on
        found["after"] = {"field": field, "key": key}
        found["start"] = dict(operation.cli.goes_on_with)
    return found


def sentence(refusal: RefusalSpec) -> str:
    """A refusal as it reads before it happens: `There is no run with uuid UUID.`"""
    if _PLACE.fullmatch(refusal.sentence):
        return "The message says what is wrong."
    return _PLACE.sub(lambda place: "…" if place[1] in _CAUSES else kebab(place[1]).replace("_", "-").upper(), refusal.sentence).replace(
        "….", "…"
    )


def _until(operation: AnyOperation, operations: Mapping[str, AnyOperation]) -> Row | None:
    until = operation.until or _own_end(operation)
    if until is None:
        return None
    if until.operation not in operations:
        raise LookupError(f"{operation.name} waits through {until.operation}, which is not served")
    watched = operations[until.operation]
    return {
        "words": words_of(watched),
        "path": watched.path,
        "key": until.key,
        "field": until.field,
        "final": sorted(until.final),
        "bad": sorted(until.bad & until.final),
    }


def _own_end(operation: AnyOperation) -> Until | None:
    """What shows the state of work can be waited with as well: the same reply, once the state is final."""
    waits = operation.waits
    if waits is None:
        return None
    return Until(operation.name, waits.key, waits.field, waits.final, bad=frozenset({"error", "failed", "cancelled"}))


def planned(names: Iterable[str]) -> Iterator[str]:
    """The commands of operations that are not served yet, by their names."""
    for name in names:
        domain, *rest = name.removesuffix(".all").split(".")
        words = [DOMAIN_WORDS.get(domain, kebab(domain)), *map(kebab, rest)]
        yield " ".join([*words, "list"] if name.endswith(".all") else words)


def index(operations: Iterable[AnyOperation]) -> dict[str, Row]:
    """The files of the index by name: one per domain, and `_root.json`."""
    by_name = {operation.name: operation for operation in operations}
    domain_summaries, group_summaries = summaries("DOMAINS"), summaries("GROUPS")
    domains: dict[str, Row] = {}
    rows = {name: row(operation, by_name) for name, operation in by_name.items()}
    known = nouns.nouns(by_name, rows)
    nouns.mark(known, rows.values())
    for command in rows.values():
        first = {spelling[0] for spelling in [command["words"], *command["aliases"]]}
        for domain in sorted(first):
            file = domains.setdefault(domain, {"domain": domain, "summary": domain_summaries.get(domain, ""), "groups": {}, "commands": []})
            mine = [spelling for spelling in [command["words"], *command["aliases"]] if spelling[0] == domain]
            file["commands"].append({**command, "words": mine[0], "aliases": mine[1:]})
            # Another spelling of a group has the summary of the group.
            own = group_summaries.get(" ".join(command["words"][:-1]), "")
            for spelling in mine:
                if len(spelling) > 2:
                    group = " ".join(spelling[1:-1])
                    file["groups"][group] = group_summaries.get(" ".join(spelling[:-1])) or file["groups"].get(group) or own
    for file in domains.values():
        commands: list[Row] = file["commands"]
        commands.sort(key=_words)
        file["groups"] = dict(sorted(file["groups"].items()))
        # A domain of nothing but other spellings has the summary of its first group.
        file["summary"] = file["summary"] or next(iter(file["groups"].values()), "")
    entries: Row = {domain: {"summary": file["summary"], "file": f"{domain}.json"} for domain, file in sorted(domains.items())}
    for wire, domain in sorted(DOMAIN_WORDS.items()):
        if domain in domains:
            entries[wire] = entries[kebab(wire)] = {"alias_of": domain}
    for domain in list(domains):
        camel = next((name.split(".")[0] for name in by_name if kebab(name.split(".")[0]) == domain), domain)
        if camel != domain:
            entries[camel] = {"alias_of": domain}
    return {
        "_root.json": {"domains": entries},
        "_nouns.json": known,
        **{f"{domain}.json": file for domain, file in sorted(domains.items())},
    }


def _words(command: Row) -> list[str]:
    return command["words"]


def summaries(table: str) -> dict[str, str]:
    """The summaries of domains (`DOMAINS`) or groups (`GROUPS`) in the packages of the contract, by the words that name them."""
    texts: dict[str, str] = {}
    for module in pkgutil.iter_modules(contract.__path__, f"{contract.__name__}."):
        own: dict[str, str] = getattr(importlib.import_module(module.name), table, {})
        texts |= own
    return texts
