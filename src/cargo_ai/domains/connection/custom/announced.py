"""Manifests of custom integrations: fetch one before any transaction, and explain what is wrong with it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.custom.foreign_schema import Unusable
from cargo_ai.domains.connection.custom.openapi import document, reading
from cargo_ai.domains.connection.custom.protocol import manifest
from cargo_ai.domains.connection.custom.protocol.remote import Remote
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import Service, ServiceError, ServiceSpec, Throttled
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.url import InvalidUrl, parse_base_url, parse_url

Json = Any
JsonObject = dict[str, Json]

SECONDS = 15.0
LARGEST_DOCUMENT = 16 * 1024 * 1024


class NoManifest(Exception):
    """The service gave none; the message is for people."""


class BadManifest(Exception):
    """What the service gave is not a manifest; the message is for people."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a service can do. `manifest`: as it is stored."""

    name: str
    base_url: str
    manifest: Json
    document_url: str | None = None
    operations: Sequence[str] | None = None

    @property
    def source(self) -> str:
        """By what it is described."""
        return "protocol" if self.operations is None else "openapi"


def address(text: str, field: str = "baseUrl", *, is_base: bool = True) -> str:
    """An address as it is stored: without a slash at its end. 400 `invalidInput` for one that cannot be called."""
    try:
        url = parse_base_url(text.strip())
        if is_base and "?" in url.target:
            raise InvalidUrl("has a query, which an address that paths are added to cannot have")
    except InvalidUrl as error:
        raise invalid_input([{"path": field, "message": str(error)}]) from None
    return str(url).rstrip("/") if is_base else str(url)


async def of_server(services: Services, workspace: uuid.UUID, base_url: str, secret: str) -> Announced:
    """What a server that speaks the protocol announces. NoManifest where it gives none, BadManifest where it cannot be used."""
    host = parse_base_url(base_url).authority
    service = Service(ServiceSpec(base_url, timeout=SECONDS), host, services.client.of(workspace), workspace=str(workspace))
    try:
        manifest_document = await Remote(secret).manifest(service)
        # A large one takes long enough to keep other requests waiting.
        read = await asyncio.to_thread(manifest.read, manifest_document)
    except (ServiceError, Throttled, InvalidConfig) as error:
        raise NoManifest(f"{base_url}/manifest gave no manifest: {str(error).rstrip('. ')}.") from None
    except Unusable as error:
        raise BadManifest(f"The manifest of {host} cannot be used, at {error.pointer or 'its top'}: {error.problem}.") from None
    except RecursionError:
        raise BadManifest(f"The manifest of {host} cannot be used: it is nested too deeply.") from None
    return Announced(read.name, base_url, read.model_dump(mode="json", by_alias=True))


async def of_document(
    services: Services, workspace: uuid.UUID, openapi: str | JsonObject, operations: Sequence[str] | None, base_url: str | None
) -> Announced:
    """What the chosen operations of an OpenAPI document can do. Errors as of `of_server`."""
    document_url = address(openapi, "openapi", is_base=False) if isinstance(openapi, str) else None
    given: Json = openapi if document_url is None else await _fetch(services, workspace, document_url)
    try:
        return await asyncio.to_thread(_read, given, document_url, operations, base_url)
    except Unusable as error:
        problem = error.problem if error.problem.endswith(("?", ".")) else f"{error.problem}."
        raise BadManifest(f"The OpenAPI document cannot be used, at {error.pointer or 'its top'}: {problem}") from None
    except RecursionError:
        raise BadManifest("The OpenAPI document cannot be used: it is nested too deeply.") from None


def _read(given: Json, document_url: str | None, operations: Sequence[str] | None, base_url: str | None) -> Announced:
    checked = document.require_usable(_parsed(given) if isinstance(given, bytes) else given)
    chosen = document.choose(checked, operations)
    called_at = base_url or document.base_url(checked, chosen, document_url)
    kept = reading.read(checked, chosen, called_at)
    return Announced(kept.name, called_at, kept.model_dump(mode="json", by_alias=True), document_url, tuple(operations or ()))


def _parsed(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError:
        raise Unusable("", "is not JSON; of YAML, `yq -o json` makes it") from None


async def _fetch(services: Services, workspace: uuid.UUID, url: str) -> bytes:
    request = OutboundRequest("GET", parse_url(url), (("accept", b"application/json"), ("accept-encoding", b"gzip, deflate")), None, 60.0)
    try:
        response = await send(services.client.of(workspace), request, most_bytes=LARGEST_DOCUMENT)
    except (ExchangeFailed, OutboundRefused) as error:
        raise NoManifest(f"The OpenAPI document could not be read: {str(error).rstrip('. ')}.") from None
    if response.status != 200:
        raise NoManifest(f"The OpenAPI document could not be read: {request.url.host} answered {response.status}.")
    return response.body
