"""The service of an account: calls that are signed in, within the account's limits, by this process's client."""

from __future__ import annotations

import uuid

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.account_limits import AccountLimits
from cargo_ai.domains.connection.accounts.accounts import Account
from cargo_ai.domains.connection.oauth.signing import AccountSigner
from cargo_ai.engine.limits.limits import Limits
from cargo_ai.integrations.kit import Integration, Service, Unlimited


def open_service(
    services: Services, workspace: uuid.UUID, integration: Integration, account: Account | None, *, action: str = "", key: str = ""
) -> Service:
    """The service as one attempt sees it. `action`, `key`: as of a Service; an integration that needs no account may come without one."""
    limits = services.once(Limits, lambda: Limits(services.database))
    return Service(
        integration.service_spec(services.settings),
        integration.name,
        services.client.of(workspace),
        account=None if account is None else AccountSigner(integration.account, account.config, account.renew),
        admission=Unlimited() if account is None or not account.policies else AccountLimits(limits, account.owner, account.policies),
        action=action,
        key=key,
        connector="" if account is None else str(account.uuid),
        workspace=str(workspace),
        sensitive=() if account is None else account.sensitive,
    )
