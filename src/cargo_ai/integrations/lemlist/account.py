"""Accounts of lemlist: an API key, sent as a password without a user, proven by the endpoint that names the team."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Credentials, Verification

Json = Any


@dataclass(frozen=True, kw_only=True)
class KeyAsPassword(ApiKey):
    """An API key in the header `Authorization: Basic …`, with an empty user."""

    header: str = "authorization"

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The header."""
        return Credentials(headers={"authorization": f"Basic {self._pair(config)}"})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """The key, and the pair as it is sent."""
        yield from super().derived_secrets(config)
        yield self._pair(config)

    def _pair(self, config: Mapping[str, Json]) -> str:
        return base64.b64encode(f":{str(config.get(self.field) or '').strip()}".encode()).decode()


API_KEY = KeyAsPassword(
    description="In lemlist: Settings > Integrations > Generate API key (https://app.lemlist.com/settings/integrations)."
)

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/team"))
