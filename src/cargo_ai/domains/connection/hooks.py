"""Hooks: open the webhook connector behind an address, prove what is sent to it, and read its events."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.accounts import Accounts
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.hook_address import HookAddress
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.limits.policy import Policy
from cargo_ai.integrations.webhook.account import TOLERANCE_SECONDS, scheme_of
from cargo_ai.integrations.webhook.events import HookEvent, Unreadable, challenge_of, read_events
from cargo_ai.integrations.webhook.signatures import Delivery, NotSigned, Scheme, verify
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.secrets import SecretKey, WrongKey

INTEGRATION = "webhook"
MAX_PER_SECOND = 100
"""Deliveries that a hook takes when its connector has no rate limit."""
RETRY = {"Retry-After": "60"}


@dataclass(frozen=True, slots=True)
class Hook:
    """A connector that takes events. model: what each event is written into; None: nothing."""

    workspace: uuid.UUID
    connector: uuid.UUID
    config: Mapping[str, Any]
    most: int
    per_seconds: float

    @property
    def scheme(self) -> Scheme:
        """How its sender signs."""
        return scheme_of(self.config)

    @property
    def model(self) -> str | None:
        """The model that events are written into."""
        return cast("str | None", self.config.get("modelUuid")) or None

    @property
    def record_path(self) -> str | None:
        """Where in an event the record for the model is."""
        return cast("str | None", self.config.get("recordPath")) or None


async def find(services: Services, address: HookAddress) -> Hook:
    """The hook at an address, as it was less than two seconds ago. Refusal: 404 where it is gone, 503 where it takes nothing now."""
    accounts = services.once(Accounts, lambda: Accounts(services))
    try:
        account = await accounts.of_connector(address.workspace, str(address.connector))
    except (SecretUnavailable, WrongKey):
        raise Refusal(503, "hookUnavailable", "The secret of this hook cannot be read now. Send it again later.", headers=RETRY) from None
    if account is None or account.integration_slug != INTEGRATION:
        raise not_found()
    if account.halt is not None:
        raise Refusal(503, "connectorStopped", "This hook is stopped. Send it again later.", headers=RETRY)
    if number_of(account.config) != address.number:
        raise not_found()
    own = account.policies[0] if account.policies else Policy(MAX_PER_SECOND, 1)
    return Hook(address.workspace, account.uuid, account.config, own.max, own.per_seconds)


def not_found() -> Refusal:
    """The refusal of an address that no hook has."""
    return Refusal(404, "hookNotFound", "There is no hook at this address.")


def number_of(config: Mapping[str, Any]) -> int:
    """Which of its addresses a hook has."""
    return int(config.get("addressNumber") or 1)


def url(secrets: SecretKey, base_url: str, row: Connector, config: Mapping[str, Any]) -> str | None:
    """Where events for a connector are sent to; None for one of another integration."""
    if row.integration_slug != INTEGRATION:
        return None
    return base_url + HookAddress(row.workspace_uuid, row.uuid, number_of(config)).path(secrets)


def prove(hook: Hook, delivery: Delivery) -> None:
    """Refusal (401) for a delivery that the sender of the hook has not signed, or long ago."""
    try:
        tolerance = float(hook.config.get("toleranceSeconds") or TOLERANCE_SECONDS)
        verify(hook.scheme, str(hook.config.get("secret") or ""), delivery, now=clock.unix_seconds(), tolerance=tolerance)
    except NotSigned as error:
        raise Refusal(401, "signatureInvalid", str(error)) from None


def read(hook: Hook, delivery: Delivery) -> str | list[HookEvent]:
    """The events of a proven delivery, or the text that its sender asks to be sent back. Refusal (400) for a body that cannot be read."""
    try:
        challenge = challenge_of(hook.scheme, delivery)
        return challenge if challenge is not None else read_events(hook.scheme, delivery, clock.now().isoformat())
    except Unreadable as error:
        raise Refusal(400, "invalidInput", str(error)) from None
