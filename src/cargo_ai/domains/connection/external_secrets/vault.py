"""Secrets in HashiCorp Vault: one field of one entry of a KV engine (version 2), read over HTTP with the server's token."""

from __future__ import annotations

import json
import uuid
from typing import Any, cast
from urllib.parse import quote

from cargo_ai.domains.connection.external_secrets.asking import SECONDS, ask
from cargo_ai.domains.connection.external_secrets.reference import Reference, SecretUnavailable, permits
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.exchange import OutboundRequest, OutboundResponse
from cargo_ai.outbound.url import InvalidUrl, Url, parse_url


class Vault:
    """Vault at CARGO_AI_VAULT_ADDR."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, workspace: uuid.UUID, reference: Reference) -> None:
        """Only paths in CARGO_AI_VAULT_PATHS, and what the token's own policies let it read."""
        if not self._settings.vault_addr:
            raise SecretUnavailable("This server knows no Vault: the operator sets CARGO_AI_VAULT_ADDR and a token.")
        if not permits(self._settings.vault_paths, workspace, reference.path):
            raise SecretUnavailable(
                f"Connectors may not read {reference.path} in Vault. The operator allows paths by CARGO_AI_VAULT_PATHS."
            )

    async def read(self, workspace: uuid.UUID, reference: Reference) -> str:
        """The field of the entry's newest version."""
        mount, _, path = reference.path.partition("/")
        url = self._url(f"/v1/{quote(mount, safe='')}/data/{quote(path)}")
        headers = [("accept", b"application/json"), ("x-vault-token", self._token()), ("x-vault-request", b"true")]
        if self._settings.vault_namespace:
            headers.append(("x-vault-namespace", self._settings.vault_namespace.encode()))
        return _field(reference, await ask(self._settings, "Vault", reference, OutboundRequest("GET", url, tuple(headers), None, SECONDS)))

    def _url(self, path: str) -> Url:
        try:
            return parse_url(self._settings.vault_addr + path)
        except InvalidUrl:
            raise SecretUnavailable("CARGO_AI_VAULT_ADDR on the server is not a URL such as https://vault.example.com:8200.") from None

    def _token(self) -> bytes:
        # Read again each time: agents of Vault put a new token into the file before the old one expires.
        file = self._settings.vault_token_file
        try:
            token = file.read_text("utf-8").strip() if file is not None else self._settings.vault_token
        except (OSError, UnicodeDecodeError):
            raise SecretUnavailable("The server cannot read the file in CARGO_AI_VAULT_TOKEN_FILE.", transient=True) from None
        if not token or not token.isascii() or not token.isprintable():
            raise SecretUnavailable(
                "The server has no token for Vault: its operator sets CARGO_AI_VAULT_TOKEN or CARGO_AI_VAULT_TOKEN_FILE."
            )
        return token.encode()


def _field(reference: Reference, received: OutboundResponse) -> str:
    match received.status:
        case 200:
            pass
        case 403:
            raise SecretUnavailable(f"Vault does not let the server's token read {reference.path} (403).", transient=True)
        case 404:
            raise SecretUnavailable(f"Vault has no entry {reference.path} in a KV engine of version 2, or its newest version was deleted.")
        case status:
            raise SecretUnavailable(f"Vault answered {status} when asked for {reference.path}.", transient=status == 429 or status >= 500)
    value = _data(received.body).get(reference.field)
    if value is None:
        raise SecretUnavailable(f"The entry {reference.path} in Vault has no field {reference.field}.")
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"The field {reference.field} of {reference.path} in Vault is not text.")
    return value


def _data(body: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    for name in ("data", "data"):
        document = cast("dict[str, Any]", document).get(name) if isinstance(document, dict) else None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}
