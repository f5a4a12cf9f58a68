"""Secrets managers of clouds: what all of them have in common.

Who the server is there (instance role, workload identity, variables, a file of a service account) is found by the vendor's own library,
which an extra brings; the secret itself is read with one request of ours.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar, cast

from cargo_ai.domains.connection.external_secrets.asking import ask
from cargo_ai.domains.connection.external_secrets.reference import Place, Reference, SecretUnavailable, permits
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.exchange import OutboundRequest, OutboundResponse
from cargo_ai.outbound.url import InvalidUrl, Url, parse_url

IDENTITY_SECONDS = 10.0


class Cloud(ABC):
    """A cloud's store of secrets, as far as CARGO_AI_CLOUD_SECRETS allows."""

    place: ClassVar[Place]
    keeper: ClassVar[str]
    """Its name, for messages."""
    needs: ClassVar[tuple[str, ...]]
    """The modules of the extra, which is named like the place."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()

    def check(self, workspace: uuid.UUID, reference: Reference) -> None:
        """Only what the patterns name, such as `aws/crm/*`."""
        if not permits(self._settings.cloud_secrets, workspace, f"{self.place}/{reference.path}"):
            raise SecretUnavailable(
                f"Connectors may not read {self.place}/{reference.path}. The operator allows secrets of clouds by CARGO_AI_CLOUD_SECRETS."
            )

    async def read(self, workspace: uuid.UUID, reference: Reference) -> str:
        """The newest version of the secret, or one field of it."""
        # One at a time: two that find out who the server is would ask for the same token twice.
        async with self._turn:
            request = await self._signed(reference)
        received = await ask(self._settings, self.keeper, reference, request)
        if received.status != 200:
            raise self._refusal(reference, received)
        value = self.value(document(received.body))
        if not value:
            raise SecretUnavailable(f"{reference.path} in {self.keeper} holds no text.")
        return value if not reference.field else self._field(reference, value)

    @abstractmethod
    def request(self, reference: Reference) -> OutboundRequest:
        """The signed request for a secret. It may block, and raise what the vendor's library raises."""

    @abstractmethod
    def value(self, received: dict[str, Any]) -> str | None:
        """The text of the secret in a response; None: it has no text."""

    def error_of(self, received: dict[str, Any]) -> str:
        """The vendor's own word for what is wrong."""
        error: Any = received.get("error")
        return (
            str(cast("dict[str, Any]", error).get("status") or cast("dict[str, Any]", error).get("code")) if isinstance(error, dict) else ""
        )

    def address(self, usual: str) -> Url:
        """Where it is asked: at the vendor's address, or where CARGO_AI_SERVICE_ADDRESSES says (`awsSecrets`, …)."""
        text = self._settings.service_addresses.get(f"{self.place}Secrets")
        base, _, path = usual.partition("://")[2].partition("/")
        try:
            return parse_url(f"{text.rstrip('/') if text else f'https://{base}'}/{path}")
        except InvalidUrl:
            raise SecretUnavailable(f"{self.keeper} has no address {usual}: look at the region and the name of the vault.") from None

    async def _signed(self, reference: Reference) -> OutboundRequest:
        try:
            for name in self.needs:
                import_module(name)
        except ImportError:
            raise SecretUnavailable(
                f"Secrets of {self.keeper} need the extra: pip install 'cargo-ai[server,{self.place}]' on the server."
            ) from None
        try:
            async with asyncio.timeout(IDENTITY_SECONDS):
                return await asyncio.to_thread(self.request, reference)
        except SecretUnavailable:
            raise
        except TimeoutError:
            raise SecretUnavailable(f"Who this server is for {self.keeper} was not found out in time.", transient=True) from None
        except Exception as error:
            # Each library has its own classes; their messages name no secret, but may be long.
            said = " ".join(str(error).split())[:300]
            raise SecretUnavailable(f"{self.keeper} does not know this server: {said}", transient=True) from None

    def _refusal(self, reference: Reference, received: OutboundResponse) -> SecretUnavailable:
        word, status = self.error_of(document(received.body)), received.status
        if status == 404 or "NotFound" in word:
            return SecretUnavailable(f"{self.keeper} has no secret {reference.path}.")
        if status in (401, 403) or "AccessDenied" in word:
            return SecretUnavailable(f"{self.keeper} does not let this server read {reference.path} ({word or status}).", transient=True)
        transient = status == 429 or status >= 500 or "Throttl" in word
        return SecretUnavailable(f"{self.keeper} answered {word or status} when asked for {reference.path}.", transient=transient)

    def _field(self, reference: Reference, value: str) -> str:
        field = document(value.encode()).get(reference.field)
        if not isinstance(field, str) or not field:
            raise SecretUnavailable(f"{reference.path} in {self.keeper} is not a JSON object with a text in {reference.field}.")
        return field


def document(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty where it is not one."""
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}


def written_headers(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Headers as requests take them."""
    return tuple((name.lower(), text.encode()) for name, text in headers.items())
