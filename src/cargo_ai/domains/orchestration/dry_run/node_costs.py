"""Node costs: the credits of one execution and of the dearest run of a graph, by what actions and the connectors of a workspace cost."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.connection.public import Account
from cargo_ai.engine.dispatch.credits import FREE, EstimateRun, RunCosts, is_denied
from cargo_ai.engine.graph import price
from cargo_ai.engine.graph.action import Action, Call
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import is_group
from cargo_ai.store.driver import driver_connection

Node = Mapping[str, Any]


class Costs(NamedTuple):
    """Credits of one execution, at least and at most; `most` is None where nothing bounds it."""

    least: float = 0.0
    most: float | None = 0.0


@dataclass(slots=True)
class NodePrices:
    """What nodes cost in a workspace. accounts: its connectors, of each integration the default one first. fee: of each execution.
    token_prices: what tokens of language models cost with these accounts, as far as they cost credits."""

    actions: Actions
    accounts: Sequence[Account] = ()
    fee: float = 0.0
    token_prices: Sequence[price.Costs] = ()
    _by_uuid: dict[str, Account] = field(default_factory=dict[str, Account])
    _default: dict[str, Account] = field(default_factory=dict[str, Account])

    def __post_init__(self) -> None:
        for account in reversed(self.accounts):
            self._by_uuid[str(account.uuid)] = self._default[account.integration_slug] = account

    def of_node(self, node: Node) -> Costs:
        """What one execution of a node that succeeds costs by itself; what child runs cost comes on top. A failed one costs nothing."""
        action = self.actions.find(node)
        if self.token_prices and (_asks(node) or (action is not None and action.category == "ai")):
            # By tokens: how many there will be, and whose account is asked, is known when the answer is there.
            return Costs(0.0, None)
        if action is None or not action.costs or action.runs_children:
            return Costs()
        account = self._account(node, action)
        if account is not None and not account.use_credits:
            return Costs()
        costs = action.costs
        # A config that fits none of several conditions costs nothing; a stored response neither.
        conditional = all(cost.get("config") for cost in costs)
        is_cached = account is not None and account.has_cache and action.has_cache
        least = 0.0 if conditional or is_cached else min(_least(cost) for cost in costs)
        # By units: how many there will be is known when the answer is there.
        return Costs(least, None if any(cost.get("type") != "fixed" for cost in costs) else max(_least(cost) for cost in costs))

    def of_tokens(self, most: int) -> Costs:
        """What an execution costs that takes this many tokens at most, of whichever account."""
        return Costs(0.0, max(price.of_success(costs, {}, {"tokens": most}) for costs in self.token_prices))

    def _account(self, node: Node, action: Action[Call]) -> Account | None:
        named = node.get("connectorUuid")
        return self._by_uuid.get(str(named)) if named else self._default.get(action.integration)

    def most_per_run(self, nodes: Sequence[Node]) -> float | None:
        """What the dearest way through a graph costs, above 0 and without fees; None where that is nothing, or not known before."""
        return self._most(nodes, 0.0) or None

    def of_run(self, nodes: Sequence[Node]) -> RunCosts:
        """What a run may cost, with fees. O(nodes + edges)."""
        return RunCosts(self._most(nodes, self.fee)) if self.fee or self.actions.any_costs else FREE

    def _most(self, nodes: Sequence[Node], fee: float) -> float | None:
        by_uuid = {str(node["uuid"]): node for node in nodes}
        known: dict[str, float | None] = {}

        def ahead(uid: str) -> float | None:
            if uid not in known:
                known[uid] = None  # a circle, which no deployed graph has
                known[uid] = _from(by_uuid[uid])
            return known[uid]

        def _from(node: Node) -> float | None:
            own = self._own(node, fee)
            targets = [*cast("list[Any]", node.get("childrenUuids") or []), node.get("fallbackChildUuid")]
            behind = [ahead(str(target)) for target in targets if target in by_uuid]
            if own is None or None in behind:
                return None
            return own + max([cast("float", cost) for cost in behind], default=0.0)

        start = next((uid for uid, node in by_uuid.items() if node.get("slug") == "start"), None)
        return ahead(start) if start is not None else 0.0

    def _own(self, node: Node, fee: float) -> float | None:
        """What a visit of a node costs at most; None where what it starts may cost something."""
        action = self.actions.find(node)
        if action is not None and action.runs_children:
            inside = cast("Mapping[str, Any]", node.get("config") or {}).get("_nodes") if is_group(node) else None
            is_free = not fee and not self.actions.any_costs
            if is_free or (inside is not None and self._most(cast("Sequence[Node]", inside), fee) == 0):
                return fee
            return None
        most = self.of_node(node).most
        return None if most is None else most + fee


def _asks(node: Node) -> bool:
    """Whether language models may be asked for a node: it asks an agent, or has fields that are filled by AI."""
    return node.get("kind") == "agent" or '"instructTo"' in json.dumps(node.get("config") or {}, default=str)


def _least(cost: Mapping[str, Any]) -> float:
    return float(cost.get("cost") or 0) if cost.get("type") == "fixed" else float(cost.get("fixedCost") or 0)


async def load(services: Services, db: AsyncSession, workspace: uuid.UUID) -> NodePrices:
    """What nodes cost in the session's workspace."""
    actions = await services.actions.within(workspace)
    accounts = await connection.accounts(db) if actions.any_costs else []
    costs = services.settings.action_costs
    names = {f"{account.integration_slug}.{connection.TOKENS}" for account in accounts if account.use_credits}
    tokens = [costs[name] for name in sorted(names) if costs.get(name)]
    return NodePrices(actions, accounts, float(services.settings.credits_per_execution), tokens)


async def run_costs(
    services: Services, db: AsyncSession, workspace: uuid.UUID, nodes: Sequence[Node], *, denied: bool | None = None
) -> RunCosts:
    """What a run of a graph may cost the session's workspace; nothing is worked out where it may spend as much as it wants. `denied`:
    whether it may not spend more than it has, where that was read before."""
    if not (await is_denied(await driver_connection(db), workspace) if denied is None else denied):
        return FREE
    return (await load(services, db, workspace)).of_run(nodes)


def estimate_with(services: Services) -> EstimateRun:
    """What runs may cost, for workers."""

    async def estimate(workspace: uuid.UUID, nodes: Sequence[Node]) -> RunCosts:
        async with services.database.session(workspace) as db:
            return (await load(services, db, workspace)).of_run(nodes)

    return estimate
