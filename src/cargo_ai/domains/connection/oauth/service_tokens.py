"""Tokens of service accounts: fetched with a signed assertion, kept in memory until shortly before they expire."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from cargo_ai.domains.connection.oauth import token_endpoint
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.service_account import ServiceAccount
from cargo_ai.kernel import clock
from cargo_ai.outbound.http_client import HttpClient

EARLY_SECONDS = 60.0
MOST = 1000


class ServiceTokens:
    """The tokens of this process. They do not rotate, so that processes need not agree on one."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._known: dict[bytes, tuple[float, str]] = {}
        self._asking: dict[bytes, asyncio.Lock] = {}

    async def current(self, sign_in: ServiceAccount, config: Mapping[str, Any], *, refused: str | None = None) -> str:
        """An access token. InvalidConfig for a bad key, ServiceError where the vendor gives none."""
        parts = (sign_in.token_url, *sign_in.scopes, str(config.get("serviceAccountKey")), str(config.get("subject")))
        key = hashlib.sha256("\0".join(parts).encode()).digest()
        if len(self._known) >= MOST:
            self._known.clear()
            self._asking.clear()
        async with self._asking.setdefault(key, asyncio.Lock()):
            until, token = self._known.get(key, (0.0, ""))
            if until > clock.seconds() and token != refused:
                return token
            try:
                tokens = await token_endpoint.fetch(self._client, sign_in.token_call(config, int(clock.unix_seconds())))
            except TokensRefused as error:
                raise ServiceError(
                    f"No token for the service account: {error}.", transient=not error.final, reason="tokensUnavailable"
                ) from None
            self._known[key] = (clock.seconds() + max(tokens.seconds - EARLY_SECONDS, tokens.seconds / 2), tokens.access)
            return tokens.access
