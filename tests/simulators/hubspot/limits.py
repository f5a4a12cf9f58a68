"""Rate limits in several windows at once, and the headers that show what is left of them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from tests.simulators.hubspot.refusal import Refused
from tests.simulators.hubspot.sign_in import Credential

DAY = 86_400.0


class Window:
    """At most `most` requests within any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._times: deque[float] = deque()

    def left(self, now: float) -> int:
        """How many more may come now."""
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        return self.most - len(self._times)

    def count(self, now: float, times: int = 1) -> None:
        """Count requests."""
        self._times.extend([now] * times)


@dataclass
class Numbers:
    """How much the account allows: requests in 10 s by keys and by OAuth apps, searches in a second, requests in a day."""

    ten_seconds: int = 190
    ten_seconds_oauth: int = 110
    search: int = 5
    day: int = 625_000


class Limits:
    """The windows of the account. `refused` counts the requests that came too fast, by policy."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.set(numbers or Numbers())

    def set(self, numbers: Numbers) -> None:
        """Other numbers, with empty windows."""
        self.numbers = numbers
        self.refused: dict[str, int] = {}
        self.allowed = 0
        self._windows = {
            "key": Window(numbers.ten_seconds, 10),
            "oauth": Window(numbers.ten_seconds_oauth, 10),
            "search": Window(numbers.search, 1),
            "day": Window(numbers.day, DAY),
        }

    def spend(self, window: str, times: int) -> None:
        """What another user of the same account has used up: `key`, `oauth`, `search` or `day`."""
        self._windows[window].count(time.monotonic(), times)

    def admit(self, credential: Credential, *, search: bool) -> dict[str, str]:
        """Count a request. Returns the headers of its answer. Refuses it (429) when a window is full; refused ones are not counted."""
        now = time.monotonic()
        # Searches have a window besides the others, and their answers carry no headers about limits.
        policies = [("DAILY", "day"), ("TEN_SECONDLY_ROLLING", credential.kind), *([("SECONDLY", "search")] if search else [])]
        for policy, name in policies:
            if self._windows[name].left(now) < 1:
                self.refused[policy] = self.refused.get(policy, 0) + 1
                raise self._too_fast(policy, name)
        for _, name in policies:
            self._windows[name].count(now)
        self.allowed += 1
        return {} if search else self._headers(credential, now)

    def _headers(self, credential: Credential, now: float) -> dict[str, str]:
        window, day = self._windows[credential.kind], self._windows["day"]
        headers = {
            "x-hubspot-ratelimit-max": str(window.most),
            "x-hubspot-ratelimit-remaining": str(window.left(now)),
            "x-hubspot-ratelimit-interval-milliseconds": "10000",
        }
        if credential.kind == "oauth":
            # OAuth apps have no daily limit and get no headers about it. The secondly pair is shown but not enforced (recorded).
            secondly = {"x-hubspot-ratelimit-secondly": str(window.most // 10), "x-hubspot-ratelimit-secondly-remaining": "10"}
            return headers | secondly
        return headers | {"x-hubspot-ratelimit-daily": str(day.most), "x-hubspot-ratelimit-daily-remaining": str(day.left(now))}

    @staticmethod
    def _too_fast(policy: str, window: str) -> Refused:
        # The body is recorded. `Retry-After` is not dependable: only the long windows send it here.
        headers = {"retry-after": "10"} if policy == "TEN_SECONDLY_ROLLING" else {}
        extra = {"errorType": "RATE_LIMIT", "policyName": policy, "groupName": f"publicapi:{window}-api-calls"}
        return Refused(429, f"You have reached your {policy.lower()} limit.", category="RATE_LIMITS", extra=extra, headers=headers)
