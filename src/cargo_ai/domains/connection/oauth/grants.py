"""Grants: the tokens of connectors, stored sealed, and refreshed by one process at a time.

Who refreshes holds a lease for longer than its call may take, and no transaction: a row says who holds it until when. What it gets is
stored before it is used, and only over the version that it began with: of two that refresh after all, one wins and neither overwrites.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection.oauth import token_endpoint
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.domains.connection.tables import Connector, ConnectorGrant
from cargo_ai.integrations.kit.errors import DISCONNECTED, AccountHalted, ServiceError
from cargo_ai.integrations.kit.oauth import App, OAuth2, Tokens
from cargo_ai.kernel import clock, ids, log
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.outbound.http_client import HttpClient
from cargo_ai.store.session import Database

LEASE_SECONDS = 30.0
"""Longer than a call of a token endpoint may take (token_endpoint.SECONDS)."""
WAIT_SECONDS = 25.0
LOOK_SECONDS = 0.2
AGAIN_SECONDS = 5.0
EARLY = timedelta(minutes=5)

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Granted:
    """Whose tokens they are, and how they are refreshed. `name`: of the connector, for people."""

    workspace: uuid.UUID
    connector: uuid.UUID
    name: str
    sign_in: OAuth2
    app: App

    @property
    def waits_for(self) -> str:
        """What runs wait for while it is disconnected."""
        return f"connector:{self.connector}"


@dataclass(frozen=True, slots=True)
class Stored:
    """Tokens as they are stored. due: they should be refreshed; expired: they must be."""

    access: str
    refresh: str | None
    version: int
    due: bool
    expired: bool


def seal(secrets: SecretKey, access: str, refresh: str | None) -> bytes:
    """Tokens as they are stored."""
    return secrets.seal(json.dumps({"access": access, "refresh": refresh}).encode())


def times(tokens: Tokens) -> tuple[ColumnElement[object], ColumnElement[object]]:
    """When to refresh, and when the access token expires, by the database's clock: a tenth of its life early, five minutes at most."""
    life = timedelta(seconds=tokens.seconds)
    return func.now() + literal(life - min(EARLY, life / 10)), func.now() + literal(life)


def put(secrets: SecretKey, row: ConnectorGrant, tokens: Tokens) -> None:
    """Write tokens of a consent into a new row."""
    row.sealed_tokens = seal(secrets, tokens.access, tokens.refresh)
    now, life = clock.now(), timedelta(seconds=tokens.seconds)
    row.refresh_at, row.expires_at, row.version = now + life - min(EARLY, life / 10), now + life, 1


