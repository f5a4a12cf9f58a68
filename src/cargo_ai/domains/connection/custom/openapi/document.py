"""OpenAPI documents: check that one can be used, find the operations that were chosen, and the address that they are called at."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urljoin

from cargo_ai.domains.connection.custom.foreign_schema import Unusable, pointed, resolve, table_of
from cargo_ai.outbound.url import InvalidUrl, is_absolute, parse_base_url

Json = Any
JsonObject = dict[str, Json]

METHODS = ("get", "head", "options", "put", "post", "patch", "delete")
MAX_PATHS = 20_000
SHOWN = 8
# To compare names takes long.
MAX_COMPARED = 2_500

_VERSION = re.compile(r"3\.[01](\.|$)")
_VARIABLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Found:
    """An operation of a document. shared: what its path says for all of its operations."""

    method: str
    path: str
    pointer: str
    operation: JsonObject
    shared: JsonObject

    @property
    def name(self) -> str:
        """What it is called: its operationId, else method and path."""
        given = self.operation.get("operationId")
        return given if isinstance(given, str) and given else f"{self.method.upper()} {self.path}"


def require_usable(document: Json) -> JsonObject:
    """The document. Unusable where it is not one of OpenAPI 3.0 or 3.1."""
    if not isinstance(document, Mapping):
        raise Unusable("", "is not a JSON object")
    checked = cast("JsonObject", document)
    if "swagger" in checked:
        raise Unusable("/swagger", f"is a document of Swagger {str(checked['swagger'])[:10]}: convert it to OpenAPI 3 first")
    if not isinstance(version := checked.get("openapi"), str) or not _VERSION.match(version):
        raise Unusable("/openapi", "must say 3.0 or 3.1: only these versions of OpenAPI are known")
    if not isinstance(checked.get("paths"), Mapping):
        raise Unusable("/paths", "must be an object with the paths")
    if len(checked["paths"]) > MAX_PATHS:
        raise Unusable("/paths", f"has more than {MAX_PATHS} paths")
    return checked


def operations(document: JsonObject) -> Iterator[Found]:
    """Every operation. O(document)."""
    for path, item in cast("dict[str, Json]", document["paths"]).items():
        pointer = pointed("/paths", path)
        if path.startswith("x-"):
            continue
        if not path.startswith("/"):
            raise Unusable(pointer, "must start with a slash")
        shared, _ = resolve(document, item, pointer)
        if not isinstance(shared, Mapping):
            raise Unusable(pointer, "must be an object")
        table = cast("JsonObject", shared)
        for method in METHODS:
            if method in table:
                operation = table[method]
                if not isinstance(operation, Mapping):
                    raise Unusable(pointed(pointer, method), "must be an object")
                yield Found(method, path, pointed(pointer, method), cast("JsonObject", operation), table)


def choose(document: JsonObject, names: Sequence[str] | None) -> list[Found]:
    """The operations of these names, which are operationIds, or methods with paths. Unusable for one that there is not, and for no name."""
    by_name: dict[str, Found] = {}
    for found in operations(document):
        by_name.setdefault(found.name, found)
        by_name[f"{found.method.upper()} {found.path}"] = found
    if not names:
        some = ", ".join(list(dict.fromkeys(found.name for found in by_name.values()))[:SHOWN])
        raise Unusable("/paths", f"say which operations become actions (--operations). There are, among others: {some}")
    return [_named(by_name, name) for name in dict.fromkeys(names)]


def _named(by_name: Mapping[str, Found], name: str) -> Found:
    method, _, path = name.partition(" ")
    found = by_name.get(name) or by_name.get(f"{method.upper()} {path.strip()}")
    if found is not None:
        return found
    near = (
        difflib.get_close_matches(name, list(by_name)[:MAX_COMPARED], 3)
        or [other for other in by_name if name.lower() in other.lower()][:3]
    )
    meant = f": did you mean {', '.join(near)}?" if near else "."
    raise Unusable("/paths", f"has no operation {name[:100]}{meant}")


def base_url(document: JsonObject, chosen: Sequence[Found], document_url: str | None) -> str:
    """Where the operations are called: the document's first server. Unusable where that is not said, or said differently for some."""
    for found in chosen:
        for table, pointer in ((found.operation, found.pointer), (found.shared, found.pointer.rpartition("/")[0])):
            if table.get("servers"):
                raise Unusable(pointed(pointer, "servers"), "has servers of its own: say at which address all are called (--base-url)")
    servers = document.get("servers")
    first: Json = cast("list[Json]", servers)[0] if isinstance(servers, list) and servers else None
    if not isinstance(first, Mapping) or not isinstance(cast("JsonObject", first).get("url"), str):
        raise Unusable("/servers", "names no server: say at which address it is called (--base-url)")
    address = _filled(cast("JsonObject", first))
    if not is_absolute(address):
        if document_url is None:
            raise Unusable("/servers/0/url", f"is relative ({address[:100]}): say at which address it is called (--base-url)")
        address = urljoin(document_url, address)
    try:
        return str(parse_base_url(address)).rstrip("/")
    except InvalidUrl as error:
        raise Unusable("/servers/0/url", str(error)) from None


def _filled(server: JsonObject) -> str:
    """The address of a server, its variables as they are by default."""
    variables = table_of(server.get("variables") or {}, "/servers/0/variables")

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        value = cast("JsonObject", variable).get("default") if isinstance(variable, Mapping) else None
        if value is None:
            raise Unusable("/servers/0/url", f"has a variable {match[0][:50]} without a default: give the address (--base-url)")
        return str(value)

    return _VARIABLE.sub(default, str(server["url"]))
