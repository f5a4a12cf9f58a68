"""Access tokens of accounts whose sign-in needs one: from a person's grant, or fetched with what stands in the config."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.oauth import apps
from cargo_ai.domains.connection.oauth.grants import Consented, Fetched, Granted, Grants
from cargo_ai.domains.connection.oauth.service_tokens import ServiceTokens
from cargo_ai.domains.connection.oauth.signing import with_token
from cargo_ai.integrations.kit import AccountHalted, Integration, ServiceError
from cargo_ai.integrations.kit.errors import DISCONNECTED
from cargo_ai.integrations.kit.signing.oauth import FetchedSignIn, OAuth2, TokenSignIn
from cargo_ai.kernel import clock


class Access:
    """The tokens of one process's accounts."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._grants = Grants(services.database, services.secrets, services.client)
        self._service_tokens = ServiceTokens(services.client)

    @staticmethod
    def needs_token(integration: Integration, config: Mapping[str, Any]) -> bool:
        """Whether an account with this config, which is valid, signs in with a token that expires."""
        return isinstance(integration.account.sign_in_of(config), TokenSignIn)

    async def open(
        self,
        integration: Integration,
        config: Mapping[str, Any],
        workspace: uuid.UUID,
        connector: uuid.UUID | None,
        name: str,
        *,
        refused: str | None = None,
    ) -> dict[str, Any]:
        """The config with a token where one is needed. `refused`: the one that the service does not take any more.

        AccountHalted where people have to connect the account, ServiceError where no token can be had now, InvalidConfig for a bad key.
        """
        spec = integration.account
        match spec.sign_in_of(config):
            case OAuth2() as sign_in:
                if connector is None:
                    raise AccountHalted("It is not connected yet.", DISCONNECTED)
                app = apps.app_of(self._settings, integration, config)
                if app is None:
                    raise ServiceError(apps.how_to_set(integration, "of this server"), reason="noOAuthApp")
                reached = apps.reached(sign_in, integration, self._settings)
                source = Consented(reached, app)
                stored = await self._grants.current(Granted(workspace, connector, name, source), refused=refused)
                return with_token(spec, config, stored.access, stored.instance)
            case FetchedSignIn() as sign_in:
                signed_in = spec.signed_in(config)
                call = sign_in.token_call(signed_in, int(clock.unix_seconds()))
                call = replace(call, url=apps.moved(call.url, integration, self._settings))
                if connector is None or not sign_in.one_for_all:
                    tokens = await self._service_tokens.current(sign_in, signed_in, call, refused=refused)
                    return with_token(spec, config, tokens.access, tokens.instance)
                source = Fetched(call, sign_in.fingerprint(signed_in), integration.slug)
                stored = await self._grants.current(Granted(workspace, connector, name, source), refused=refused)
                return with_token(spec, config, stored.access, stored.instance)
            case _:
                return dict(config)