class Grants:
    """The grants of this server's connectors."""

    def __init__(self, database: Database, secrets: SecretKey, client: HttpClient) -> None:
        self._database, self._secrets, self._client = database, secrets, client
        self._holder = ids.new()

    async def current(self, granted: Granted, *, refused: str | None = None) -> Stored:
        """Tokens that can be used. `refused`: the access token that the service does not take any more.

        AccountHalted where people have to connect again; ServiceError, to be tried again, where no tokens can be had now.
        """
        until = clock.seconds() + WAIT_SECONDS
        while True:
            stored = await self.read(granted.workspace, granted.connector)
            if stored is None:
                raise AccountHalted(f"The connector {granted.name} is not connected.", DISCONNECTED, granted.waits_for)
            # Read again after a refusal: another process may have refreshed since.
            usable = not stored.expired and stored.access != refused
            if usable and not stored.due:
                return stored
            if await self._lease(granted, stored):
                fresh = await self._refresh(granted, stored, usable)
                if fresh is not None:
                    return fresh
            elif usable:
                return stored
            elif clock.seconds() > until:
                raise _away(granted, "another process has been at it for too long")
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def read(self, workspace: uuid.UUID, connector: uuid.UUID) -> Stored | None:
        """The tokens of a connector that is connected."""
        query = (
            select(
                ConnectorGrant.sealed_tokens,
                ConnectorGrant.version,
                (ConnectorGrant.refresh_at <= func.now()).label("due"),
                (ConnectorGrant.expires_at <= func.now()).label("expired"),
            )
            .join(Connector, Connector.uuid == ConnectorGrant.connector_uuid)
            .where(ConnectorGrant.connector_uuid == connector, Connector.disconnected_at.is_(None))
        )
        async with self._database.session(workspace) as db:
            row = (await db.execute(query)).one_or_none()
        if row is None:
            return None
        tokens: dict[str, str | None] = json.loads(self._secrets.open(row[0]))
        return Stored(tokens["access"] or "", tokens["refresh"], row[1], row[2], row[3])

    async def _lease(self, granted: Granted, stored: Stored) -> bool:
        """Take the right to refresh; False when another one has it, or has refreshed."""
        free = or_(ConnectorGrant.lease_until.is_(None), ConnectorGrant.lease_until < func.now())
        changes = {"lease_holder": self._holder, "lease_until": func.now() + literal(timedelta(seconds=LEASE_SECONDS))}
        async with self._database.session(granted.workspace) as db:
            taken = await self._change(db, granted, stored, changes, free)
            await db.commit()
        return taken

    async def _refresh(self, granted: Granted, stored: Stored, usable: bool) -> Stored | None:
        """Tokens after a refresh; None: look again, for another process was faster."""
        if stored.refresh is None:
            return await self._disconnect(granted, stored, "it gave no refresh token, and the access token has expired")
        try:
            tokens = await token_endpoint.fetch(self._client, granted.sign_in.refresh_call(granted.app, stored.refresh))
        except TokensRefused as error:
            if error.code == "invalid_grant":
                return await self._disconnect(granted, stored, str(error))
            _log.warning("tokens could not be refreshed", connector=str(granted.connector), cause=str(error))
            # Others wait a little before they try.
            later = {"lease_holder": None, "lease_until": func.now() + literal(timedelta(seconds=AGAIN_SECONDS))}
            async with self._database.session(granted.workspace) as db:
                await self._change(db, granted, stored, later, ConnectorGrant.lease_holder == self._holder)
                await db.commit()
            if usable:
                return stored
            raise _away(granted, str(error)) from None
        return await self._store(granted, stored, tokens)

    async def _store(self, granted: Granted, stored: Stored, tokens: Tokens) -> Stored | None:
        refresh = tokens.refresh or stored.refresh
        refresh_at, expires_at = times(tokens)
        changes = {
            "sealed_tokens": seal(self._secrets, tokens.access, refresh),
            "refresh_at": refresh_at,
            "expires_at": expires_at,
            "version": stored.version + 1,
            "lease_holder": None,
            "lease_until": None,
        }
        async with self._database.session(granted.workspace) as db:
            won = await self._change(db, granted, stored, changes)
            await db.commit()
        return Stored(tokens.access, refresh, stored.version + 1, False, False) if won else None

    async def _disconnect(self, granted: Granted, stored: Stored, because: str) -> None:
        """Let the connector's runs wait until people connect it again; nothing is deleted."""
        async with self._database.session(granted.workspace) as db:
            if not await self._change(db, granted, stored, {"version": stored.version + 1, "lease_holder": None, "lease_until": None}):
                return
            connector = update(Connector).where(Connector.uuid == granted.connector, Connector.disconnected_at.is_(None))
            await db.execute(connector.values(disconnected_at=clock.now(), disconnected_because=because))
            await db.commit()
        _log.warning("a connector was disconnected", connector=str(granted.connector), cause=because)
        raise AccountHalted(f"The connector {granted.name} is disconnected: {because}.", DISCONNECTED, granted.waits_for)

    @staticmethod
    async def _change(
        db: AsyncSession, granted: Granted, stored: Stored, changes: Mapping[str, object], *conditions: ColumnElement[bool]
    ) -> bool:
        """Change the grant if it is still in the version that was read."""
        same = (ConnectorGrant.connector_uuid == granted.connector, ConnectorGrant.version == stored.version, *conditions)
        statement = update(ConnectorGrant).where(*same).values(dict(changes)).returning(ConnectorGrant.uuid)
        return (await db.execute(statement.execution_options(synchronize_session=False))).first() is not None


def _away(granted: Granted, because: str) -> ServiceError:
    return ServiceError(
        f"The tokens of the connector {granted.name} could not be refreshed: {because.rstrip('. ')}.",
        transient=True,
        reason="tokensUnavailable",
    )
