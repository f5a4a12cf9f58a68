"""Reconcile a release with its workspace: everything that it names has to be there, and connectors that it leaves out are filled in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from cargo_ai.context.context import Context
from cargo_ai.contract.ai.fields import ReconcileOptions
from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.capabilities import files, models
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration import public as orchestration
from cargo_ai.domains.storage import public as storage
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject


class NotReconciled(Exception):
    """Something that the release names is not there; the message is for the user."""


class InvalidConnector(NotReconciled):
    """The connector of the language model or of an MCP server cannot be used."""

    def __init__(self, connector: str, cause: str) -> None:
        super().__init__(cause)
        self.connector = connector


async def reconcile(ctx: Context, parts: JsonObject, options: ReconcileOptions | None, *, own: uuid.UUID) -> JsonObject:
    """The parts with what `options` fills in. NotReconciled names the first thing that is wrong. own: the agent that the release is of."""
    parts = _filled(parts, options) if options is not None else parts
    await check_offered(ctx, parts["actions"], parts["resources"], own=own)
    for capability in parts["capabilities"]:
        if capability["slug"] == "fileSearch":
            await _check_file_search(ctx, capability.get("config") or {})
    known = await connection.integrations(ctx.services, ctx.workspace)
    if (slug := parts.get("integrationSlug")) is not None:
        _check_models(known, slug, "")
    await check_connector(ctx, parts)
    for model in cast("list[JsonObject]", parts.get("fallbackLanguageModels") or []):
        _check_models(known, model["integrationSlug"], "fallbackLanguageModels: ")
        await check_connector(ctx, model)
    for client in cast("list[JsonObject]", parts.get("mcpClients") or []):
        if client["kind"] == "connector":
            await check_connector(ctx, client)
    return parts


def _check_models(known: connection.Integrations, slug: str, where: str) -> None:
    if (integration := known.get(slug)) is None or integration.language_models is None:
        raise NotReconciled(f"{where}{slug} has no language models.")


async def check_offered(
    ctx: Context, actions: Sequence[JsonObject], resources: Sequence[JsonObject], *, own: uuid.UUID | None = None
) -> None:
    """Check that what actions and resources name is there. NotReconciled names the first thing that is wrong."""
    slugs = [entry["slug"] for entry in [*actions, *resources]]
    twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
    if twice is not None:
        raise NotReconciled(f"two actions or resources are called {twice!r}: each needs a slug of its own.")
    for action in actions:
        await _check_action(ctx, action, own)
    for resource in resources:
        await _check_resource(ctx, resource)


def _filled(parts: JsonObject, options: ReconcileOptions) -> JsonObject:
    connectors, models = options.connector_uuids_by_integration_slug, options.model_uuids_by_integration_slug
    actions = [
        action | {"connectorUuid": connectors.get(action["integrationSlug"])}
        if action["kind"] == "connector" and action.get("connectorUuid") is None
        else action
        for action in parts["actions"]
    ]
    resources = [
        resource | {"modelUuid": models.get(str(resource.get("integrationSlug")))}
        if resource["kind"] == "model" and resource.get("modelUuid") is None
        else resource
        for resource in parts["resources"]
    ]
    connector = parts["connectorUuid"] or connectors.get(parts["integrationSlug"])
    return parts | {"actions": actions, "resources": resources, "connectorUuid": connector}


async def _check_action(ctx: Context, action: Mapping[str, Any], own: uuid.UUID | None) -> None:
    slug = action["slug"]
    if action["kind"] == "tool":
        if action.get("templateSlug"):
            raise NotReconciled(f"{slug} names a template: make a tool of it first, then name the tool.")
        if not await orchestration.has_tool(ctx.db, ids.parse(str(action.get("toolUuid") or ""))):
            raise NotReconciled(f"{slug}: there is no tool {action.get('toolUuid')}.")
    elif action["kind"] == "agent":
        agent = await lookup.find_agent(ctx.db, str(action.get("agentUuid") or ""))
        if agent is None:
            raise NotReconciled(f"{slug}: there is no agent {action.get('agentUuid')}.")
        if agent.uuid == own:
            raise NotReconciled(f"{slug}: an agent cannot be an action of its own.")
    elif action["kind"] == "native":
        try:
            orchestration.agent_tools.find_native(ctx.services, action)
        except orchestration.agent_tools.ToolUnusable as error:
            raise NotReconciled(f"{slug}: {error}") from None
    else:
        known = (await connection.integrations(ctx.services, ctx.workspace)).get(action["integrationSlug"])
        if known is not None and known.action(action["actionSlug"]) is None:
            names = _listed(action.slug for action in known.actions)
            raise NotReconciled(f"{slug}: {known.name} has no action {action['actionSlug']}; it has {names}.")
        connector = action.get("connectorUuid")
        if connector is not None and not await connection.connector_exists(ctx.db, ids.parse(connector) or uuid.UUID(int=0)):
            raise NotReconciled(f"{slug}: there is no connector {connector}.")


async def _check_resource(ctx: Context, resource: JsonObject) -> None:
    try:
        if resource["kind"] == "file":
            await files.check(ctx.db, resource)
            return
        await models.scope_of(ctx.db, await storage.catalog(ctx.db, ctx.workspace), resource)
    except (models.Unusable, files.Unusable) as error:
        raise NotReconciled(f"{resource['slug']}: {error}") from None


async def _check_file_search(ctx: Context, config: JsonObject) -> None:
    try:
        await files.check_capability(ctx.db, config)
    except files.Unusable as error:
        raise NotReconciled(f"fileSearch: {error}") from None


async def check_connector(ctx: Context, parts: Mapping[str, Any]) -> None:
    """Check the connector of a language model or an MCP server. InvalidConnector: it is not there, or of another integration."""
    named = parts.get("connectorUuid")
    if named is None:
        return
    account = next((account for account in await connection.accounts(ctx.db) if str(account.uuid) == named), None)
    if account is None:
        raise InvalidConnector(named, "there is no such connector in this workspace.")
    if account.integration_slug != parts["integrationSlug"]:
        raise InvalidConnector(named, f"it is one of {account.integration_slug}, and the release names {parts['integrationSlug']}.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
