"""Sign-ins of OpenAPI documents: what is kept of a security scheme, as a way to sign in like those of this server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import create_model

from cargo_ai.domains.connection.custom.openapi.chosen import Part, Way
from cargo_ai.integrations.kit import ApiKey, Basic, Bearer, ClientCredentials, Credentials, Form, SignIn
from cargo_ai.integrations.kit.signing.oauth import TokenCall

Json = Any


@dataclass(frozen=True, kw_only=True)
class Scoped(ClientCredentials):
    """Client credentials that ask for scopes."""

    scopes: str = ""

    def token_call(self, config: Mapping[str, Json], now: int) -> TokenCall:
        """With the scopes."""
        call = super().token_call(config, now)
        return replace(call, form={**call.form, "scope": self.scopes}) if self.scopes else call

    def identity(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Other scopes are another token."""
        return (*super().identity(config), self.scopes)


@dataclass(frozen=True, kw_only=True)
class Together(SignIn):
    """Several keys, all of which are needed."""

    parts: tuple[ApiKey | Bearer, ...]

    @property
    def form(self) -> type[Form]:
        """The fields of all."""
        return create_model("TogetherForm", __base__=tuple(part.form for part in self.parts))

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """Those of all."""
        headers: dict[str, str] = {}
        query: dict[str, str] = {}
        for part in self.parts:
            credentials = await part.credentials(config)
            headers |= credentials.headers
            query |= credentials.query
        return Credentials(headers, query)

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """Those of all."""
        for part in self.parts:
            yield from part.derived_secrets(config)


def sign_in_of(way: Way) -> SignIn:
    """A way to sign in."""
    if len(way.parts) > 1:
        parts = tuple(cast("ApiKey | Bearer", _of_part(part, way, part.field)) for part in way.parts)
        return Together(kind=way.kind, title=way.title, parts=parts)
    return _of_part(way.parts[0], way, "")


def _of_part(part: Part, way: Way, field: str) -> SignIn:
    match part.kind:
        case "apiKey":
            where = {"query": part.name} if part.place == "query" else {"header": part.name}
            return ApiKey(kind=way.kind, title=part.title, field=field or "apiKey", **where)
        case "bearer":
            return Bearer(kind=way.kind, title=part.title, field=field or "token")
        case "basic":
            return Basic(kind=way.kind, title=part.title)
        case "clientCredentials":
            url = way.token_url or ""
            return Scoped(kind=way.kind, title=part.title, token_url=lambda _config: url, scopes=part.scopes)
