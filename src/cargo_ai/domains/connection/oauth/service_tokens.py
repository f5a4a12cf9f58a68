"""Tokens that are fetched without a person's consent: kept in memory until shortly before they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cargo_ai.domains.connection.oauth import token_endpoint
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.signing.oauth import FetchedSignIn, TokenCall, Tokens
from cargo_ai.kernel import clock
from cargo_ai.outbound.http_client import HttpClient

EARLY_SECONDS = 60.0
MAX = 1000


class ServiceTokens:
    """The tokens of this process. They do not rotate, so that processes need not agree on one."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, Tokens]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def current(self, sign_in: FetchedSignIn, config: Mapping[str, Any], call: TokenCall, *, refused: str | None = None) -> Tokens:
        """Tokens. ServiceError where the vendor gives none. `refused`: the access token that the service does not take any more."""
        key = sign_in.fingerprint(config)
        if len(self._known) >= MAX:
            self._known.clear()
            self._asking.clear()
        async with self._asking.setdefault(key, asyncio.Lock()):
            until, known = self._known.get(key, (0.0, None))
            if known is not None and until > clock.seconds() and known.access != refused:
                return known
            try:
                tokens = await token_endpoint.fetch(self._client, call)
            except TokensRefused as error:
                raise ServiceError(
                    f"No token for the {sign_in.title.lower()}: {error}.", transient=not error.final, reason="tokensUnavailable"
                ) from None
            self._known[key] = (clock.seconds() + max(tokens.seconds - EARLY_SECONDS, tokens.seconds / 2), tokens)
            return tokens
