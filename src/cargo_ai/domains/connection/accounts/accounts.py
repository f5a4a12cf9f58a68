"""Accounts: find the connector that a call acts for, and open it with all its secrets."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, select

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts import shared_accounts
from cargo_ai.domains.connection.accounts.account_limits import policies_of
from cargo_ai.domains.connection.connectors import connector_config
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.external_secrets.sources import ExternalSecrets
from cargo_ai.domains.connection.oauth.access import Access
from cargo_ai.domains.connection.oauth.signing import Renew, token_in
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.graph.action import Call, InvalidConfig
from cargo_ai.engine.limits.policy import Owner, Policy, account_key
from cargo_ai.integrations.kit import AccountHalted, Integration, ServiceError
from cargo_ai.kernel import clock, ids
from cargo_ai.store.availability import DATABASE_UNAVAILABLE
from cargo_ai.store.session import Database

# How long a batch may go on using a connector that was removed, changed or stopped.
FRESH_SECONDS = 2.0
MAX_ACCOUNTS = 1000
MAX_RENEWED = 100
# As long as an attempt may take (engine.worker.runner).
EFFECT_SECONDS = 900.0

Halt = Literal["connectorStopped", "connectorDisconnected"]
"""Why no run may act for a connector now."""
Chosen = TypeVar("Chosen")


def waits_for(connector: uuid.UUID) -> str:
    """What the engine knows a wait for this connector by."""
    return f"connector:{connector}"


def waits_for_limit(connector: uuid.UUID) -> str:
    """What it knows a wait for this connector's rate limit by."""
    return f"limit:{connector}"


