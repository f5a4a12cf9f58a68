"""What signs the calls of an account in, and gets fresh credentials once a call was refused for the former ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.kit import AccountSpec, Credentials
from cargo_ai.integrations.kit.signing.oauth import ACCESS_TOKEN, INSTANCE

Config = Mapping[str, Any]
Renew = Callable[[Config], Awaitable[Config]]
"""A config whose credentials were refused → the config as it is now."""


@dataclass(slots=True)
class AccountSigner:
    """An account, opened for the calls of one attempt."""

    spec: AccountSpec
    config: Config
    renew: Renew | None = None

    @property
    def refreshable(self) -> bool:
        """Whether fresh credentials can be had at all."""
        return self.renew is not None

    async def credentials(self, *, refresh: bool = False) -> Credentials:
        """What signs a call in. `refresh`: the former credentials were refused."""
        if refresh and self.renew is not None:
            self.config = await self.renew(self.config)
        return await self.spec.sign_in_of(self.config).credentials(self.spec.signed_in(self.config), refresh=refresh)


def token_in(spec: AccountSpec, config: Config) -> str:
    """The access token that stands in an opened config."""
    return str(spec.signed_in(config).get(ACCESS_TOKEN) or "")


def with_token(spec: AccountSpec, config: Config, token: str, instance: str = "") -> dict[str, Any]:
    """The config opened for calls with this access token. instance: the address at which it is good, where the vendor says so."""
    added = {ACCESS_TOKEN: token, **({INSTANCE: instance} if instance else {})}
    if not spec.under:
        return {**config, **added}
    return {**config, spec.under: {**cast("Config", config.get(spec.under) or {}), **added}}
