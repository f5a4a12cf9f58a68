"""Announced manifests: get what a service says that it can do, before any transaction, and say what is wrong with it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.custom import manifest
from cargo_ai.domains.connection.custom.foreign_schema import Unusable
from cargo_ai.domains.connection.custom.remote import Remote
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import Service, ServiceError, ServiceSpec, Throttled
from cargo_ai.kernel.refusal import invalid_input
from cargo_ai.outbound.url import InvalidUrl, parse_base_url

Json = Any

SECONDS = 15.0


class NoManifest(Exception):
    """The service gave none; the message is for people."""


class BadManifest(Exception):
    """What the service gave is no manifest; the message is for people."""


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


def address(text: str, field: str = "baseUrl") -> str:
    """An address as it is stored: without a slash at its end. 400 `invalidInput` for one that cannot be called."""
    try:
        url = parse_base_url(text.strip())
        if "?" in url.target:
            raise InvalidUrl("has a query, which an address that paths are added to cannot have")
    except InvalidUrl as error:
        raise invalid_input([{"path": field, "message": str(error)}]) from None
    return str(url).rstrip("/")


async def of_server(services: Services, workspace: uuid.UUID, base_url: str, secret: str) -> Announced:
    """What a server that speaks the protocol announces. NoManifest where it gives none, BadManifest where it cannot be used."""
    host = parse_base_url(base_url).authority
    service = Service(ServiceSpec(base_url, timeout=SECONDS), host, services.client.of(workspace), workspace=str(workspace))
    try:
        document = await Remote(secret).manifest(service)
        # A large one takes long enough to keep other requests waiting.
        read = await asyncio.to_thread(manifest.read, document)
    except (ServiceError, Throttled, InvalidConfig) as error:
        raise NoManifest(f"{base_url}/manifest gave no manifest: {str(error).rstrip('. ')}.") from None
    except Unusable as error:
        raise BadManifest(f"The manifest of {host} cannot be used, at {error.pointer or 'its top'}: {error.problem}.") from None
    return Announced(read.name, base_url, read.model_dump(mode="json", by_alias=True))
