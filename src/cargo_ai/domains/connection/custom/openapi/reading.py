"""Read operations: turn the parameters and responses of an OpenAPI operation into the forms of an action."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.foreign_schema import Bounds, Unusable, pointed, resolve, table_of
from cargo_ai.domains.connection.custom.openapi import security
from cargo_ai.domains.connection.custom.openapi.chosen import Body, ChosenOperation, ChosenOperations, Method, Parameter, Place, Style
from cargo_ai.domains.connection.custom.openapi.document import Found

Json = Any
JsonObject = dict[str, Json]

LARGEST = 1024 * 1024
MAX_PARAMETERS = 200
LONGEST_TEXT = 2_000
_FORM = Bounds(depth=8, parts=1_500, text=500, hides="readOnly")
_OUTPUT = Bounds(depth=6, parts=600, text=200, hides="writeOnly")
_IN_PATH = re.compile(r"\{([^{}]+)\}")
# What signs a call in and how it is sent is not for the config to say.
_RESERVED = frozenset(
    {
        *("accept", "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host"),
        *("keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_STYLES: Mapping[str, tuple[Style, ...]] = {
    "path": ("simple",),
    "query": ("form", "deepObject", "spaceDelimited", "pipeDelimited"),
    "header": ("simple",),
}


def read(document: JsonObject, chosen: Sequence[Found], base_url: str) -> ChosenOperations:
    """What is kept of a document. Unusable says where something cannot be used."""
    info = cast("JsonObject", document["info"]) if isinstance(document.get("info"), Mapping) else {}
    ways, is_open = security.ways(document, chosen, base_url)
    actions: dict[str, ChosenOperation] = {}
    size = 0
    for found in chosen:
        operation = _operation(document, found)
        actions[_slug(found, actions)] = operation
        size += len(operation.model_dump_json(by_alias=True))
        if size > LARGEST:
            raise Unusable(found.pointer, f"makes the forms of all operations larger than {LARGEST // 1024} KB: choose fewer of them")
    return ChosenOperations(
        name=(_text(info.get("title")).strip() or "API")[:200],
        description=_text(info.get("description")),
        url="",
        sign_ins=ways,
        is_open=is_open,
        actions=actions,
    )


def _slug(found: Found, taken: Mapping[str, object]) -> str:
    words = re.sub(r"[^A-Za-z0-9_-]+", "_", found.name).strip("_")[:90] or "operation"
    slug, number = words, 2
    while slug in taken:
        slug, number = f"{words}_{number}", number + 1
    return slug


def _text(value: Json) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def _operation(document: JsonObject, found: Found) -> ChosenOperation:
    given = _parameters(document, found)
    body, body_schema, body_needed = _body(document, found, {parameter.key for parameter, _, _ in given})
    properties = {parameter.key: schema for parameter, schema, _ in given}
    required = [parameter.key for parameter, _, needed in given if needed]
    if body is not None:
        properties[body.key] = body_schema
        required += [body.key] if body_needed else []
    config: JsonObject = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        config["required"] = required
    foreign_schema.validator(config, found.pointer)
    output, is_text = _output(document, found)
    summary = _text(found.operation.get("summary")).strip()
    return ChosenOperation(
        name=(summary or found.name)[:200],
        description=_text(found.operation.get("description")) or summary,
        method=cast("Method", found.method.upper()),
        path=found.path,
        parameters=[parameter for parameter, _, _ in given],
        body=body,
        config=config,
        output=output,
        text=is_text,
    )


def _parameters(document: JsonObject, found: Found) -> list[tuple[Parameter, JsonObject, bool]]:
    """The parameters with their schemas, and whether each is needed; those of the operation win over those of its path."""
    by_name: dict[tuple[str, str], tuple[JsonObject, str]] = {}
    for table, pointer in ((found.shared, found.pointer.rpartition("/")[0]), (found.operation, found.pointer)):
        listed = table.get("parameters", [])
        if not isinstance(listed, list):
            raise Unusable(pointed(pointer, "parameters"), "must be a list")
        for position, raw in enumerate(cast("list[Json]", listed)):
            place = pointed(pointer, "parameters", position)
            parameter, _ = resolve(document, raw, place)
            if not isinstance(parameter, Mapping) or not isinstance(cast("JsonObject", parameter).get("name"), str):
                raise Unusable(place, "must be a parameter with a name")
            one = cast("JsonObject", parameter)
            by_name[str(one["name"]), str(one.get("in"))] = (one, place)
    if len(by_name) > MAX_PARAMETERS:
        raise Unusable(pointed(found.pointer, "parameters"), f"has more than {MAX_PARAMETERS} parameters")
    names = Counter(name for name, _ in by_name)
    kept: list[tuple[Parameter, JsonObject, bool]] = []
    for (name, kind), (raw, place) in by_name.items():
        if (read := _parameter(document, raw, place, name if names[name] == 1 else f"{kind}_{name}")) is not None:
            kept.append(read)
    declared = {parameter.name for parameter, _, _ in kept if parameter.place == "path"}
    if missing := [name for name in _IN_PATH.findall(found.path) if name not in declared]:
        raise Unusable(pointed(found.pointer, "parameters"), f"has no parameter {missing[0][:100]}, which its path needs")
    return kept


def _parameter(document: JsonObject, raw: JsonObject, pointer: str, key: str) -> tuple[Parameter, JsonObject, bool] | None:
    kind, name = str(raw.get("in")), str(raw["name"])
    needed = raw.get("required") is True or kind == "path"
    if kind not in _STYLES or (kind == "header" and name.lower() in _RESERVED):
        # OpenAPI says so of the first three of them; none can be set here.
        if needed and name.lower() not in ("accept", "content-type", "authorization"):
            raise Unusable(pointer, f"must be given, and cannot: it is in {kind} ({name[:100]})")
        return None
    schema, place = raw.get("schema", {}), pointed(pointer, "schema")
    style = cast("Style", raw.get("style") or _STYLES[kind][0])
    content = raw.get("content")
    if isinstance(content, Mapping) and content:
        media = next(iter(cast("JsonObject", content)))
        schema = table_of(cast("JsonObject", content)[media], pointed(pointer, "content", media)).get("schema", {})
        place = pointed(pointer, "content", media, "schema")
        style = "json"
    elif style not in _STYLES[kind]:
        raise Unusable(pointed(pointer, "style"), f"is not one that can be written into a {kind}: {str(style)[:50]}")
    explode = bool(raw.get("explode", style in ("form", "deepObject")))
    plain = foreign_schema.plain(schema, document, place, _FORM)
    if description := _text(raw.get("description")):
        plain["description"] = description[:500]
    return Parameter(key=key, name=name, place=cast("Place", kind), style=style, explode=explode), plain, needed


def _is_json(media_type: str) -> bool:
    essence = media_type.partition(";")[0].strip().lower()
    return essence in ("application/json", "*/*") or essence.endswith("+json")


def _body(document: JsonObject, found: Found, taken: set[str]) -> tuple[Body | None, JsonObject, bool]:
    """How the body is written, its schema, and whether it is needed."""
    pointer = pointed(found.pointer, "requestBody")
    raw, _ = resolve(document, found.operation.get("requestBody"), pointer)
    if not isinstance(raw, Mapping):
        return None, {}, False
    body = cast("JsonObject", raw)
    content = table_of(body.get("content") or {}, pointed(pointer, "content"))
    needed = body.get("required") is True
    for kind, fits in (("json", _is_json), ("form", _is_form)):
        for media_type, raw_media in content.items():
            if fits(media_type):
                media = table_of(raw_media, pointed(pointer, "content", media_type))
                place = pointed(pointer, "content", media_type, "schema")
                schema = foreign_schema.plain(media.get("schema", {}), document, place, _FORM)
                written = "application/json" if media_type == "*/*" else media_type
                deep = [name for name, way in _encodings(media).items() if way.get("style") == "deepObject"] if kind == "form" else []
                key = "body" if "body" not in taken else "request_body"
                return Body(key=key, kind=cast("Any", kind), media_type=written, deep=deep), schema, needed
    if content and needed:
        some = ", ".join(list(content)[:3])
        raise Unusable(pointed(pointer, "content"), f"is written as {some[:200]}, which cannot be sent: only JSON and forms can")
    return None, {}, False


def _encodings(media: JsonObject) -> dict[str, JsonObject]:
    encoding = media.get("encoding")
    table = cast("dict[str, Json]", encoding) if isinstance(encoding, Mapping) else {}
    return {name: cast("JsonObject", way) for name, way in table.items() if isinstance(way, Mapping)}


def _is_form(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def _output(document: JsonObject, found: Found) -> tuple[JsonObject | None, bool]:
    """The schema of a good answer, None where it is not said, and whether it is text."""
    responses = found.operation.get("responses")
    table = cast("dict[str, Json]", responses) if isinstance(responses, Mapping) else {}
    good = sorted(code for code in table if re.fullmatch(r"2\d\d|2XX", str(code).upper()))
    for code in [*good, *(["default"] if "default" in table and not good else [])]:
        pointer = pointed(found.pointer, "responses", code)
        raw, _ = resolve(document, table[code], pointer)
        content = cast("JsonObject", raw).get("content") if isinstance(raw, Mapping) else None
        media_types = cast("JsonObject", content) if isinstance(content, Mapping) else {}
        for media_type, raw_media in media_types.items():
            media = table_of(raw_media, pointed(pointer, "content", media_type))
            if _is_json(media_type) and "schema" in media:
                place = pointed(pointer, "content", media_type, "schema")
                schema = foreign_schema.plain(media["schema"], document, place, _OUTPUT)
                foreign_schema.validator(schema, place)
                return schema, False
        if media_types:
            return None, not any(map(_is_json, media_types))
    return None, False
