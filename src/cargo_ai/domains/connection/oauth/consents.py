"""Consents under way: a state that is random, good for one answer within ten minutes, and bound to user, workspace and integration."""

from __future__ import annotations

import hashlib
import json
import secrets as randomness
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.connection.tables import OAuthConsent
from cargo_ai.integrations.kit.signing.oauth import App, OAuth2
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import SecretKey

LIFE = timedelta(minutes=10)
MAX_OPEN = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for consent, for what, with which app, and where the answer comes to."""

    workspace: uuid.UUID
    user: uuid.UUID
    integration: str
    connector: uuid.UUID | None
    app: App
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that came back, with the verifier that belongs to its challenge."""

    asked: Asked
    verifier: str


def hash_of(text: str) -> str:
    """What is stored of a random text."""
    return hashlib.sha256(text.encode()).hexdigest()


async def ask(db: AsyncSession, secrets: SecretKey, asked: Asked, sign_in: OAuth2) -> tuple[str, str, datetime]:
    """Store a consent under way: the URL for the person, its state, and until when it can come back."""
    state, verifier = randomness.token_urlsafe(32), randomness.token_urlsafe(48)
    await _prune(db, asked)
    sealed = {"verifier": verifier, "redirect": asked.redirect_uri, "id": asked.app.client_id, "secret": asked.app.client_secret}
    row = OAuthConsent(
        uuid=ids.new(),
        workspace_uuid=asked.workspace,
        user_uuid=asked.user,
        integration_slug=asked.integration,
        connector_uuid=asked.connector,
        state_hash=hash_of(state),
        sealed=secrets.seal(json.dumps(sealed).encode()),
        expires_at=clock.now() + LIFE,
    )
    db.add(row)
    await db.flush()
    return sign_in.consent_url(asked.app, asked.redirect_uri, state, verifier), state, row.expires_at


async def _prune(db: AsyncSession, asked: Asked) -> None:
    """Forget the user's consents that no one came back with, and the oldest of very many."""
    own = OAuthConsent.user_uuid == asked.user
    kept = (
        select(OAuthConsent.uuid).where(own, OAuthConsent.expires_at > clock.now()).order_by(OAuthConsent.uuid.desc()).limit(MAX_OPEN - 1)
    )
    await db.execute(delete(OAuthConsent).where(own, OAuthConsent.uuid.not_in(kept)).execution_options(synchronize_session=False))


async def look(db: AsyncSession, secrets: SecretKey, state: str) -> Consent | None:
    """The consent of a state, which stays; None for one that is not valid."""
    row = await db.scalar(select(OAuthConsent).where(OAuthConsent.state_hash == hash_of(state), OAuthConsent.expires_at > clock.now()))
    return None if row is None else _consent(secrets, row)


async def take(
    db: AsyncSession,
    secrets: SecretKey,
    state: str,
    *,
    user: uuid.UUID | None = None,
    integration: str | None = None,
    connectors_only: bool = False,
) -> Consent | None:
    """The consent of a state, which is used up by that; None for one that is not valid, or not of this user and integration."""
    conditions = [OAuthConsent.state_hash == hash_of(state), OAuthConsent.expires_at > clock.now()]
    if user is not None:
        conditions.append(OAuthConsent.user_uuid == user)
    if integration is not None:
        conditions.append(OAuthConsent.integration_slug == integration)
    # What a program completes by itself is not for the browser, and the other way round.
    conditions.append(OAuthConsent.connector_uuid.is_not(None) if connectors_only else OAuthConsent.connector_uuid.is_(None))
    taken = delete(OAuthConsent).where(*conditions).returning(OAuthConsent)
    row = (await db.scalars(taken.execution_options(synchronize_session=False))).one_or_none()
    return None if row is None else _consent(secrets, row)


def _consent(secrets: SecretKey, row: OAuthConsent) -> Consent:
    sealed: dict[str, str] = json.loads(secrets.open(row.sealed))
    app = App(sealed["id"], sealed["secret"])
    asked = Asked(row.workspace_uuid, row.user_uuid, row.integration_slug, row.connector_uuid, app, sealed["redirect"])
    return Consent(asked, sealed["verifier"])
