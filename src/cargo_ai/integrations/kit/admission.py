"""Admission: ask for a call whether the rate limits let it go now, and let them learn from what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallShape:
    """What a rate limit may look at: the action that calls, the method, the path below the service's address, and, where a limit counts by
    it, what the call is about (a channel, a list)."""

    action: str
    method: str
    path: str
    resource: str = ""


class Admission(Protocol):
    """The rate limits of one account."""

    async def admit(self, call: CallShape) -> float:
        """0: go now, the call is counted; else the seconds after which to ask again, and nothing is counted."""
        ...

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """What the service answered; it may say how much of its limits is left."""
        ...


class Unlimited:
    """The rate limits of an account that has none."""

    async def admit(self, call: CallShape) -> float:
        """Always now."""
        return 0.0

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """There is nothing to learn."""
