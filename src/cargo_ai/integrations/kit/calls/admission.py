"""Admission: ask for a call whether the rate limits let it go now, and let them learn from what came back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cargo_ai.engine.limits.policy import CallShape

__all__ = ["Admission", "CallShape", "Unlimited"]


class Admission(Protocol):
    """The rate limits of one account."""

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        """0: go now, the call is counted; else the seconds after which to ask again, and nothing is counted. patience: for how long a
        slot is waited for here, in the order in which callers came."""
        ...

    def why(self, call: CallShape) -> str:
        """What such a call waits for, and until when if that is long: for people."""
        ...

    async def close(self, call: CallShape, seconds: float) -> None:
        """The service wants no such call for so long."""
        ...

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """What the service answered; it may say how much of its limits is left."""
        ...


class Unlimited:
    """The rate limits of an account that has none."""

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        """Always now."""
        return 0.0

    def why(self, call: CallShape) -> str:
        """Nothing."""
        return ""

    async def close(self, call: CallShape, seconds: float) -> None:
        """Each run waits for itself."""

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """There is nothing to learn."""
