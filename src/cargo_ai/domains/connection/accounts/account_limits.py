"""The rate limits of a connector: those of its service and the one that its owner has set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cargo_ai.engine.limits.limits import Limits
from cargo_ai.engine.limits.policy import CallShape, Owner, Policy
from cargo_ai.integrations.kit import Integration


def policies_of(integration: Integration | None, rate_limit: Mapping[str, object] | None) -> tuple[Policy, ...]:
    """All that hold for a connector. Its own one is one more: it cannot allow what the service does not."""
    service = None if integration is None else integration.service
    policies = () if service is None else service.policies
    return policies if rate_limit is None else (*policies, Policy.of_connector(rate_limit))


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What the calls of one connector ask before they go."""

    limits: Limits
    owner: Owner
    policies: Sequence[Policy]

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        """0, or the seconds after which to ask again."""
        return await self.limits.admit(self.owner, self.policies, call, patience)

    def why(self, call: CallShape) -> str:
        """What such a call waits for."""
        return self.limits.why(self.owner, self.policies, call)

    async def close(self, call: CallShape, seconds: float) -> None:
        """Let no such call through, in no process."""
        await self.limits.close(self.owner, self.policies, call, seconds)

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """Learn what is left of the limits."""
        await self.limits.observe(self.owner, self.policies, call, headers, status)
