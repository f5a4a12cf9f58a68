"""What comes back from a consent: exchange the code for tokens, and give them to a connector."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts import waiting_runs
from cargo_ai.domains.connection.oauth import apps, grants, token_endpoint
from cargo_ai.domains.connection.oauth.consents import Consent, hash_of
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.domains.connection.tables import Connector, ConnectorGrant, OAuthConsent
from cargo_ai.integrations.kit import integrations
from cargo_ai.integrations.kit.signing.oauth import Tokens
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.store.session import ALL_WORKSPACES

CALLBACK = "/v1/oauth/callback"
GRANT_LIFE = timedelta(hours=1)


class ConsentFailed(Exception):
    """The consent gave no tokens; the message is for people."""


async def tokens_of(services: Services, consent: Consent, params: Mapping[str, str]) -> Tokens:
    """The tokens for the code in what came back. ConsentFailed, in the vendor's words, without them."""
    integration = integrations().get(consent.asked.integration)
    sign_in = None if integration is None else apps.oauth_of(integration)
    if integration is None or sign_in is None:
        raise ConsentFailed(f"There is no integration {consent.asked.integration} any more.")
    if params.get("error"):
        said = params.get("error_description") or params["error"]
        raise ConsentFailed(f"{integration.name} gave no consent: {said[:300]}.")
    code = params.get("code")
    if not code:
        raise ConsentFailed(f"{integration.name} sent no code.")
    try:
        call = apps.reached(sign_in, integration, services.settings).code_call(
            consent.asked.app, consent.asked.redirect_uri, code, consent.verifier
        )
        return await token_endpoint.fetch(services.client, call)
    except TokensRefused as error:
        raise ConsentFailed(f"{integration.name} gave no tokens for the code: {error}.") from None


def new_grant(secrets: SecretKey, workspace: uuid.UUID, user: uuid.UUID, integration: str, tokens: Tokens) -> ConnectorGrant:
    """The row of new tokens."""
    row = ConnectorGrant(uuid=ids.new(), workspace_uuid=workspace, user_uuid=user, integration_slug=integration)
    grants.put(secrets, row, tokens)
    return row


async def find_grant(db: AsyncSession, handle: str, user: uuid.UUID, integration: str) -> ConnectorGrant | None:
    """The grant of a handle that this user got within the hour for this integration, and that no connector has."""
    query = select(ConnectorGrant).where(
        ConnectorGrant.handle_hash == hash_of(handle),
        ConnectorGrant.user_uuid == user,
        ConnectorGrant.integration_slug == integration,
        ConnectorGrant.connector_uuid.is_(None),
        ConnectorGrant.created_at > clock.now() - GRANT_LIFE,
    )
    return await db.scalar(query.with_for_update())


async def bind(db: AsyncSession, connector: Connector, grant: ConnectorGrant) -> None:
    """Give a connector new tokens in the caller's transaction, and wake the runs that wait for it."""
    await delete_grant(db, connector.uuid)
    grant.connector_uuid, grant.handle_hash = connector.uuid, None
    db.add(grant)
    connector.disconnected_at, connector.disconnected_because = None, None
    await db.flush()
    await waiting_runs.wake(db, connector)


async def delete_grant(db: AsyncSession, connector: uuid.UUID) -> bool:
    """Delete a connector's tokens; False when it has none of a person's consent."""
    deleted = delete(ConnectorGrant).where(ConnectorGrant.connector_uuid == connector).returning(ConnectorGrant.user_uuid)
    user = (await db.execute(deleted.execution_options(synchronize_session=False))).scalar()
    return user is not None and user != grants.NO_ONE


def access_of(secrets: SecretKey, grant: ConnectorGrant) -> tuple[str, str]:
    """The access token in a grant, and the address at which it is good ("": the vendor does not say)."""
    tokens: dict[str, str | None] = json.loads(secrets.open(grant.sealed_tokens))
    return tokens["access"] or "", tokens.get("instance") or ""


def refresh_token_of(secrets: SecretKey, grant: ConnectorGrant) -> str | None:
    """The refresh token in a grant."""
    tokens: dict[str, str | None] = json.loads(secrets.open(grant.sealed_tokens))
    return tokens["refresh"]


async def connect(db: AsyncSession, secrets: SecretKey, consent: Consent, tokens: Tokens) -> bool:
    """Give the tokens to the connector that the consent was asked for; False when that is gone. In a session of its workspace."""
    asked = consent.asked
    row = await db.scalar(select(Connector).where(Connector.uuid == asked.connector, Connector.deleted_at.is_(None)).with_for_update())
    if row is None or row.integration_slug != asked.integration:
        return False
    await bind(db, row, new_grant(secrets, asked.workspace, asked.user, asked.integration, tokens))
    return True


async def prune(services: Services) -> None:
    """Delete grants that no connector was made for, and consents that no one came back with."""
    async with services.database.session(ALL_WORKSPACES) as db:
        unused = ConnectorGrant.connector_uuid.is_(None) & (ConnectorGrant.created_at < clock.now() - GRANT_LIFE)
        await db.execute(delete(ConnectorGrant).where(unused))
        await db.execute(delete(OAuthConsent).where(OAuthConsent.expires_at < clock.now()))
        await db.commit()
