"""The actions of Stripe: three that read each kind of object, and two that write customers."""

from __future__ import annotations

from cargo_ai.integrations.kit import ConnectorAction
from cargo_ai.integrations.stripe.actions import customers, reads
from cargo_ai.integrations.stripe.kinds import KINDS

ACTIONS: tuple[ConnectorAction, ...] = (
    *(action for kind in KINDS for action in reads.actions_of(kind)),
    customers.CREATE,
    customers.UPDATE,
)
