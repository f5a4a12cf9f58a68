"""Calling operations: a config becomes the request that an OpenAPI document describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import jsonschema_rs

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.openapi.chosen import ChosenOperation, Parameter
from cargo_ai.engine.graph.action import Done, InvalidConfig, Outcome
from cargo_ai.integrations.kit import ActionRequest, segment

Json = Any
JsonObject = dict[str, Json]

MAX_DEPTH = 10
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class OperationCall:
    """An operation of a document. validator: of its config."""

    chosen: ChosenOperation
    validator: jsonschema_rs.Validator

    async def perform(self, request: ActionRequest) -> Outcome:
        """Call it once. InvalidConfig for a config that does not fit; raises what `request.service` raises."""
        config = {key: value for key, value in request.config.items() if value is not None}
        if wrong := foreign_schema.faults(self.validator, config):
            raise InvalidConfig("; ".join(wrong) + ".")
        chosen = self.chosen
        query: dict[str, list[str]] = {}
        headers: dict[str, str] = {}
        path = chosen.path
        for parameter in chosen.parameters:
            if parameter.key not in config:
                continue
            value = config[parameter.key]
            if parameter.place == "query":
                for name, text in pairs(parameter, value):
                    query.setdefault(name, []).append(text)
            elif parameter.place == "header":
                headers[parameter.name] = _simple(value)
            else:
                path = path.replace(f"{{{parameter.name}}}", _in_path(value))
        body: JsonObject = {}
        if chosen.body is not None and chosen.body.key in config:
            body = {"form": form_of(chosen.body.deep, config[chosen.body.key])} if chosen.body.kind == "form" else {}
            body = body or {"json": config[chosen.body.key]}
            if chosen.body.kind != "form":
                headers["content-type"] = chosen.body.media_type
        expect = "text" if chosen.text else "json"
        answer = await request.service.call(chosen.method, path, query=query, headers=headers, expect=expect, **body)
        if chosen.method == "HEAD":
            return Done({"status": answer.status, "headers": dict(answer.headers)}, title=str(answer.status))
        return Done(answer.body, title=f"{chosen.method} {chosen.path}"[:200])


def _text(value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case Mapping() | list():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        case None:
            return ""
        case _:
            return str(value)


def _flat(value: Json) -> list[str]:
    """A list, or an object as names and values in turn, as texts."""
    if isinstance(value, Mapping):
        return [_text(part) for pair in cast("JsonObject", value).items() for part in pair]
    return [_text(item) for item in cast("list[Json]", value)] if isinstance(value, list) else [_text(value)]


def _simple(value: Json) -> str:
    return ",".join(_flat(value))


def _in_path(value: Json) -> str:
    return (
        ",".join(quote(part, safe="") for part in _flat(value)) if isinstance(value, (Mapping, list)) and value else segment(_text(value))
    )


def pairs(parameter: Parameter, value: Json) -> Iterator[tuple[str, str]]:
    """A query parameter as names and texts."""
    if parameter.style == "json":
        yield parameter.name, json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    elif parameter.style == "deepObject" and isinstance(value, (Mapping, list)):
        yield from deep(parameter.name, value)
    elif isinstance(value, (Mapping, list)) and not parameter.explode:
        yield parameter.name, _DELIMITERS.get(parameter.style, ",").join(_flat(value))
    elif isinstance(value, Mapping):
        yield from ((name, _text(inner)) for name, inner in cast("JsonObject", value).items())
    else:
        yield from ((parameter.name, text) for text in _flat(value))


def deep(name: str, value: Json, depth: int = 0) -> Iterator[tuple[str, str]]:
    """A value as `name[key]` and `name[0]`. InvalidConfig where it is too deep."""
    if depth > MAX_DEPTH:
        raise InvalidConfig(f"`{name[:100]}` is nested too deeply for a form.")
    if isinstance(value, Mapping):
        for key, inner in cast("JsonObject", value).items():
            yield from deep(f"{name}[{key}]", inner, depth + 1)
    elif isinstance(value, list):
        for position, inner in enumerate(cast("list[Json]", value)):
            yield from deep(f"{name}[{position}]", inner, depth + 1)
    elif value is not None:
        yield name, _text(value)


def form_of(deep_names: list[str], body: Json) -> dict[str, list[str]]:
    """A body as the fields of a form."""
    if not isinstance(body, Mapping):
        raise InvalidConfig("`body` must be an object: it is sent as a form.")
    fields: dict[str, list[str]] = {}
    for name, value in cast("JsonObject", body).items():
        if name in deep_names:
            for inner, text in deep(name, value):
                fields.setdefault(inner, []).append(text)
        elif value is not None:
            fields[name] = [_text(item) for item in cast("list[Json]", value)] if isinstance(value, list) else [_text(value)]
    return fields
