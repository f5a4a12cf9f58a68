"""OpenAPI: the document of all operations, derived from their declarations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cargo_ai import __version__
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.server.api.documents.command_words import words_of

Schema = dict[str, Any]

_REF = "#/components/schemas/{model}"
_SELECTED: Schema = {
    "name": "selected-workspace-uuid",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The token's own workspace; another one is refused.",
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key gets the first reply again, for 24 hours.",
}
_PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ["wait=25"]},
    "description": "`wait=N` holds the reply until the work ends, at most N (and 25) seconds.",
}
_ERROR: Schema = {
    "type": "object",
    "required": ["errorMessage", "reason", "requestId"],
    "properties": {
        "errorMessage": {"type": "string", "description": "A sentence that a person can act on."},
        "reason": {"type": "string"},
        "requestId": {"type": "string"},
        "fix": {"type": "string", "description": "The command to run next."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(operations: Sequence[AnyOperation]) -> Schema:
    """The OpenAPI 3.1 document of these operations, JSON-ready, in the order given."""
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = []
    for operation in operations:
        models.append((operation.request, "validation"))
        models.append((operation.response, "serialization"))
    references, definitions = models_json_schema(list(dict.fromkeys(models)), by_alias=True, ref_template=_REF)
    schemas: dict[str, Schema] = definitions.get("$defs", {})
    paths: dict[str, Schema] = {}
    for operation in operations:
        request = _resolve(references[(operation.request, "validation")], schemas)
        reply = references[(operation.response, "serialization")]
        paths.setdefault(operation.path, {})[operation.verb.lower()] = _operation(operation, request, reply)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cargo-ai", "version": __version__, "description": "Every path is under /v1. Sign in with a bearer token."},
        "servers": [{"url": "/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": domain} for domain in dict.fromkeys(words_of(operation)[0] for operation in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Error": {"description": "Refused.", "content": _json({"$ref": "#/components/schemas/Error"})}},
            "schemas": {**schemas, "Error": _ERROR},
        },
    }


def _operation(operation: AnyOperation, request: Schema, reply: Schema) -> Schema:
    properties: dict[str, Schema] = request.get("properties", {})
    required: list[str] = request.get("required", [])
    in_path = operation.path_fields
    parameters = [{"name": name, "in": "path", "required": True, "schema": properties.get(name, {"type": "string"})} for name in in_path]
    rest = {name: schema for name, schema in properties.items() if name not in in_path}
    if operation.verb == "GET":
        parameters += [_query(name, schema, name in required) for name, schema in rest.items()]
    parameters += [_SELECTED, *([_KEY] if operation.writes else []), *([_PREFER] if operation.waits else [])]
    described: Schema = {
        "operationId": operation.name,
        "tags": [words_of(operation)[0]],
        "summary": operation.summary,
        "parameters": parameters,
    }
    if operation.verb != "GET" and (rest or "anyOf" in request or "oneOf" in request):
        body = {key: value for key, value in request.items() if key not in {"properties", "required"}}
        in_body = [name for name in required if name not in in_path]
        described["requestBody"] = {
            "required": bool(in_body),
            "content": _json({**body, "properties": rest, **({"required": in_body} if in_body else {})}),
        }
    content = {"text/plain": {"schema": {"type": "string"}}} if operation.output == "text" else _json(reply)
    # Besides its own refusals: any operation answers 503 while the database or the file store is unavailable.
    failing = sorted({"503", *(str(spec.status) for spec in operation.refusals.values() if spec.status >= 500)})
    refused = {status: {"$ref": "#/components/responses/Error"} for status in ("4XX", *failing)}
    described["responses"] = {"200": {"description": "OK", "content": content}, **refused}
    described["x-error-reasons"] = sorted(operation.refusals)
    described["x-errors"] = {
        reason: {"status": spec.status, "sentence": spec.sentence} for reason, spec in sorted(operation.refusals.items())
    }
    described["x-permission"] = operation.permission
    described["x-command"] = " ".join(["cargo-ai", *words_of(operation)])
    if operation.cli.examples:
        described["x-command-examples"] = list(operation.cli.examples)
    return described


def _query(name: str, schema: Schema, required: bool) -> Schema:
    kinds = {choice.get("type") for choice in schema.get("anyOf", [schema])} - {"null"}
    listed = kinds == {"array"}
    described: Schema = {"name": f"{name}[]" if listed else name, "in": "query", "required": required, "schema": schema}
    if kinds & {"object"} or any("$ref" in choice for choice in schema.get("anyOf", [schema])):
        described |= {"style": "deepObject", "explode": True}
    return described


def _resolve(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    reference: str | None = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
