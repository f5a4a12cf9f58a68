"""The Python client's index of methods, and the signatures of all of them as type stubs, for editors and type checkers."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from generate import index
from pydantic import BaseModel
from pydantic.alias_generators import to_camel, to_snake
from pydantic.fields import FieldInfo

from cargo_ai import contract
from cargo_ai.contract.downloads import DownloadReply
from cargo_ai.kernel.operation import AnyOperation, Operation
from cargo_ai.server.api.documents.command_words import words_of

HEADER = "# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.\n"
PLAIN: Mapping[Any, str] = {str: "str", int: "int", float: "float", bool: "bool", type(None): "None", Any: "Any"}
TIMES: Mapping[Any, str] = {datetime: "datetime | str", date: "date | str"}
OBJECT = "Mapping[str, Any]"
IMPORTED: Mapping[str, tuple[str, ...]] = {
    "collections.abc": ("AsyncIterator", "Iterator", "Mapping", "Sequence"),
    "datetime": ("date", "datetime"),
    "os": ("PathLike",),
    "typing": ("Any", "BinaryIO", "Literal"),
}
OWN = ("cargo_ai.sdk.downloads", "cargo_ai.sdk.frame_types")
WIDTH = 130
Row = dict[str, Any]


@dataclass(slots=True)
class Method:
    """A method: its name in the noun, what the index says about it, and the operation that it calls."""

    name: str
    entry: Row
    operation: AnyOperation


@dataclass(slots=True)
class Noun:
    """The methods and nouns below a word."""

    methods: list[Method] = field(default_factory=list[Method])
    nouns: dict[str, Noun] = field(default_factory=dict[str, "Noun"])


def files(operations: Iterable[AnyOperation]) -> dict[str, str]:
    """The index and the stubs by path below `sdk/`."""
    tree, summaries = _tree(operations), index.summaries("DOMAINS")
    written = {"operations.json": json.dumps(_index(tree), indent=1, ensure_ascii=False) + "\n", "typed/__init__.pyi": HEADER}
    for mode, waits in (("sync", False), ("asynchronous", True)):
        imports = "".join(f"from . import {name} as _{name}\n" for name in tree.nouns)
        properties = [_property(name, f"_{name}.{_domain(name)}", summaries.get(name.replace("_", "-"))) for name in tree.nouns]
        written[f"typed/{mode}/__init__.pyi"] = f"{HEADER}{imports}\nclass Domains:\n" + "\n".join(properties)
        for name, noun in tree.nouns.items():
            written[f"typed/{mode}/{name}.pyi"] = _Stub(waits).module(name, noun)
    return written


def _tree(operations: Iterable[AnyOperation]) -> Noun:
    tree, places = Noun(), _places()
    for operation in sorted(operations, key=words_of):
        *path, name = [word.replace("-", "_") for word in words_of(operation)]
        noun = tree
        for word in path:
            noun = noun.nouns.setdefault(word, Noun())
        noun.methods += _methods(name, operation, places[operation.name])
    return tree


def _places() -> dict[str, str]:
    """Where each operation is declared: `module:attribute`."""
    contract.load()
    places: dict[str, str] = {}
    for module in pkgutil.walk_packages(contract.__path__, f"{contract.__name__}."):
        for attribute, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Operation):
                places.setdefault(cast("AnyOperation", value).name, f"{module.name.removeprefix(contract.__name__ + '.')}:{attribute}")
    return places


def _methods(name: str, operation: AnyOperation, place: str) -> Iterable[Method]:
    fields = operation.request.model_fields
    names = {info.alias or field_name: field_name for field_name, info in fields.items()}
    listed = [*operation.path_fields, *operation.cli.positionals]
    first = list(dict.fromkeys(names.get(wire, wire) for wire in listed if names.get(wire, wire) in fields))
    if operation.cli.upload:
        first = [names[operation.cli.upload], *(name for name in first if name != operation.cli.upload)]
    entry: Row = {"call": place, "kind": _kind(operation), "positionals": first}
    yield Method(name, entry, operation)
    if operation.waits is not None:
        # A noun has one thing that is waited for, shown by `get`; other lists say what is waited for.
        yield Method("wait" if name == "get" else f"wait_for_{name.removeprefix('list_')}", {**entry, "kind": "wait"}, operation)
    pages, rows = index.pages(operation), index.rows_of(operation)
    if pages and rows:
        paging = {
            "rows": to_snake(rows),
            "limit": names[pages["limit"]],
            "offset": names[pages["offset"]],
            "most": pages["most"],
            "after": names[pages["after"]["field"]] if "after" in pages else None,
            "key": pages["after"]["key"] if "after" in pages else None,
            "start": pages.get("start", {}),
        }
        spelled = "iterate" if name == "list" else f"iterate_{to_snake(rows)}"
        yield Method(spelled, {**entry, "kind": "pages", "paging": paging}, operation)


def _kind(operation: AnyOperation) -> str:
    if operation.cli.upload:
        return "upload"
    if issubclass(operation.response, DownloadReply):
        return "download"
    return "events" if operation.output == "text" and "last_event_id" in operation.request.model_fields else "call"


def _index(noun: Noun) -> Row:
    return {
        **{name: _index(below) for name, below in noun.nouns.items()},
        **{method.name: method.entry for method in noun.methods},
    }


class _Stub:
    """One module of stubs: a class for each noun of a domain."""

    def __init__(self, waits: bool) -> None:
        self._async = "async " if waits else ""
        self._prefix = "Async" if waits else ""
        self._modules: set[str] = set()

    def module(self, name: str, noun: Noun) -> str:
        """The text of a domain's stub."""
        classes = [self._noun(_class(word), below) for word, below in noun.nouns.items()] + [self._noun(_domain(name), noun)]
        text = "\n".join(classes)
        code = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
        lines = [
            f"from {module} import {', '.join(used)}"
            for module, names in IMPORTED.items()
            if (used := [imported for imported in names if re.search(rf"\b{imported}\b", code)])
        ]
        modules = self._modules | {module for module in OWN if f"{module}." in text}
        lines += ["", *(f"import {module}" for module in sorted(modules))]
        return HEADER + "\n".join(lines) + "\n\n" + text

    def _noun(self, name: str, noun: Noun) -> str:
        parts = [_property(word, _class(word), None) for word in noun.nouns]
        parts += [self._method(method) for method in noun.methods]
        return f"class {name}:\n" + "\n".join(parts)

    def _method(self, method: Method) -> str:
        kind, operation = method.entry["kind"], method.operation
        named = kind == "pages" and {method.entry["paging"][key] for key in ("limit", "offset", "after")}
        left_out = named or ({"format"} if kind == "download" else {"last_event_id"} if kind == "events" else set())
        fields = {name: info for name, info in operation.request.model_fields.items() if name not in left_out}
        first = [name for name in method.entry["positionals"] if name in fields]
        arguments = [self._argument(operation, name, fields[name]) for name in first]
        rest = sorted((name for name in fields if name not in first), key=lambda name: not fields[name].is_required())
        keywords = [self._argument(operation, name, fields[name]) for name in rest] + _extras(kind, operation)
        signature = ["self", *arguments, *(["*", *keywords] if keywords else [])]
        reply = self._reply(method)
        awaited = self._async if kind in ("call", "wait", "upload") else ""
        lines = ",\n        ".join(signature)
        return f"    {awaited}def {method.name}(\n        {lines},\n    ) -> {reply}:\n{_doc(method, fields)}        ...\n"

    def _argument(self, operation: AnyOperation, name: str, info: FieldInfo) -> str:
        if name == operation.cli.upload:
            return f"{name}: str | PathLike[str] | bytes | BinaryIO | cargo_ai.sdk.frame_types.Frame"
        default = "" if info.is_required() else " = ..."
        return f"{name}: {self._type(info.annotation, request=True)}{default}"

    def _reply(self, method: Method) -> str:
        kind, response = method.entry["kind"], method.operation.response
        if kind == "download":
            return f"cargo_ai.sdk.downloads.{self._prefix}Download"
        if kind == "events":
            return f"{self._prefix}Iterator[dict[str, Any]]"
        if kind == "pages":
            rows = response.model_fields[method.entry["paging"]["rows"]].annotation
            (item,) = {
                argument
                for choice in (rows, *typing.get_args(rows))
                if typing.get_origin(choice) is list
                for argument in typing.get_args(choice)
            }
            return f"{self._prefix}Iterator[{self._type(item, request=False)}]"
        return self._type(response, request=False)

    def _type(self, annotation: Any, *, request: bool) -> str:
        """The source of a type: what a request accepts, or what a reply has."""
        parts = dict.fromkeys(part for choice in _choices(annotation) for part in self._parts(choice, request))
        return " | ".join(sorted(parts, key=(OBJECT, "None").__contains__))

    def _parts(self, annotation: Any, request: bool) -> list[str]:
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        if annotation in PLAIN:
            return [PLAIN[annotation]]
        if annotation in TIMES:
            return TIMES[annotation].split(" | ") if request else TIMES[annotation].split(" | ")[:1]
        if origin is typing.Literal:
            return [f"Literal[{', '.join(repr(value) for value in inner)}]"]
        if origin in (list, tuple):
            item = self._type(inner[0], request=request)
            return [f"Sequence[{item}]" if request else f"list[{item}]"]
        if origin is dict:
            key, value = (self._type(part, request=request) for part in inner)
            return [f"Mapping[{key}, {value}]" if request else f"dict[{key}, {value}]"]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            self._modules.add(annotation.__module__)
            return [f"{annotation.__module__}.{annotation.__qualname__}", *([OBJECT] if request else [])]
        raise TypeError(f"tools/sdk_types.py does not know how to write {annotation!r}")


