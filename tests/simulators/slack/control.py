"""What a test may order: faults of single requests, other limits, other tokens, a look at what came in and what was posted."""

from __future__ import annotations

import itertools
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.faults import Orders

Json = Any
BOT_TOKEN = "xoxb-000000000001-simulated-bot-token"
ALL_SCOPES = frozenset(
    {"chat:write", "channels:read", "channels:manage", "groups:read", "im:write", "users:read", "users:read.email", "channels:join"}
)
# Calls in a minute by tier; the pages say "at least".
TIERS = {2: 20, 3: 50, 4: 100}


@dataclass
class Channel:
    """One conversation. `members`: ids of users; the app posts only where it is one, or into public ones that it may join."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    members: set[str] = field(default_factory=set[str])
    messages: list[dict[str, Json]] = field(default_factory=list[dict[str, Json]])


@dataclass
class User:
    """One person of the workspace."""

    id: str
    name: str
    email: str
    deleted: bool = False


class Refused(Exception):
    """An answer with `ok: false`. `wait`: seconds, for calls that came too fast (status 429)."""

    def __init__(self, error: str, wait: int = 0, **more: Json) -> None:
        super().__init__(error)
        self.error, self.wait, self.more = error, wait, more


class Control(Orders):
    """The workspace of Slack and the orders of a test.

    per_channel: messages that a channel takes within a second. tiers: calls of a method in a minute.
    """

    def __init__(self) -> None:
        super().__init__()

    def reset(self) -> None:
        """Back to a new workspace with two channels and two people."""
        super().reset()
        self.tokens: dict[str, frozenset[str]] = {BOT_TOKEN: ALL_SCOPES}
        self.per_channel = 1
        self.tiers = dict(TIERS)
        self.bot = "U0BOT00001"
        self._numbers = itertools.count(1)
        self._last = 0.0
        self._calls: dict[str, deque[float]] = {}
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, User] = {}
        self.add_user("ada", "ada@example.com")
        self.add_user("grace", "grace@example.com")
        self.add_channel("general", members={self.bot})
        self.add_channel("sales", members={self.bot})

    def add_channel(self, name: str, *, is_private: bool = False, members: set[str] | None = None) -> Channel:
        """One more channel."""
        channel = Channel(f"C{next(self._numbers):010d}", name, is_private, members=members or set())
        self.channels[channel.id] = channel
        return channel

    def add_user(self, name: str, email: str) -> User:
        """One more person."""
        user = User(f"U{next(self._numbers):010d}", name, email)
        self.users[user.id] = user
        return user

    def channel_named(self, name: str) -> Channel:
        """The channel with this name; KeyError without one."""
        return next(channel for channel in self.channels.values() if channel.name == name)

    @property
    def messages(self) -> list[dict[str, Json]]:
        """Every message of every channel."""
        return [message for channel in self.channels.values() for message in channel.messages]

    def count(self, bucket: str, most: int, seconds: float) -> None:
        """Count a call; refuses it when the window is full."""
        times = self._calls.setdefault(bucket, deque())
        now = time.monotonic()
        while times and times[0] <= now - seconds:
            times.popleft()
        if len(times) >= most:
            raise Refused("ratelimited", wait=max(1, int(times[0] + seconds - now + 0.999)))
        times.append(now)

    def timestamp(self) -> str:
        """A `ts` that no other message has."""
        self._last = max(time.time(), self._last + 0.000_001)
        return f"{self._last:.6f}"
