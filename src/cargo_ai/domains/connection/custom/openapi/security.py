"""Security schemes of OpenAPI documents: the ways in which an account can sign in to the chosen operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urljoin

from pydantic.alias_generators import to_camel, to_snake

from cargo_ai.domains.connection.custom.foreign_schema import Unusable, pointed, resolve, table_of
from cargo_ai.domains.connection.custom.openapi.chosen import Part, Way
from cargo_ai.domains.connection.custom.openapi.document import Found
from cargo_ai.outbound.url import InvalidUrl, parse_base_url

Json = Any
JsonObject = dict[str, Json]

MAX_WAYS = 20


_USUAL_TOKEN = Way(kind="bearer", title="Bearer token", parts=[Part(kind="bearer", title="Bearer token")])
_USUAL_PASSWORD = Way(kind="basic", title="User and password", parts=[Part(kind="basic", title="User and password")])


class _Unsupported(Exception):
    """A scheme that cannot be used here; the message says why."""


def ways(document: JsonObject, chosen: Sequence[Found], base_url: str) -> tuple[list[Way], bool]:
    """The ways to sign in, and whether some operation needs none. Unusable where an operation needs what cannot be given."""
    if not document.get("security") and not _schemes(document):
        # Many documents do not say how to sign in: what is usual can be given, or nothing.
        return [_USUAL_TOKEN, _USUAL_PASSWORD], True
    kept: dict[str, Way] = {}
    is_open = False
    for found in chosen:
        usable = False
        problem = ""
        for names, pointer in _alternatives(document, found):
            if not names:
                is_open = usable = True
                continue
            try:
                way = _way(document, names, base_url, pointer)
            except _Unsupported as error:
                problem = str(error)
                continue
            kept.setdefault(way.kind, way)
            usable = True
        if not usable:
            raise Unusable(pointed(found.pointer, "security"), f"cannot be signed in to: {problem}")
    return list(kept.values())[:MAX_WAYS], is_open


def _alternatives(document: JsonObject, found: Found) -> Iterator[tuple[dict[str, Json], str]]:
    """What an operation asks for, one alternative after the other: scopes by scheme; {}: nothing."""
    own = "security" in found.operation
    asked, pointer = (found.operation["security"], pointed(found.pointer, "security")) if own else (document.get("security"), "/security")
    if not asked:
        yield {}, pointer
        return
    if not isinstance(asked, list):
        raise Unusable(pointer, "must be a list")
    for position, names in enumerate(cast("list[Json]", asked)):
        if not isinstance(names, Mapping):
            raise Unusable(pointed(pointer, position), "must be an object")
        yield dict(cast("JsonObject", names)), pointed(pointer, position)


def _schemes(document: JsonObject) -> JsonObject:
    components = document.get("components")
    schemes = cast("JsonObject", components).get("securitySchemes") if isinstance(components, Mapping) else None
    return cast("JsonObject", schemes) if isinstance(schemes, Mapping) else {}


def _way(document: JsonObject, names: Mapping[str, Json], base_url: str, pointer: str) -> Way:
    table = _schemes(document)
    parts: list[Part] = []
    token_url: str | None = None
    for number, (name, scopes) in enumerate(names.items(), 1):
        place = pointed("/components/securitySchemes", name)
        if name not in table:
            raise Unusable(pointer, f"names the scheme {name[:100]}, which the document does not have")
        scheme, _ = resolve(document, table[name], place)
        asked = [str(scope) for scope in cast("list[Json]", scopes)] if isinstance(scopes, list) else []
        part, token = _part(table_of(scheme, place), name, place, asked)
        parts.append(part.model_copy(update={"field": _field(name, number)}) if len(names) > 1 else part)
        token_url = token or token_url
    if len(parts) > 1 and any(part.kind in ("basic", "clientCredentials") for part in parts):
        raise _Unsupported("a password or OAuth together with something else is not known here")
    title = " and ".join(part.title for part in parts)
    return Way(kind=" + ".join(names), title=title[:200], parts=parts, token_url=_token_url(token_url, base_url, pointer))


def _part(scheme: JsonObject, name: str, pointer: str, scopes: Sequence[str]) -> tuple[Part, str | None]:
    match scheme.get("type"):
        case "apiKey":
            place, key = scheme.get("in"), scheme.get("name")
            if place not in ("header", "query") or not isinstance(key, str) or not key:
                raise _Unsupported(f"{pointer} is a key in a {place}; only those in a header or the query can be sent")
            return Part(kind="apiKey", title=f"API key ({key})"[:100], place=cast("Any", place), name=key), None
        case "http" if str(scheme.get("scheme")).lower() == "bearer":
            return Part(kind="bearer", title="Bearer token"), None
        case "http" if str(scheme.get("scheme")).lower() == "basic":
            return Part(kind="basic", title="User and password"), None
        case "oauth2":
            flows = scheme.get("flows")
            flow = cast("JsonObject", flows).get("clientCredentials") if isinstance(flows, Mapping) else None
            if isinstance(flow, Mapping) and isinstance(url := cast("JsonObject", flow).get("tokenUrl"), str):
                return Part(kind="clientCredentials", title="Client credentials", scopes=" ".join(scopes)[:1_000]), url
            # What people consent to elsewhere gives a token that can be entered.
            return Part(kind="bearer", title=f"Access token ({name})"[:100]), None
        case kind:
            raise _Unsupported(f"{pointer} is of the type {str(kind)[:50]}, which is not known here")


def _field(name: str, number: int) -> str:
    """As what a part of several is entered: its name, if that is a plain one."""
    camel = "".join(f"{word[:1].upper()}{word[1:]}" for word in re.findall(r"[A-Za-z]+", name))
    field = f"{camel[:1].lower()}{camel[1:]}"
    # Forms have a name inside and one outside: one that does not come back as it was is replaced.
    return field if field and to_camel(to_snake(field)) == field else f"key{number}"


def _token_url(url: str | None, base_url: str, pointer: str) -> str | None:
    if url is None:
        return None
    try:
        return str(parse_base_url(urljoin(f"{base_url}/", url)))
    except (InvalidUrl, ValueError) as error:
        raise Unusable(pointer, f"has a tokenUrl that {error}") from None
