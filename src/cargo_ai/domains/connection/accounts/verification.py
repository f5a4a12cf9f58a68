"""Verification: ask a service once whether it accepts an account."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import AccountHalted, Integration, OpenAccount, Service, ServiceError, Throttled, scrub
from cargo_ai.integrations.kit.signing.sign_in import Signer

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Verified:
    """Whose account is verified. connector: None while it is not stored."""

    workspace: uuid.UUID
    connector: uuid.UUID | None = None


async def verify(
    services: Services, integration: Integration, config: Mapping[str, Any], signer: Signer | None = None, whose: Verified | None = None
) -> str | None:
    """None where the service accepts the account, or has no way to ask it; else a sentence with the service's own words.

    config: opened, with its secrets. signer: what signs the call in, where that is not in the config alone.
    """
    verification = integration.account.verification
    if verification is None:
        return None
    sensitive = integration.account.sensitive_texts(config)
    account = signer or OpenAccount(integration.account, config)
    service = Service(
        integration.service_spec(services.settings),
        integration.name,
        services.client if whose is None else services.client.of(whose.workspace),
        account=account,
        sensitive=sensitive,
        connector="" if whose is None or whose.connector is None else str(whose.connector),
        workspace="" if whose is None else str(whose.workspace),
    )
    try:
        async with asyncio.timeout(SECONDS):
            await verification.verify(service)
    except (ServiceError, Throttled, InvalidConfig, AccountHalted) as error:
        said = scrub(str(error), sensitive).rstrip(". ")
        status = error.status if isinstance(error, ServiceError) else None
        judged = "does not accept this account" if status in (401, 403) else "did not prove this account"
        return f"{integration.name} {judged}: {said}."
    except TimeoutError:
        return f"{integration.name} did not prove this account: it did not answer within {SECONDS:.0f} seconds."
    return None
