"""Ask a secrets manager over HTTP, at an address that workflows are not allowed to call."""

from __future__ import annotations

from cargo_ai.domains.connection.external_secrets.reference import Reference, SecretUnavailable
from cargo_ai.kernel.settings import PREFIX, Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, OutboundResponse, send
from cargo_ai.outbound.guard import OutboundRefused

SECONDS = 5.0


async def ask(settings: Settings, keeper: str, reference: Reference, request: OutboundRequest) -> OutboundResponse:
    """The response, whatever its status. SecretUnavailable (transient) where no response comes. keeper: its name, for messages.

    The address may be a private one: it comes from the operator's settings or is the vendor's, and this client reaches it alone.
    """
    _, host, port = request.url.origin
    allowed = {f"{PREFIX}OUTBOUND_ALLOW": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"}
    try:
        async with http_client.client(Settings(settings.environment | allowed)) as client:
            return await send(client, request)
    except (ExchangeFailed, OutboundRefused) as error:
        raise SecretUnavailable(f"{keeper} cannot be asked for {reference.path}: {error}", transient=True) from None
