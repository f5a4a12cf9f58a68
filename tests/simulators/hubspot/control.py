"""What a test may order: faults of single requests, other limits, other keys, a look at what came in."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from tests.simulators.hubspot.account import Account
from tests.simulators.hubspot.limits import Limits, Numbers
from tests.simulators.hubspot.sign_in import SignIn

Json = Any
KEPT_REQUESTS = 2_000


@dataclass
class Fault:
    """What to do to the next `times` requests that match. `status` with `body` and `headers`: answer that instead of acting.

    drop: close the connection, before acting or after it. cut: send half of the body. delay: seconds before the answer, after acting.
    """

    method: str = ""
    path: str = ""
    times: int = 1
    status: int | None = None
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    drop: Literal["", "before", "after"] = ""
    cut: bool = False
    delay: float = 0.0

    def takes(self, method: str, path: str) -> bool:
        """Whether it is for this request."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


@dataclass(frozen=True)
class Seen:
    """One request as it came in, with the status of its answer."""

    method: str
    path: str
    query: str
    body: Json
    status: int


class Control:
    """The state of the simulator and the orders of a test. `search_lag`: seconds until a new record is found by the search.
    `multi_status`: whether batches whose inputs all have trace ids report failures one by one."""

    def __init__(self, numbers: Numbers | None = None, search_lag: float = 1.0) -> None:
        self._numbers, self._lag = numbers, search_lag
        self.reset()

    def reset(self) -> None:
        """Back to a new account."""
        self.account, self.sign_in, self.limits = Account(), SignIn(), Limits(self._numbers)
        self.search_lag, self.multi_status = self._lag, True
        self.faults: list[Fault] = []
        self.seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self.counts: Counter[str] = Counter()
        self.unauthorized = 0

    def fail(self, **fault: Any) -> None:
        """Order a fault; the arguments are those of `Fault`."""
        self.faults.append(Fault(**fault))

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault that this request gets, used up by one."""
        for fault in self.faults:
            if fault.takes(method, path):
                fault.times -= 1
                return fault
        return None

    def note(self, seen: Seen) -> None:
        """Keep a request."""
        self.seen.append(seen)
        self.counts[f"{seen.method} {seen.status}"] += 1

    def sent(self, method: str, path: str) -> list[Seen]:
        """The requests to paths that match the pattern, oldest first."""
        return [seen for seen in self.seen if seen.method == method and re.search(path, seen.path)]

    def order(self, document: Mapping[str, Json]) -> dict[str, Json]:
        """An order as JSON, for simulators in a process of their own: `reset`, `faults`, `limits`, `spend`, `searchLag`, `multiStatus`,
        `keys`, `schemas`, `lists`. Returns what was made."""
        made: dict[str, Json] = {}
        if document.get("reset"):
            self.reset()
        for fault in document.get("faults", ()):
            self.fail(**cast("dict[str, Any]", fault))
        if "limits" in document:
            known = {one.name for one in fields(Numbers)}
            self.limits.set(Numbers(**{name: int(value) for name, value in document["limits"].items() if name in known}))
        for window, times in cast("Mapping[str, int]", document.get("spend", {})).items():
            self.limits.spend(window, times)
        self.search_lag = float(document.get("searchLag", self.search_lag))
        self.multi_status = bool(document.get("multiStatus", self.multi_status))
        for key in document.get("keys", ()):
            self.sign_in.add(key["token"], key.get("kind", "key"), key.get("scopes"), key.get("expiresIn"))
        made["schemas"] = [self.account.add_schema(schema).id for schema in document.get("schemas", ())]
        made["lists"] = [self.account.add_list(one["name"], one.get("objectTypeId", "0-1")).id for one in document.get("lists", ())]
        return made

    def report(self) -> dict[str, Json]:
        """What came in so far."""
        kinds = {kind.id: len(kind.records) for kind in self.account.types.values()}
        return {
            "requests": sum(self.counts.values()),
            "byStatus": dict(self.counts),
            "allowed": self.limits.allowed,
            "refused": self.limits.refused,
            "records": kinds,
            "refreshes": self.sign_in.refreshes,
        }
