"""What a test may order: faults of single requests, other limits, other keys, a look at what came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from tests.simulators.faults import Orders
from tests.simulators.hubspot.account import Account
from tests.simulators.hubspot.limits import Limits, Numbers
from tests.simulators.hubspot.sign_in import SignIn

Json = Any


class Control(Orders):
    """The state of the simulator and the orders of a test. `search_lag`: seconds until a new record is found by the search.
    `multi_status`: whether batches whose inputs all have trace ids report failures one by one; the pages say so of creating only.
    `echo_traces`: whether results carry the trace ids of their inputs; in the specification they may."""

    def __init__(self, numbers: Numbers | None = None, search_lag: float = 1.0) -> None:
        self._numbers, self._lag = numbers, search_lag
        super().__init__()

    def reset(self) -> None:
        """Back to a new account."""
        super().reset()
        self.account, self.sign_in, self.limits = Account(), SignIn(), Limits(self._numbers)
        self.search_lag, self.multi_status, self.echo_traces = self._lag, True, True

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
