"""Credits of new work: what a run may cost, and how many of a batch's records the workspace can still pay for."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cargo_ai.ledger import reservations
from cargo_ai.ledger.amounts import PLACES, ZERO
from cargo_ai.ledger.balances import limit_of
from cargo_ai.ledger.charges import exact
from cargo_ai.store.driver import Connection

LEAST = Decimal(1).scaleb(-PLACES)


@dataclass(frozen=True, slots=True)
class RunCosts:
    """Credits that one run of a graph may cost: `most` is None where nothing bounds it before."""

    most: float | None = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, whatever happens."""
        return self.most == 0

    @property
    def needed(self) -> Decimal:
        """What must be available for it to begin: where it is not known, anything at all."""
        return LEAST if self.most is None else exact(self.most)


FREE = RunCosts()
EstimateRun = Callable[[uuid.UUID, Sequence[Mapping[str, Any]]], Awaitable[RunCosts]]
"""(workspace, nodes) → what a run of the graph may cost there."""


async def free(_workspace: uuid.UUID, _nodes: Sequence[Mapping[str, Any]]) -> RunCosts:
    """Where nothing has a price."""
    return FREE


@dataclass(frozen=True, slots=True)
class Purse:
    """What a batch may spend between two stages: `available`, counting what it has reserved itself; of it `left` is not spent yet, and the
    rest is reserved by other work."""

    available: float
    left: float


async def is_denied(connection: Connection, workspace: uuid.UUID) -> bool:
    """Whether the workspace may not spend more credits than it has."""
    return await limit_of(connection, workspace) == "deny"


async def open_purse(connection: Connection, workspace: uuid.UUID, batch: uuid.UUID) -> Purse | None:
    """What a batch, none of whose runs is under way, may spend; it reserves nothing now. None where nothing limits it."""
    balance = await reservations.lock_balance(connection, workspace)
    if balance is None:
        return None
    own = await reservations.reserved_by(connection, batch)
    await reservations.release(connection, [batch])
    return Purse(float(balance.available + own), float(balance.left))


async def reserve_runs(connection: Connection, workspace: uuid.UUID, batch: uuid.UUID, runs: int, per_run: Decimal) -> int:
    """Reserve what these runs of a batch may cost, besides those under way; how many of them can be paid for. All, where nothing limits
    the workspace."""
    balance = await reservations.lock_balance(connection, workspace)
    if balance is None or per_run <= ZERO:
        return runs
    affordable = min(runs, int(max(ZERO, balance.available) / per_run))
    if affordable:
        own = await reservations.reserved_by(connection, batch)
        await reservations.reserve(connection, workspace, batch, own + affordable * per_run)
    return affordable
