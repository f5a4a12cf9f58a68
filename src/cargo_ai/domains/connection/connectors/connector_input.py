"""What callers give for a connector's account: merge it with what is stored, read its secrets, and validate it, before any transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from cargo_ai.context.handlers import Preparation
from cargo_ai.context.process import Services
from cargo_ai.contract.connection import connector as contract
from cargo_ai.domains.connection.accounts import shared_accounts
from cargo_ai.domains.connection.accounts.verification import Verified, verify
from cargo_ai.domains.connection.connectors import connector_config
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.external_secrets.sources import ExternalSecrets
from cargo_ai.domains.connection.oauth import exchange
from cargo_ai.domains.connection.oauth.access import Access
from cargo_ai.domains.connection.oauth.signing import AccountSigner, token_in, with_token
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import AccountHalted, Integration, ServiceError
from cargo_ai.integrations.kit.signing.oauth import OAuth2
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import Refusal, invalid_input

LIST = "cargo-ai connection connector list"
INTEGRATIONS = "cargo-ai connection integration list"


@dataclass(frozen=True, slots=True)
class AccountInput:
    """A config that may be stored in place of `replaces`, which is sealed; None: there was none.

    grant: the handle of a consent to use. needs_consent: a person has to connect it. moved: its secrets went elsewhere until now.
    """

    config: Mapping[str, Any]
    replaces: bytes | None = None
    grant: str | None = None
    needs_consent: bool = False
    moved: bool = False
    use_credits: bool = False
    """It is the shared account of the installation."""


async def prepare_create(prepared: Preparation, request: contract.CreateConnector) -> AccountInput:
    """The config of a new connector."""
    integration = await known_integrations(prepared.services).find(prepared.who.workspace_uuid, request.integration_slug)
    if integration is None:
        contract.create.refuse("integrationNotFound", integration=request.integration_slug, fix=INTEGRATIONS)
    if request.config is None and not request.secrets:
        shared = shared_accounts.config_of(prepared.services.settings, integration)
        if shared is not None:
            if request.verify and (problem := await _prove(prepared, integration, shared, None, None)):
                contract.create.refuse("verificationFailed", said=problem)
            return AccountInput({}, use_credits=True)
    config = connector_config.merged(integration, request.config or {}, request.secrets or {}, {})
    account, opened = await _read(prepared, integration, AccountInput(config), None, prove=request.verify)
    if request.verify and not account.needs_consent and (problem := await _prove(prepared, integration, opened, account.grant, None)):
        contract.create.refuse("verificationFailed", said=problem)
    return account


async def prepare_update(prepared: Preparation, request: contract.UpdateConnector) -> AccountInput | None:
    """The new config of a connector; None where it stays as it is."""
    if "config" not in request.model_fields_set and not request.secrets:
        return None
    row = await _find(prepared, request.uuid)
    if row is None:
        contract.update.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    integration = await known_integrations(prepared.services).find(row.workspace_uuid, row.integration_slug)
    if integration is None:
        contract.update.refuse("integrationNotFound", integration=row.integration_slug, fix=INTEGRATIONS)
    stored = connector_config.opened(prepared.services.secrets, row)
    given = (request.config or {}) if "config" in request.model_fields_set else stored
    config = connector_config.merged(integration, given, request.secrets or {}, stored)
    moved = any(config.get(key) != stored.get(key) for key in integration.account.bound_to)
    given_account = AccountInput(config, row.sealed_config, moved=moved)
    account, opened = await _read(prepared, integration, given_account, row, prove=request.verify)
    if request.verify and not account.needs_consent and (problem := await _prove(prepared, integration, opened, account.grant, row)):
        contract.update.refuse("verificationFailed", said=problem)
    return account


async def prepare_get(prepared: Preparation, request: contract.GetConnector) -> None:
    """Prove the account, where that is asked for."""
    if not request.verify:
        return
    row = await _find(prepared, request.uuid)
    if row is None:
        return
    integration = await known_integrations(prepared.services).find(row.workspace_uuid, row.integration_slug)
    if integration is None:
        return
    shared = shared_accounts.config_of(prepared.services.settings, integration) if row.use_credits else None
    config = connector_config.opened(prepared.services.secrets, row) if shared is None else shared
    problem = await _prove(prepared, integration, await _with_secrets(prepared, integration, config), None, row)
    if problem is not None:
        contract.get.refuse("verificationFailed", said=problem)


async def _find(prepared: Preparation, connector: str) -> Connector | None:
    async with prepared.services.database.session(prepared.who.workspace_uuid) as db:
        return await db.scalar(select(Connector).where(Connector.uuid == ids.parse(connector), Connector.deleted_at.is_(None)))


async def _read(
    prepared: Preparation, integration: Integration, account: AccountInput, row: Connector | None, *, prove: bool
) -> tuple[AccountInput, Mapping[str, Any]]:
    """What is to be stored, and the config opened; refuses what may not be stored."""
    external = _external(prepared.services)
    try:
        for reference in connector_config.references(integration, account.config):
            external.check(prepared.who.workspace_uuid, reference)
    except SecretUnavailable as error:
        raise invalid_input([{"path": "config", "message": str(error)}]) from None
    opened = await _with_secrets(prepared, integration, account.config) if prove else account.config
    connector_config.validate(integration, opened)
    if not isinstance(integration.account.sign_in_of(opened), OAuth2):
        return account, opened
    grant = integration.account.signed_in(opened).get("grant")
    disconnected = row is None or row.disconnected_at is not None or account.moved
    # A grant is used once: it is not a part of the config.
    config = integration.account.replace_secrets(account.config, lambda path, value: None if path[-1] == "grant" else value)
    return replace(account, config=config, grant=grant or None, needs_consent=not grant and disconnected), opened


async def _prove(
    prepared: Preparation, integration: Integration, opened: Mapping[str, Any], grant: str | None, row: Connector | None
) -> str | None:
    """None where the service accepts the account, else a sentence."""
    services, who, spec = prepared.services, prepared.who, integration.account
    access = services.once(Access, lambda: Access(services))
    connector, name = (None, integration.name) if row is None else (row.uuid, row.name)

    async def renew(refused: Mapping[str, Any]) -> Mapping[str, Any]:
        """The account, once a token that was kept is over before its time."""
        return await access.open(integration, opened, who.workspace_uuid, connector, name, refused=token_in(spec, refused))

    renewable = grant is None and access.needs_token(integration, opened)
    try:
        if grant is not None:
            async with services.database.session(who.workspace_uuid) as db:
                found = await exchange.find_grant(db, grant, who.user_uuid, integration.slug)
            if found is None:
                raise unknown_grant()
            config = with_token(spec, opened, *exchange.access_of(services.secrets, found))
        else:
            config = await access.open(integration, opened, who.workspace_uuid, connector, name)
    except (AccountHalted, ServiceError, InvalidConfig) as error:
        return f"{integration.name} did not prove this account: {str(error).rstrip('. ')}."
    signer = AccountSigner(spec, config, renew if renewable else None)
    return await verify(services, integration, config, signer, Verified(who.workspace_uuid, connector))


def unknown_grant() -> Refusal:
    """The refusal of a grant that cannot be used."""
    return invalid_input([{"path": "config.grant", "message": "is not a grant of yours that is less than an hour old and not used yet"}])


async def _with_secrets(prepared: Preparation, integration: Integration, config: Mapping[str, Any]) -> Mapping[str, Any]:
    references = connector_config.references(integration, config)
    try:
        secrets = await _external(prepared.services).read_all(prepared.who.workspace_uuid, references, again=True)
    except SecretUnavailable as error:
        raise invalid_input([{"path": "config", "message": str(error)}]) from None
    return connector_config.with_secrets(integration, config, secrets)


def _external(services: Services) -> ExternalSecrets:
    return services.once(ExternalSecrets, lambda: ExternalSecrets(services.settings))
