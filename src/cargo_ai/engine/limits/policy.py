"""Policies: which calls are counted together, how many of them a window of time lets through, and how evenly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from cargo_ai.kernel.secrets import SecretKey

Unit = Literal["second", "minute", "hour", "day"]
Strategy = Literal["spread", "burst"]
Scope = Literal["connector", "account", "resource"]
ResetForm = Literal["any", "seconds", "milliseconds", "epoch"]

SECONDS: dict[Unit, float] = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
# The service counts when calls arrive, we when they leave: windows are a little longer here, so that jitter cannot squeeze one more in.
SLACK_SHARE = 0.04
MAX_SLACK = 0.2
MAX_AT_ONCE = 50
LONGEST_WINDOW = 86400.0


class CallShape(NamedTuple):
    """What policies know of a call: the action, its HTTP method and path (without the query), and the resource that it is about."""

    action: str = ""
    method: str = ""
    path: str = ""
    resource: str = ""


class Route(NamedTuple):
    """Calls of some methods ("*": any; several with a space between) to a path: `*` and `{id}` stand for one part, `**` for any number."""

    method: str
    path: str = "**"

    def covers(self, call: CallShape) -> bool:
        """Whether the call goes this way."""
        return (self.method == "*" or call.method in self.method.split()) and _pattern(self.path).fullmatch(call.path) is not None


@cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\{[^}/]*\})", path)
    return re.compile("".join(".*" if part == "**" else "[^/]*" if part[:1] in ("*", "{") else re.escape(part) for part in parts))


class Headers(NamedTuple):
    """The names of the response headers that say what is left of a limit. An empty name: the service does not say that.

    form: what `reset` holds; any: seconds, a date or a time since 1970, known by how they look.
    """

    limit: str = ""
    remaining: str = ""
    reset: str = ""
    form: ResetForm = "any"


class Reading(NamedTuple):
    """What a response said of a limit. opens_in: seconds until all of it is free again; opens_at: the same in seconds since 1970."""

    remaining: int
    limit: int | None = None
    opens_in: float | None = None
    opens_at: float | None = None


Read = Callable[[Mapping[str, str]], Reading | None]
Match = str | Collection[str] | Route | Callable[[CallShape], bool] | None


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `max` calls in any `per_seconds`.

    match: which calls it counts: slugs of actions, a Route, a function; None: all.
    scope: what shares the calls: this `connector`, all connectors with the same `account`, or each `resource` of the account, named by
        `resource` or else by the call.
    cost: how much a call counts; 0: nothing.
    headers: how responses say what is left, so that other users of the account are noticed.
    strategy: spread: evenly paced; burst: as they come until the window is used up.
    name: what it is stored under, by default its match and window. A policy that is changed and keeps its name keeps its count.
    """

    max: int
    per_seconds: float
    match: Match = None
    scope: Scope = "connector"
    resource: Callable[[CallShape], str] | None = None
    cost: int | Callable[[CallShape], int] = 1
    headers: Headers | Read | None = None
    strategy: Strategy = "spread"
    name: str = ""

    def __post_init__(self) -> None:
        if self.max < 1 or not 0 < self.per_seconds <= LONGEST_WINDOW:
            raise ValueError(f"a policy needs a positive number of calls in a window of up to a day, not {self.max} in {self.per_seconds}")
        if callable(self.match) and not self.name:
            raise ValueError("a policy whose match is a function needs a name to be stored under")

    @classmethod
    def per(cls, unit: Unit, most: int, strategy: Strategy = "spread", name: str = "") -> Policy:
        """At most `most` calls in any second, minute, hour or day."""
        return cls(most, SECONDS[unit], strategy=strategy, name=name)

    @classmethod
    def of_connector(cls, stored: Mapping[str, object]) -> Policy:
        """The `rateLimit` of a connector, as its row has it. It keeps its count when it is changed."""
        unit, most, strategy = stored["unit"], stored["max"], stored.get("strategy", "spread")
        assert unit in ("second", "minute", "hour", "day") and isinstance(most, int) and strategy in ("spread", "burst")
        return cls.per(unit, most, strategy, name="own")

    @property
    def slack(self) -> float:
        """Seconds by which calls may arrive earlier or later than they were let go."""
        return min(SLACK_SHARE * self.per_seconds, MAX_SLACK)

    def window(self) -> float:
        """Seconds in which no more than `max` calls are let go. Half of the slack is for calls that leave late, half for the way."""
        return self.per_seconds + self.slack / 2

    def spacing(self, most: int | None = None) -> float:
        """Seconds between two calls at full use; `most`: where the service allows fewer than `max`."""
        return (self.per_seconds + self.slack) / (most or self.max)

    @property
    def at_once(self) -> int:
        """How many calls may go together after a pause."""
        return 1 + min(self.max // 20, MAX_AT_ONCE) if self.strategy == "spread" else self.max

    def covers(self, call: CallShape) -> bool:
        """Whether the policy counts the call."""
        match = self.match
        if match is None:
            return True
        if isinstance(match, Route):
            return match.covers(call)
        if isinstance(match, str):
            return match == call.action
        return match(call) if callable(match) else call.action in match

    def cost_of(self, call: CallShape) -> int:
        """How much the call counts; never more than fits into a window at all."""
        return min(self.max, self.cost(call) if callable(self.cost) else self.cost)

    def key(self, owner: Owner, call: CallShape) -> str:
        """The bucket that counts the call."""
        whose = owner.connector if self.scope == "connector" or not owner.account else owner.account
        if self.scope == "resource":
            resource = self.resource(call) if self.resource is not None else call.resource
            whose += f":{hashlib.sha256(resource.encode()).hexdigest()[:24]}"
        return f"{whose}|{self.name or f'{_named(self.match)}/{self.per_seconds:g}'}"


def _named(match: Match) -> str:
    if match is None or isinstance(match, str):
        return match or "all"
    return " ".join(match if isinstance(match, Route) else sorted(match) if not callable(match) else ())


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose calls are counted: those of a connector (`connector:<uuid>`), and of the account behind it, which other connectors may share.
    `account`: see `account_key`; "": the connector is the only one with it."""

    connector: str
    account: str = ""


def account_key(secrets: SecretKey, integration: str, *identity: str) -> str:
    """What stands for an account of a service: a keyed hash over what identifies it, so that nothing can be read from it."""
    return f"account:{secrets.sign('account', integration, *identity)}"


class Counted(NamedTuple):
    """The policies that count a call, the bucket of each, and what it costs there."""

    keys: tuple[str, ...]
    policies: tuple[Policy, ...]
    costs: tuple[int, ...]


def counted(owner: Owner, policies: Sequence[Policy], call: CallShape) -> Counted:
    """What counts a call, in the order in which buckets are locked."""
    found: dict[str, Policy] = {}
    for policy in policies:
        if policy.covers(call) and policy.cost_of(call) > 0:
            key = policy.key(owner, call)
            # Of two under one name the stricter one holds: it is the one bucket that counts for both.
            found[key] = min(found.get(key, policy), policy, key=lambda one: one.max / one.per_seconds)
    keys = tuple(sorted(found))
    return Counted(keys, tuple(found[key] for key in keys), tuple(found[key].cost_of(call) for key in keys))
