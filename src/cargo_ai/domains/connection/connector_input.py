"""What callers give for a connector's account: merge it with what is stored, read its secrets, and validate it, before any transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from cargo_ai.context.handlers import Preparation
from cargo_ai.context.process import Services
from cargo_ai.contract.connection import connector as contract
from cargo_ai.domains.connection import connector_config
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.domains.connection.external_secrets.sources import ExternalSecrets
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.domains.connection.verification import verify
from cargo_ai.integrations.kit import Integration, integrations
from cargo_ai.kernel import ids
from cargo_ai.kernel.refusal import invalid_input

LIST = "cargo-ai connection connector list"
INTEGRATIONS = "cargo-ai connection integration list"


@dataclass(frozen=True, slots=True)
class AccountInput:
    """A config that may be stored in place of `replaces`, which is sealed; None: there was none."""

    config: Mapping[str, Any]
    replaces: bytes | None = None


async def prepare_create(prepared: Preparation, request: contract.CreateConnector) -> AccountInput:
    """The config of a new connector."""
    integration = integrations().get(request.integration_slug)
    if integration is None:
        contract.create.refuse("integrationNotFound", integration=request.integration_slug, fix=INTEGRATIONS)
    config = connector_config.merged(integration, request.config or {}, request.secrets or {}, {})
    problem = await _check(prepared, integration, config, prove=request.verify)
    if problem is not None:
        contract.create.refuse("verificationFailed", said=problem)
    return AccountInput(config)


async def prepare_update(prepared: Preparation, request: contract.UpdateConnector) -> AccountInput | None:
    """The new config of a connector; None where it stays as it is."""
    if "config" not in request.model_fields_set and not request.secrets:
        return None
    row = await _find(prepared, request.uuid)
    if row is None:
        contract.update.refuse("connectorNotFound", connector=request.uuid, fix=LIST)
    integration = integrations().get(row.integration_slug)
    if integration is None:
        contract.update.refuse("integrationNotFound", integration=row.integration_slug, fix=INTEGRATIONS)
    stored = connector_config.opened(prepared.services.secrets, row)
    given = (request.config or {}) if "config" in request.model_fields_set else stored
    config = connector_config.merged(integration, given, request.secrets or {}, stored)
    problem = await _check(prepared, integration, config, prove=request.verify)
    if problem is not None:
        contract.update.refuse("verificationFailed", said=problem)
    return AccountInput(config, row.sealed_config)


async def prepare_get(prepared: Preparation, request: contract.GetConnector) -> None:
    """Prove the account, where that is asked for."""
    if not request.verify:
        return
    row = await _find(prepared, request.uuid)
    integration = None if row is None else integrations().get(row.integration_slug)
    if row is None or integration is None:
        return
    config = connector_config.opened(prepared.services.secrets, row)
    problem = await verify(prepared.services, integration, await _with_secrets(prepared, integration, config))
    if problem is not None:
        contract.get.refuse("verificationFailed", said=problem)


async def _find(prepared: Preparation, connector: str) -> Connector | None:
    async with prepared.services.database.session(prepared.who.workspace_uuid) as db:
        return await db.scalar(select(Connector).where(Connector.uuid == ids.parse(connector), Connector.deleted_at.is_(None)))


async def _check(prepared: Preparation, integration: Integration, config: Mapping[str, Any], *, prove: bool) -> str | None:
    """Refuse what may not be stored; a sentence where the service does not accept it."""
    external = _external(prepared.services)
    try:
        for reference in connector_config.references(integration, config):
            external.check(prepared.who.workspace_uuid, reference)
    except SecretUnavailable as error:
        raise invalid_input([{"path": "config", "message": str(error)}]) from None
    secrets = await _with_secrets(prepared, integration, config) if prove else config
    connector_config.validate(integration, secrets)
    return await verify(prepared.services, integration, secrets) if prove else None


async def _with_secrets(prepared: Preparation, integration: Integration, config: Mapping[str, Any]) -> Mapping[str, Any]:
    references = connector_config.references(integration, config)
    try:
        secrets = await _external(prepared.services).read_all(prepared.who.workspace_uuid, references, again=True)
    except SecretUnavailable as error:
        raise invalid_input([{"path": "config", "message": str(error)}]) from None
    return connector_config.with_secrets(integration, config, secrets)


def _external(services: Services) -> ExternalSecrets:
    return services.once(ExternalSecrets, lambda: ExternalSecrets(services.settings))
