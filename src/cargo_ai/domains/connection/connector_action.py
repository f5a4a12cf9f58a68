"""Connector nodes: how the engine calls an action of a service, with the account, the limits and the silence about secrets."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from sqlalchemy import Select, select

from cargo_ai.domains.connection import connector_config
from cargo_ai.domains.connection.response_cache import Answers
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.dispatch.rate_limits import RateLimit, RateLimiter
from cargo_ai.engine.graph.action import Call, Done, Failed, Later, Outcome
from cargo_ai.integrations.kit import ActionRequest, Integration, IntegrationAction, integrations, scrub, scrub_json
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.exchange import ExchangeFailed
from cargo_ai.outbound.http_client import OutboundRefused
from cargo_ai.store.session import Database

# How long a removed or changed connector may still be used by a worker.
FRESH_SECONDS = 2.0
MOST_REMEMBERED = 1000
# A waiting run asks again at least this often, so that a limit that was raised meanwhile is noticed.
LONGEST_WAIT = 900.0

Chosen = TypeVar("Chosen")

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A connector, opened for calls."""

    uuid: uuid.UUID
    integration_slug: str
    config: Mapping[str, Any]
    sensitive: tuple[str, ...]
    rate: RateLimit | None
    ttl: timedelta | None


class _Unusable(Exception):
    """The node cannot be carried out as it is; the message says why."""


class ConnectorNodes:
    """The effect of nodes of kind `connector`; one per worker process, made by the composition root."""

    def __init__(self, database: Database, secrets: SecretKey, settings: Settings, client: httpx.AsyncClient) -> None:
        self._database, self._secrets, self._settings, self._client = database, secrets, settings, client
        self._limiter = RateLimiter(database)
        self._answers = Answers(database)
        self._accounts: dict[tuple[uuid.UUID, str | None, str], tuple[float, asyncio.Task[Account | None]]] = {}

    async def perform(self, call: Call) -> Outcome:
        """One attempt. What the service or the config does wrong is an Outcome; only the database's faults are raised."""
        try:
            integration, action = _action_of(call.node)
            user = await self._account_of(call, integration)
        except _Unusable as error:
            return Failed(str(error))
        except WrongKey as error:
            return Failed(f"The connector's secrets cannot be read: {error}")
        if user is None:
            return await self._act(action, integration, call, None)
        if user.ttl is None:
            return await self._paced(action, integration, call, user)
        return await self._remembering(action, integration, call, user, user.ttl)

    async def _remembering(self, action: IntegrationAction, integration: Integration, call: Call, user: Account, ttl: timedelta) -> Outcome:
        key = (call.workspace, user.uuid, str(call.node.get("actionSlug")), Answers.hash_of(call.config), ttl)
        known = await self._answers.find(*key) if call.meta is None else None
        if known is not None:
            return known
        outcome = await self._paced(action, integration, call, user)
        if isinstance(outcome, Done) and action.is_worth_keeping(outcome):
            await self._answers.keep(*key, outcome)
        return outcome

    async def _paced(self, action: IntegrationAction, integration: Integration, call: Call, user: Account) -> Outcome:
        if user.rate is not None:
            wait = await self._limiter.acquire(f"connector:{user.uuid}", user.rate)
            if wait > 0:
                return Later(min(wait, LONGEST_WAIT), call.meta, "rate limit")
        return await self._act(action, integration, call, user)

    async def _act(self, action: IntegrationAction, integration: Integration, call: Call, user: Account | None) -> Outcome:
        sensitive = () if user is None else user.sensitive
        request = ActionRequest(call.config, {} if user is None else user.config, call, self._client, self._settings, sensitive)
        try:
            outcome = await action.perform(request)
        except OutboundRefused as error:
            return Failed(scrub(str(error), sensitive))
        except ExchangeFailed as error:
            return Failed(scrub(str(error), sensitive), transient=error.transient)
        except Exception as error:
            # A bug of one integration must not take the other runs of this worker along.
            trace = scrub(traceback.format_exc(), sensitive)
            _log.error(
                "integration failed", integration=integration.slug, action=call.node.get("actionSlug"), run=str(call.run), trace=trace
            )
            return Failed(f"The integration {integration.name} failed unexpectedly ({type(error).__name__}).")
        return _silent(outcome, sensitive)

    async def _account_of(self, call: Call, integration: Integration) -> Account | None:
        """The account that the node names, else the integration's default one; None where the service needs none."""
        named = call.node.get("connectorUuid")
        wanted = str(named) if named else None
        found = await self._known(call.workspace, wanted, integration.slug)
        if found is None and wanted is not None:
            raise _Unusable(f"There is no connector {wanted}: it was removed, or the node names a wrong one.")
        if found is None and integration.connector.required:
            how = f"cargo-ai connection connector create --integration-slug {integration.slug}"
            raise _Unusable(f"This workspace has no connector of {integration.name}: make one with `{how}`.")
        if found is not None and found.integration_slug != integration.slug:
            raise _Unusable(f"The connector {wanted} is one of {found.integration_slug}, not of {integration.slug}.")
        return found

    async def _known(self, workspace: uuid.UUID, wanted: str | None, integration_slug: str) -> Account | None:
        key = (workspace, wanted, integration_slug)
        until, task = self._accounts.get(key, (0.0, None))
        if task is None or until <= clock.seconds() or (task.done() and (task.cancelled() or task.exception() is not None)):
            if len(self._accounts) >= MOST_REMEMBERED:
                self._accounts.clear()
            task = asyncio.create_task(self._load(*key))
            self._accounts[key] = (clock.seconds() + FRESH_SECONDS, task)
        # Shielded: many calls wait for one look.
        return await asyncio.shield(task)

    async def _load(self, workspace: uuid.UUID, wanted: str | None, integration_slug: str) -> Account | None:
        living = select(Connector).where(Connector.deleted_at.is_(None))
        if wanted is None:
            query = default_first(living.where(Connector.integration_slug == integration_slug))
        else:
            query = living.where(Connector.uuid == ids.parse(wanted))
        async with self._database.session(workspace) as db:
            row = await db.scalar(query)
        return None if row is None else self._opened(row)

    def _opened(self, row: Connector) -> Account:
        config = connector_config.opened(self._secrets, row)
        integration = integrations().get(row.integration_slug)
        spec = None if integration is None else integration.connector
        rate = None if spec is None else spec.rate_limit
        if row.rate_limit is not None:
            rate = RateLimit(**row.rate_limit)
        return Account(
            uuid=row.uuid,
            integration_slug=row.integration_slug,
            config=config,
            sensitive=() if spec is None else spec.sensitive_texts(config),
            rate=rate,
            ttl=timedelta(milliseconds=row.cache_ttl_milliseconds) if row.cache_ttl_milliseconds else None,
        )


