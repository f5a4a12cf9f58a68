"""Grants: the tokens of connectors, stored sealed, and refreshed, or fetched again, by one process at a time.

Who refreshes holds a lease for longer than its call may take, and no transaction: a row says who holds it until when. What it gets is
stored before it is used, and only over the version that it began with: of two that refresh after all, one wins and neither overwrites.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection.oauth import token_endpoint
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.domains.connection.tables import Connector, ConnectorGrant
from cargo_ai.integrations.kit.errors import DISCONNECTED, AccountHalted, ServiceError
from cargo_ai.integrations.kit.signing.oauth import App, OAuth2, TokenCall, Tokens
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
NO_ONE = uuid.UUID(int=0)
"""The user of tokens that were fetched without a person."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Consented:
    """Tokens that a person's consent gave: a refresh token gives others."""

    sign_in: OAuth2
    app: App
    of: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Tokens that a call gives without a person. of: what they depend on; those of another one are not used."""

    call: TokenCall
    of: str
    integration: str


@dataclass(frozen=True, slots=True)
class Granted:
    """Whose tokens they are, and where others come from. `name`: of the connector, for people."""

    workspace: uuid.UUID
    connector: uuid.UUID
    name: str
    source: Consented | Fetched

    @property
    def waits_for(self) -> str:
        """What runs wait for while it is disconnected."""
        return f"connector:{self.connector}"


@dataclass(frozen=True, slots=True)
class Stored:
    """Tokens as they are stored. due: they should be refreshed; expired: they must be. instance: where they are good, if the vendor says
    so. of: what fetched ones depend on."""

    access: str
    refresh: str | None
    version: int
    due: bool
    expired: bool
    instance: str = ""
    of: str = ""


def seal(secrets: SecretKey, tokens: Tokens, of: str = "") -> bytes:
    """Tokens as they are stored."""
    more = {name: value for name, value in (("instance", tokens.instance), ("of", of)) if value}
    return secrets.seal(json.dumps({"access": tokens.access, "refresh": tokens.refresh, **more}).encode())


def times(tokens: Tokens) -> tuple[ColumnElement[object], ColumnElement[object]]:
    """When to refresh, and when the access token expires, by the database's clock: a tenth of its life early, five minutes at most."""
    life = timedelta(seconds=tokens.seconds)
    return func.now() + literal(life - min(EARLY, life / 10)), func.now() + literal(life)


def put(secrets: SecretKey, row: ConnectorGrant, tokens: Tokens) -> None:
    """Write tokens of a consent into a new row."""
    row.sealed_tokens = seal(secrets, tokens)
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
            if stored is None and isinstance(granted.source, Fetched):
                await self._prepare(granted, granted.source)
                continue
            if stored is None:
                raise AccountHalted(f"The connector {granted.name} is not connected.", DISCONNECTED, granted.waits_for)
            # Read again after a refusal: another process may have refreshed since.
            usable = not stored.expired and stored.access != refused and stored.of == granted.source.of
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
        more = tokens.get("instance") or "", tokens.get("of") or ""
        return Stored(tokens["access"] or "", tokens["refresh"], row[1], row[2], row[3], *more)

    async def _prepare(self, granted: Granted, source: Fetched) -> None:
        """A place for tokens that are yet to be fetched: ones that are over."""
        values = {
            "workspace_uuid": granted.workspace,
            "connector_uuid": granted.connector,
            "integration_slug": source.integration,
            "user_uuid": NO_ONE,
            "sealed_tokens": seal(self._secrets, Tokens("", None, 0), source.of),
            "refresh_at": func.now(),
            "expires_at": func.now(),
            "version": 1,
        }
        async with self._database.session(granted.workspace) as db:
            await db.execute(insert(ConnectorGrant).values(values).on_conflict_do_nothing(index_elements=["connector_uuid"]))
            await db.commit()

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
        source = granted.source
        if isinstance(source, Fetched):
            call = source.call
        elif stored.refresh is None:
            return await self._disconnect(granted, stored, "it gave no refresh token, and the access token has expired")
        else:
            call = source.sign_in.refresh_call(source.app, stored.refresh)
        try:
            tokens = await token_endpoint.fetch(self._client, call)
        except TokensRefused as error:
            if error.code == "invalid_grant" and isinstance(source, Consented):
                return await self._disconnect(granted, stored, str(error))
            _log.warning("tokens could not be refreshed", connector=str(granted.connector), cause=str(error))
            # Others wait a little before they try.
            later = {"lease_holder": None, "lease_until": func.now() + literal(timedelta(seconds=AGAIN_SECONDS))}
            async with self._database.session(granted.workspace) as db:
                await self._change(db, granted, stored, later, ConnectorGrant.lease_holder == self._holder)
                await db.commit()
            if usable:
                return stored
            # An app that was refused is not accepted later: its id or its secret has to be changed.
            raise _away(granted, str(error), final=error.final and isinstance(source, Fetched)) from None
        return await self._store(granted, stored, tokens)

    async def _store(self, granted: Granted, stored: Stored, tokens: Tokens) -> Stored | None:
        source = granted.source
        kept = tokens if isinstance(source, Fetched) else replace(tokens, refresh=tokens.refresh or stored.refresh)
        refresh_at, expires_at = times(tokens)
        changes = {
            "sealed_tokens": seal(self._secrets, kept, source.of),
            **({"user_uuid": NO_ONE} if isinstance(source, Fetched) else {}),
            "refresh_at": refresh_at,
            "expires_at": expires_at,
            "version": stored.version + 1,
            "lease_holder": None,
            "lease_until": None,
        }
        async with self._database.session(granted.workspace) as db:
            won = await self._change(db, granted, stored, changes)
            await db.commit()
        return Stored(kept.access, kept.refresh, stored.version + 1, False, False, kept.instance, source.of) if won else None

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


def _away(granted: Granted, because: str, *, final: bool = False) -> ServiceError:
    return ServiceError(
        f"The tokens of the connector {granted.name} could not be refreshed: {because.rstrip('. ')}.",
        transient=not final,
        reason="unauthorized" if final else "tokensUnavailable",
    )
