"""The language model that answers: that of a release, or the workspace's default one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.context import Context
from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents.local_servers import LocalServers
from cargo_ai.domains.connection import public as connection
from cargo_ai.kernel.wire import JsonObject

USUAL = {
    "openAi": "gpt-4.1-mini",
    "anthropic": "claude-sonnet-5",
    "gemini": "gemini-2.5-flash",
    "mistral": "mistral-medium-latest",
    "groq": "llama-3.3-70b-versatile",
}
"""The model that a draft begins with, by integration. Others say theirs."""

_SET_UP = (
    "Connect one: `cargo-ai connection connector create --integration-slug openAi --slug openai --name OpenAI "
    '--config \'{"apiKey":"..."}\'`; anthropic, gemini, mistral, groq, and openAiCompatible for Ollama and others go as well.'
)


@dataclass(frozen=True, slots=True)
class Named:
    """The language model that a request names; None: it leaves that to the workspace."""

    integration_slug: str | None = None
    connector_uuid: str | None = None
    language_model_slug: str | None = None


ANY = Named()


@dataclass(frozen=True, slots=True)
class Choice:
    """An integration and one of its language models; `connector_uuid` None: the integration's default account. A slug "" is to be named."""

    integration_slug: str
    language_model_slug: str
    connector_uuid: str | None = None


async def set_up(services: Services) -> str:
    """How to connect a language model: a service that takes a key, or what runs on this machine."""
    local = await services.once(LocalServers, lambda: LocalServers(services)).sentence()
    return f"{_SET_UP} {local}".rstrip()


async def choose(services: Services, db: AsyncSession, workspace: uuid.UUID, named: Named) -> Choice | None:
    """The model that is named; what is left out is that of the named connector, else of the first service that is connected.

    None where no connector that fits has language models.
    """
    known = await connection.integrations(services, workspace)
    for account in await connection.accounts(db):
        integration = known.get(account.integration_slug)
        if integration is None or integration.language_models is None or named.integration_slug not in (None, account.integration_slug):
            continue
        if named.connector_uuid in (None, str(account.uuid)):
            slug = named.language_model_slug or USUAL.get(account.integration_slug, "")
            return Choice(account.integration_slug, slug, str(account.uuid))
    return None


async def agreeing(db: AsyncSession, given: JsonObject, base: Mapping[str, Any]) -> JsonObject:
    """What is given for parts whose values are `base`. The integration follows a connector that is given alone, and the other way round.

    Another integration knows no model of the former one: where none is given, its usual one takes the place, if it has one.
    """
    agreed, former = dict(given), base.get("integrationSlug")
    if agreed.get("connectorUuid") is not None and "integrationSlug" not in agreed:
        account = next((account for account in await connection.accounts(db) if str(account.uuid) == agreed["connectorUuid"]), None)
        if account is not None:
            agreed["integrationSlug"] = account.integration_slug
    integration = agreed.get("integrationSlug", former)
    if integration == former:
        return agreed
    agreed.setdefault("connectorUuid", None)
    if integration in USUAL:
        agreed.setdefault("languageModelSlug", USUAL[integration])
    return agreed


async def default(ctx: Context) -> Choice:
    """What a new draft begins with: a model of the first service that is connected, else OpenAI's usual one, with a warning."""
    choice = await choose(ctx.services, ctx.db, ctx.workspace, ANY)
    if choice is not None:
        return choice
    ctx.warn(f"No language model is connected yet. {await set_up(ctx.services)}")
    return Choice("openAi", USUAL["openAi"])
