"""Connector nodes: execute an action of a service with the connector's account, rate limit and response cache, and hide its secrets."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

from cargo_ai.context.prices import costs_of, priced
from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.account_service import open_service
from cargo_ai.domains.connection.accounts.accounts import Account, Accounts, waits_for, waits_for_limit
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.other_connectors import ConnectorsOfWorkspace
from cargo_ai.domains.connection.response_cache import ResponseCache
from cargo_ai.domains.connection.rows.collector import Shipment
from cargo_ai.domains.connection.rows.row_actions import Destination, RowActions, after_bug, ship
from cargo_ai.domains.connection.rows.written_back import written_back
from cargo_ai.engine.graph import price, unknown_outcome
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, InvalidConfig, Later, Outcome, Perform, Spent
from cargo_ai.engine.graph.action_registry import ANY, FindOwn, LoadActions
from cargo_ai.engine.graph.price import Costs
from cargo_ai.engine.limits.sentence import RATE_LIMIT
from cargo_ai.engine.worker.in_flight import InFlight
from cargo_ai.integrations.kit import (
    AccountHalted,
    ActionRequest,
    ConnectorAction,
    Integration,
    attempt,
    integrations,
    without_secrets,
)
from cargo_ai.kernel import log
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.store.availability import DATABASE_UNAVAILABLE

# How long a run waits for a place of secrets that does not answer.
SECRET_SECONDS = 10.0

CacheKey = tuple[uuid.UUID, uuid.UUID, str, bytes, timedelta]

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Service:
    """An action and the integration that has it."""

    integration: Integration
    action: ConnectorAction


class ConnectorNodes:
    """Executes nodes of kind `connector`; one per process."""

    def __init__(self, services: Services) -> None:
        self._services, self._settings = services, services.settings
        self._cache = ResponseCache(services.database)
        self._known = known_integrations(services)
        self._accounts = services.once(Accounts, lambda: Accounts(services))
        self._rows = RowActions(services.once(InFlight, InFlight))

    async def perform(self, integration: Integration, action: ConnectorAction, call: Call) -> Outcome:
        """One attempt. What the service or the config does wrong is an Outcome; only the database's faults are raised."""
        service = _Service(integration, action)
        try:
            account = await self._accounts.of_call(call, integration)
            outcome = None if account is None else await self._before(service, call, account)
        except WrongKey as error:
            return Failed(f"The connector's secrets cannot be read: {error}")
        except SecretUnavailable as error:
            return Later(SECRET_SECONDS, call.meta, str(error)) if error.transient else Failed(str(error))
        except DATABASE_UNAVAILABLE:
            # Nothing was sent: also what must not be repeated may begin again.
            return Later(1.0, call.meta, "the database is unavailable")
        if outcome is not None:
            return _through(account, outcome)
        outcome = _through(account, self._charged(service, call, account, await self._act(service, call, account)))
        if account is not None and isinstance(outcome, Later) and outcome.reason.startswith(RATE_LIMIT):
            # Who changes the limit wakes it.
            return replace(outcome, waits_for=waits_for_limit(account.uuid))
        if account is not None and account.ttl is not None and isinstance(outcome, Done) and service.action.may_repeat(outcome):
            await self._store(_cache_key(service, call, account, account.ttl), outcome)
        return outcome

    async def perform_custom(self, call: Call) -> Outcome:
        """One attempt of an action of a custom integration, as it announces it now. InvalidConfig where it is missing."""
        slug, named = str(call.node.get("integrationSlug")), str(call.node.get("actionSlug"))
        try:
            integration = await self._known.find(call.workspace, slug, named)
        except DATABASE_UNAVAILABLE:
            return Later(1.0, call.meta, "the database is unavailable")
        if integration is None:
            raise InvalidConfig(f"There is no integration {slug}: see `cargo-ai connection integration list`.")
        action = integration.action(named)
        if action is None:
            known = ", ".join(action.slug for action in integration.actions)
            raise InvalidConfig(f"{integration.name} has no action {named}; it has: {known}.")
        return await self.perform(integration, action, call)

    def _costs(self, service: _Service, account: Account | None) -> Costs:
        """What calls cost: nothing with credentials of the connector's own, and of integrations that people have made."""
        own = integrations().get(service.integration.slug) is not service.integration
        if own or (account is not None and not account.use_credits):
            return ()
        return costs_of(self._settings, service.integration.slug, service.action)

    def _charged(self, service: _Service, call: Call, account: Account | None, outcome: Outcome) -> Outcome:
        """The outcome with what it costs: what succeeded, and what may have been done although no answer came."""
        costs = self._costs(service, account)
        if not costs or isinstance(outcome, Later):
            return outcome
        if isinstance(outcome, Done):
            credits = price.of_success(costs, call.config, outcome.output)
        else:
            is_unknown = outcome.sent and service.action.idempotency in unknown_outcome.AT_RISK
            credits = price.of_unknown(costs, call.config) if is_unknown else 0.0
        return replace(outcome, credits=credits) if credits else outcome

    async def spent(self, integration: Integration, action: ConnectorAction, call: Call) -> Spent:
        """What a call counts as that a dead worker may have made."""
        try:
            account = await self._accounts.of_call(call, integration)
        except (InvalidConfig, WrongKey, SecretUnavailable):
            return Spent()
        costs = self._costs(_Service(integration, action), account)
        return Spent(price.of_unknown(costs, call.config), None if account is None else account.uuid)

    async def _before(self, service: _Service, call: Call, account: Account) -> Outcome | None:
        """What makes the call needless now: a connector that is stopped, or a stored response."""
        if account.halt is not None:
            return AccountHalted("", account.halt, waits_for(account.uuid)).to_outcome(call.meta)
        if account.ttl is None or call.meta is not None:
            return None
        return await self._cache.find(*_cache_key(service, call, account, account.ttl))

    async def _store(self, key: CacheKey, done: Done) -> None:
        try:
            await self._cache.store(*key, done)
        except DATABASE_UNAVAILABLE as error:
            # The call was made: it must not be made again because its response could not be kept.
            _log.warning("a response could not be stored", connector=str(key[1]), cause=str(error).strip()[:200])

    async def _act(self, service: _Service, call: Call, account: Account | None) -> Outcome:
        sensitive = () if account is None else account.sensitive
        opened: Mapping[str, Any] = {} if account is None else account.config
        calls = open_service(self._services, call.workspace, service.integration, account, action=service.action.slug, key=call.key)
        others = ConnectorsOfWorkspace(self._services.database, call, self.perform)
        files = self._services.files
        request = ActionRequest(call.config, opened, call, calls.client, self._settings, calls, sensitive, files, others)
        action, integration = service.action, service.integration
        if action.rows is not None:
            destination = Destination(call.workspace, None if account is None else account.uuid, integration.slug, action.slug)
            send = partial(self._ship, action, integration.name, destination.connector)
            outcome = await self._rows.perform(destination, action.rows, request, send)
            return without_secrets(outcome, (*sensitive, *self._accounts.renewed()))
        try:
            outcome = await attempt(action, request)
        except Exception as error:
            outcome = after_bug(error, action, integration.name, request)
        await self._note(action, None if account is None else account.uuid, [(request, outcome)])
        # Tokens that were fetched while it acted are hidden, too.
        return without_secrets(outcome, (*sensitive, *self._accounts.renewed()))

    async def _ship(self, action: ConnectorAction, name: str, connector: uuid.UUID | None, shipment: Shipment) -> Sequence[Outcome]:
        outcomes = await ship(action, name, shipment)
        await self._note(action, connector, [(row.request, outcome) for row, outcome in zip(shipment.rows, outcomes, strict=True)])
        return outcomes

    async def _note(self, action: ConnectorAction, connector: uuid.UUID | None, rows: Sequence[tuple[ActionRequest, Outcome]]) -> None:
        """Have others remember what was written to a service."""
        writes = written_back(connector, rows) if connector is not None and action.hint == "writes" else []
        for remember in self._services.hooks.written_back if writes else ():
            try:
                await remember(self._services.database, writes)
            except DATABASE_UNAVAILABLE as error:
                # What is written stays written; its echo may start a play once more.
                _log.warning("write-backs could not be remembered", connector=str(connector), cause=str(error).strip()[:200])