def _choices(annotation: Any) -> Iterable[Any]:
    """The alternatives of a type, without what annotates them."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _choices(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for inner in typing.get_args(annotation):
            yield from _choices(inner)
    else:
        yield annotation


def _extras(kind: str, operation: AnyOperation) -> list[str]:
    """The arguments of the client itself."""
    if kind == "wait":
        return ["timeout: float | None = None"]
    if kind == "pages":
        return ["page_size: int | None = None", "max_rows: int | None = None"]
    if kind == "upload":
        return ["name: str | None = None", "idempotency_key: str | None = None"]
    return ["idempotency_key: str | None = None"] if kind == "call" and operation.writes else []


def _doc(method: Method, fields: Mapping[str, FieldInfo]) -> str:
    kind, operation = method.entry["kind"], method.operation
    first = {
        "wait": "Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.",
        "pages": f"{operation.summary} All of them, page after page, or `max_rows`.",
    }.get(kind, operation.summary)
    lines = textwrap.wrap(first, WIDTH)
    described = [f"{name}: {info.description}" for name, info in fields.items() if info.description]
    if described:
        lines += ["", *(part for text in described for part in textwrap.wrap(text, WIDTH, subsequent_indent="  "))]
    if operation.until is not None and kind in ("call", "upload"):
        *noun, _ = operation.until.operation.split(".")
        where = ".".join(to_snake(to_camel(word)) for word in noun).replace("workspace_management", "workspace")
        key = ".".join(to_snake(word) for word in operation.until.key.split("."))
        lines += ["", f"Wait for its end: client.{where}.wait(reply.{key})"]
    if operation.refusals:
        lines += ["", *textwrap.wrap(f"Refused for: {', '.join(map(str, operation.refusals))}", WIDTH, subsequent_indent="  ")]
    text = "\n        ".join(line.replace("\\", "\\\\").replace('"""', "'''") for line in lines)
    text = "\n".join(line.rstrip() for line in text.splitlines())
    return f'        """{text}\n        """\n'


def _property(name: str, kind: str, summary: str | None) -> str:
    doc = f'        """{summary}"""\n' if summary else ""
    return f"    @property\n    def {name}(self) -> {kind}:\n{doc}        ...\n"


def _domain(word: str) -> str:
    return _class(word).replace("Methods", "Domain")


def _class(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_")) + "Methods"
