"""Connect accounts by OAuth: ask for consent, turn the code that comes back into a grant, and give it to its connector."""

from __future__ import annotations

import secrets as randomness
import uuid
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.connection import oauth as contract
from cargo_ai.contract.connection.connector import ConnectorReply
from cargo_ai.domains.connection.connectors import connector_config
from cargo_ai.domains.connection.connectors.connector import Draft, Uses, living, reply, store
from cargo_ai.domains.connection.connectors.connector_input import INTEGRATIONS, LIST
from cargo_ai.domains.connection.oauth import apps, consents, exchange, token_endpoint
from cargo_ai.domains.connection.oauth.consents import Asked
from cargo_ai.domains.connection.oauth.exchange import CALLBACK, ConsentFailed
from cargo_ai.domains.connection.oauth.token_endpoint import TokensRefused
from cargo_ai.domains.connection.tables import Connector, ConnectorGrant
from cargo_ai.integrations.kit import Integration, integrations
from cargo_ai.integrations.kit.signing.oauth import OAuth2, Tokens
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import ByUuid


def _service(slug: str) -> tuple[Integration, OAuth2]:
    integration = integrations().get(slug)
    if integration is None:
        contract.initiate.refuse("integrationNotFound", integration=slug, fix=INTEGRATIONS)
    sign_in = apps.oauth_of(integration)
    if sign_in is None:
        contract.initiate.refuse("initiateOauthNotSupported", integration=integration.name)
    return integration, sign_in


async def _ask(ctx: Context, integration: Integration, config: dict[str, Any], connector: uuid.UUID | None) -> tuple[str, str, datetime]:
    redirect = f"{ctx.base_url}{CALLBACK}"
    app = apps.app_of(ctx.settings, integration, config)
    if app is None:
        contract.initiate.refuse("failedToInitiateOauth", said=apps.how_to_set(integration, redirect))
    _, sign_in = _service(integration.slug)
    return await consents.ask(
        ctx.db, ctx.secrets, Asked(ctx.workspace, ctx.who.user_uuid, integration.slug, connector, app, redirect), sign_in
    )


@handles(contract.initiate)
async def initiate(ctx: Context, request: contract.InitiateOauth) -> contract.Consent:
    """Ask for a consent that a client completes by itself."""
    integration, _ = _service(request.slug)
    url, state, until = await _ask(ctx, integration, {}, None)
    return contract.Consent(consent_url=url, state=state, expires_at=until)


async def _prepare_complete(prepared: Preparation, request: contract.CompleteOauth) -> Tokens:
    """The tokens for the code; the state is used up by that, whatever comes of it."""
    _service(request.slug)
    who, services = prepared.who, prepared.services
    async with services.database.session(who.workspace_uuid) as db:
        state = str(request.params.get("state") or "")
        consent = await consents.take(db, services.secrets, state, user=who.user_uuid, integration=request.slug)
        await db.commit()
    if consent is None:
        contract.complete.refuse("invalidState")
    try:
        return await exchange.tokens_of(services, consent, {name: str(value) for name, value in request.params.items()})
    except ConsentFailed as error:
        contract.complete.refuse("consentFailed", said=str(error))


@handles(contract.complete, before=_prepare_complete)
async def complete(ctx: Context, request: contract.CompleteOauth) -> contract.CompletedOauth:
    """Keep the tokens for a connector that is yet to be made, and give their handle."""
    handle = randomness.token_urlsafe(32)
    row = exchange.new_grant(ctx.secrets, ctx.workspace, ctx.who.user_uuid, request.slug, cast("Tokens", ctx.prepared))
    row.handle_hash = consents.hash_of(handle)
    ctx.db.add(row)
    await ctx.db.flush()
    return contract.CompletedOauth(value=handle)


@handles(contract.connect)
async def connect(ctx: Context, request: contract.ConnectConnector) -> contract.Connecting:
    """Make a connector that is disconnected, or take one that is there, and ask for the consent that connects it."""
    if request.uuid is not None:
        row = await living(ctx.db, request.uuid)
        if row is None:
            contract.connect.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
        integration, _ = _service(row.integration_slug)
        config = connector_config.opened(ctx.secrets, row)
        if not isinstance(integration.account.sign_in_of(config), OAuth2):
            contract.connect.refuse("initiateOauthNotSupported", integration=f"The connector {row.name}")
    elif request.integration_slug is not None:
        integration, sign_in = _service(request.integration_slug)
        row = await _draft(ctx, request, integration, sign_in)
        config = connector_config.opened(ctx.secrets, row)
    else:
        contract.connect.refuse("invalidConnector")
    url, _, until = await _ask(ctx, integration, config, row.uuid)
    shown = reply(ctx, row, await Uses.of(ctx))
    # Connected ones, too, are shown as what they wait for: the consent that was just asked for.
    return contract.Connecting(connector=shown, consent_url=url, expires_at=until)


async def _draft(ctx: Context, request: contract.ConnectConnector, integration: Integration, sign_in: OAuth2) -> Connector:
    spec = integration.account
    chosen: dict[str, Any] = {spec.choice: sign_in.kind}
    given = dict(request.config or {})
    given |= {spec.under: {**cast("dict[str, Any]", given.get(spec.under) or {}), **chosen}} if spec.under else chosen
    config = connector_config.merged(integration, given, request.secrets or {}, {})
    connector_config.validate(integration, config)
    draft = Draft(request.name or integration.name, request.slug or integration.slug, integration.slug, config, is_connected=False)
    return (await store(ctx, draft))[0]


async def _prepare_disconnect(prepared: Preparation, request: ByUuid) -> str | None:
    """Take the tokens back at the vendor, where it can; a sentence where that did not work."""
    services, workspace = prepared.services, prepared.who.workspace_uuid
    async with services.database.session(workspace) as db:
        row = await living(db, request.uuid)
        grant = await db.scalar(select(ConnectorGrant).where(ConnectorGrant.connector_uuid == ids.parse(request.uuid)))
    integration = None if row is None else integrations().get(row.integration_slug)
    if row is None or grant is None or integration is None:
        return None
    config = connector_config.opened(services.secrets, row)
    sign_in, app = apps.oauth_of(integration), apps.app_of(services.settings, integration, config)
    refresh = exchange.refresh_token_of(services.secrets, grant)
    call = None
    if sign_in is not None and app is not None and refresh is not None:
        call = apps.reached(sign_in, integration, services.settings).revoke_call(app, refresh)
    if call is None:
        return f"{integration.name} was not asked to take its tokens back: revoke them there."
    try:
        await token_endpoint.post(services.client, call)
    except TokensRefused as error:
        return f"{integration.name} did not take its tokens back ({error}): revoke them there."
    return None


@handles(contract.disconnect, before=_prepare_disconnect)
async def disconnect(ctx: Context, request: ByUuid) -> ConnectorReply:
    """Delete the tokens; its runs wait until it is connected again."""
    row = await living(ctx.db, request.uuid, lock=True)
    if row is None:
        contract.disconnect.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    if not await exchange.delete_grant(ctx.db, row.uuid):
        contract.disconnect.refuse("notConnected")
    row.disconnected_at, row.disconnected_because = clock.now(), "it was disconnected by a person"
    if ctx.prepared is not None:
        ctx.warn(str(ctx.prepared))
    await ctx.db.flush()
    return ConnectorReply(connector=reply(ctx, row, await Uses.of(ctx)))
