"""Token endpoints: post a form and read tokens, or what the vendor refuses."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import urlencode

from cargo_ai.integrations.kit.errors import words_of
from cargo_ai.integrations.kit.secret_texts import hidden_texts, scrub
from cargo_ai.integrations.kit.signing.oauth import TokenCall, Tokens, UnusableTokens, read_tokens
from cargo_ai.outbound.exchange import ExchangeFailed, OutboundRequest, OutboundResponse, send
from cargo_ai.outbound.guard import OutboundRefused
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.outbound.url import parse_url

SECONDS = 20.0
LONGEST = 300


class TokensRefused(Exception):
    """The vendor gives no tokens; the message has its own words. `code`: its error code. `final`: asking again will not help."""

    def __init__(self, message: str, *, code: str = "", final: bool = False) -> None:
        super().__init__(message)
        self.code, self.final = code, final


async def fetch(client: HttpClient, call: TokenCall) -> Tokens:
    """The tokens. TokensRefused where there are none."""
    response = await _post(client, call)
    document = _document(response)
    if response.status >= 400:
        # Nothing that was sent may come back in the vendor's words.
        said = scrub(words_of(document) if document is not None else "", hidden_texts(iter(call.form.values())))[:LONGEST]
        code = cast("dict[str, Any]", document).get("error") if isinstance(document, dict) else None
        message = f"{response.url.host} answered {response.status}" + (f": {said}" if said else "")
        raise TokensRefused(message, code=code if isinstance(code, str) else "", final=response.status < 500 and response.status != 429)
    try:
        return read_tokens(document)
    except UnusableTokens as error:
        raise TokensRefused(f"{response.url.host}: {error}") from None


async def post(client: HttpClient, call: TokenCall) -> None:
    """Post, where only success matters. TokensRefused without it."""
    response = await _post(client, call)
    if response.status >= 400:
        raise TokensRefused(f"{response.url.host} answered {response.status}")


async def _post(client: HttpClient, call: TokenCall) -> OutboundResponse:
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded", **call.headers}
    sent = tuple((name, value.encode()) for name, value in headers.items())
    try:
        return await send(client, OutboundRequest("POST", parse_url(call.url), sent, urlencode(call.form).encode(), SECONDS))
    except (ExchangeFailed, OutboundRefused) as error:
        raise TokensRefused(str(error)) from None


def _document(response: OutboundResponse) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None