def _through(account: Account | None, outcome: Outcome) -> Outcome:
    """The outcome, with the connector whose account was used: a node may leave the choice to the workspace's default."""
    return outcome if account is None or isinstance(outcome, Later) else replace(outcome, connector=account.uuid)


def _cache_key(service: _Service, call: Call, account: Account, ttl: timedelta) -> CacheKey:
    return (call.workspace, account.uuid, service.action.slug, ResponseCache.hash_of(call.config), ttl)


def load_actions(services: Services) -> LoadActions:
    """The actions of the integrations of this server, bound to a process, with what they cost here."""

    def load(slug: str) -> Sequence[Action[Call]]:
        integration = integrations().get(slug)
        if integration is None:
            return ()
        return [priced(services.settings, _declare(integration, action).bind(services)) for action in integration.actions]

    return load


def _declare(
    integration: Integration, action: ConnectorAction, find_performer: Callable[[Services], Perform] | None = None
) -> Action[Call]:
    def performer(services: Services) -> Perform:
        nodes = services.once(ConnectorNodes, lambda: ConnectorNodes(services))
        return partial(nodes.perform, integration, action)

    def assessor(services: Services) -> Callable[[Call], Awaitable[Spent]]:
        return partial(services.once(ConnectorNodes, lambda: ConnectorNodes(services)).spent, integration, action)

    bound = cast("Action[Call]", action)
    return replace(bound, integration=integration.slug, perform=None, rows=None, performer=find_performer or performer, assessor=assessor)


def own_actions(services: Services) -> FindOwn:
    """The actions of custom integrations. What they do is looked up for each call, since a service may announce something else by then."""
    known = known_integrations(services)

    async def find(workspace: uuid.UUID) -> Sequence[Action[Call]]:
        own = (await known.own(workspace)).values()
        return [_declare(integration, action, _find_performer).bind(services) for integration in own for action in integration.actions]

    return find


def _find_performer(services: Services) -> Perform:
    nodes = services.once(ConnectorNodes, lambda: ConnectorNodes(services))
    return nodes.perform_custom


UNKNOWN: Action[Call] = Action(
    slug=ANY,
    kind="connector",
    integration=ANY,
    name="Unknown action",
    description="Stands for the actions of integrations that this server did not have when the graph was read.",
    does="acts",
    config_schema={"type": "object"},
    performer=_find_performer,
)
"""What executes the actions of integrations that are not known: it looks for a custom one."""