@dataclass(frozen=True, slots=True)
class Account:
    """A connector, opened for calls; of one that is halted neither config nor secrets. renew: gets its credentials as they are now,
    once a call was refused for the former ones. use_credits: it is the installation's shared account, whose calls cost credits."""

    uuid: uuid.UUID
    integration_slug: str
    config: Mapping[str, Any]
    sensitive: tuple[str, ...]
    owner: Owner
    policies: tuple[Policy, ...]
    ttl: timedelta | None
    halt: Halt | None = None
    renew: Renew | None = None
    use_credits: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at a connector, which calls share. `began`: an id made as it began; `until`: of `clock.seconds`, when it is too old."""

    began: uuid.UUID
    until: float
    task: asyncio.Task[Account | None]

    def is_void(self) -> bool:
        """Whether it found nothing: that is not kept, since it may be there by now."""
        if not self.task.done():
            return False
        return self.task.cancelled() or self.task.exception() is not None or self.task.result() is None


class Accounts:
    """The accounts that this process acts for; each is looked up again every two seconds, and for each run that was started by itself."""

    def __init__(self, services: Services) -> None:
        self._database: Database = services.database
        self._secrets, self._settings = services.secrets, services.settings
        self._known = known_integrations(services)
        self._external = services.once(ExternalSecrets, lambda: ExternalSecrets(services.settings))
        self._access = services.once(Access, lambda: Access(services))
        self._renewed: deque[tuple[float, str]] = deque(maxlen=MAX_RENEWED)
        self._opened: dict[tuple[uuid.UUID, str | None, str], _Look] = {}

    async def of_call(self, call: Call, integration: Integration) -> Account | None:
        """The account that the node names, else the integration's default one; None where the service needs none.

        InvalidConfig where it is missing. WrongKey and SecretUnavailable where its secrets cannot be had.
        """
        named = call.node.get("connectorUuid")
        connector = str(named) if named else None
        # Who changes a connector and then starts a run means the changed one.
        since = call.run if call.batch is None and call.parent is None else None
        account = await self._find(call.workspace, connector, integration.slug, since)
        if account is None and connector is not None:
            raise InvalidConfig(f"There is no connector {connector}: it was removed, or the node names a wrong one.")
        if account is None and integration.account.required:
            how = f"cargo-ai connection connector create --integration-slug {integration.slug}"
            raise InvalidConfig(f"This workspace has no connector of {integration.name}: make one with `{how}`.")
        if account is not None and account.integration_slug != integration.slug:
            raise InvalidConfig(f"The connector {connector} is one of {account.integration_slug}, not of {integration.slug}.")
        return account

    async def of_connector(self, workspace: uuid.UUID, connector: str) -> Account | None:
        """The account of a connector; None when it is unknown. WrongKey and SecretUnavailable where its secrets cannot be had.

        InvalidConfig where they are none that can be used.
        """
        return await self._find(workspace, connector, "")

    async def of_integration(self, workspace: uuid.UUID, connector: str | None, integration_slug: str) -> Account | None:
        """The account of a connector, without one that of the integration's default; as `of_connector` otherwise."""
        return await self._find(workspace, connector, integration_slug)

    def renewed(self) -> tuple[str, ...]:
        """Secret texts that accounts got while attempts that began before may still go on."""
        while self._renewed and self._renewed[0][0] < clock.seconds():
            self._renewed.popleft()
        return tuple(text for _, text in self._renewed)

    async def _find(
        self, workspace: uuid.UUID, connector: str | None, integration_slug: str, since: uuid.UUID | None = None
    ) -> Account | None:
        """The account, as it was within the last two seconds, and after the id `since` was made."""
        key = (workspace, connector, integration_slug)
        look = self._opened.get(key)
        if look is None or look.until <= clock.seconds() or look.is_void() or (since is not None and look.began < since):
            if len(self._opened) >= MAX_ACCOUNTS:
                self._opened.clear()
            look = self._opened[key] = _Look(ids.new(), clock.seconds() + FRESH_SECONDS, asyncio.create_task(self._load(*key)))
        # Shielded: many calls wait for one look.
        return await asyncio.shield(look.task)

    async def _load(self, workspace: uuid.UUID, connector: str | None, integration_slug: str) -> Account | None:
        living = select(Connector).where(Connector.deleted_at.is_(None))
        if connector is None:
            query = default_first(living.where(Connector.integration_slug == integration_slug))
        else:
            query = living.where(Connector.uuid == ids.parse(connector))
        async with self._database.session(workspace) as db:
            row = await db.scalar(query)
        return None if row is None else await self._open(row)

    async def _open(self, row: Connector) -> Account:
        halt: Halt | None = "connectorStopped" if row.stopped_at else "connectorDisconnected" if row.disconnected_at else None
        integration = await self._known.find(row.workspace_uuid, row.integration_slug)
        config: dict[str, Any] = {}
        stable: tuple[str, ...] = ()
        renew: Renew | None = None
        if halt is None and integration is not None:
            opened = await self._read(integration, row, again=False)
            # An account is known by what stays: access tokens come and go.
            stable = integration.account.sensitive_texts(opened)
            try:
                config = await self._with_token(integration, row, opened, refused=None)
            except AccountHalted:
                halt = "connectorDisconnected"
            except ServiceError as error:
                raise SecretUnavailable(str(error), transient=error.transient) from None
            if self._access.needs_token(integration, opened) or connector_config.references(
                integration, connector_config.opened(self._secrets, row)
            ):
                renew = partial(self._renew, integration, row)
        return Account(
            uuid=row.uuid,
            integration_slug=row.integration_slug,
            config=config,
            sensitive=() if integration is None or halt is not None else integration.account.sensitive_texts(config),
            owner=Owner(f"connector:{row.uuid}", account_key(self._secrets, row.integration_slug, *stable) if stable else ""),
            policies=policies_of(integration, row.rate_limit),
            ttl=timedelta(milliseconds=row.cache_ttl_milliseconds) if row.cache_ttl_milliseconds else None,
            halt=halt,
            renew=renew,
            use_credits=row.use_credits,
        )

    async def _read(self, integration: Integration, row: Connector, *, again: bool) -> dict[str, Any]:
        """The config with its secrets. `again`: those that are kept elsewhere are read again."""
        if row.use_credits:
            shared = shared_accounts.config_of(self._settings, integration)
            if shared is None:
                raise InvalidConfig(f"This installation has no shared account of {integration.name}: give the connector credentials.")
            return shared
        config = connector_config.opened(self._secrets, row)
        references = connector_config.references(integration, config)
        secrets = await self._external.read_all(row.workspace_uuid, references, again=again)
        return connector_config.with_secrets(integration, config, secrets)

    async def _with_token(
        self, integration: Integration, row: Connector, config: Mapping[str, Any], *, refused: str | None
    ) -> dict[str, Any]:
        return await self._access.open(integration, config, row.workspace_uuid, row.uuid, row.name, refused=refused)

    async def _renew(self, integration: Integration, row: Connector, refused: Mapping[str, Any]) -> Mapping[str, Any]:
        """The config after a call that was refused for its credentials. ServiceError where they cannot be had now."""
        try:
            config = await self._read(integration, row, again=True)
            config = await self._with_token(integration, row, config, refused=token_in(integration.account, refused))
            until = clock.seconds() + EFFECT_SECONDS
            self._renewed.extend((until, text) for text in integration.account.sensitive_texts(config))
            return config
        except SecretUnavailable as error:
            raise ServiceError(str(error), transient=error.transient, reason="unauthorized") from None
        except DATABASE_UNAVAILABLE:
            # The call was refused, so that nothing was done: it may be made again.
            raise ServiceError("There was no database when credentials were refused.", transient=True, reason="unauthorized") from None


def default_first(connectors: Select[Chosen]) -> Select[Chosen]:
    """Of several connectors of an integration: the default one, else the oldest."""
    return connectors.order_by(Connector.is_default.desc(), Connector.uuid).limit(1)