def default_first(wanted: Select[Chosen]) -> Select[Chosen]:
    """Of several connectors of an integration: the default one, else the oldest."""
    return wanted.order_by(Connector.is_default.desc(), Connector.uuid).limit(1)


def _action_of(node: Mapping[str, Any]) -> tuple[Integration, IntegrationAction]:
    integration = integrations().get(str(node.get("integrationSlug")))
    if integration is None:
        raise _Unusable(f"There is no integration {node.get('integrationSlug')}: see `cargo-ai connection integration list`.")
    action = integration.actions.get(str(node.get("actionSlug")))
    if action is None:
        known = ", ".join(integration.actions)
        raise _Unusable(f"{integration.name} has no action {node.get('actionSlug')}; it has: {known}.")
    return integration, action


def _silent(outcome: Outcome, sensitive: tuple[str, ...]) -> Outcome:
    """The outcome without the connector's secrets, should the service have sent them back."""
    if not sensitive:
        return outcome
    match outcome:
        case Done():
            warnings = tuple(scrub(warning, sensitive) for warning in outcome.warnings)
            return replace(outcome, output=scrub_json(outcome.output, sensitive), title=scrub(outcome.title, sensitive), warnings=warnings)
        case Failed():
            return replace(outcome, message=scrub(outcome.message, sensitive))
        case Later():
            return replace(outcome, reason=scrub(outcome.reason, sensitive))
