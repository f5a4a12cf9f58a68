"""The language model that answers: that of a release, or the workspace's default one."""

from __future__ import annotations

from dataclasses import dataclass

from cargo_ai.context.context import Context
from cargo_ai.domains.connection import public as connection

USUAL = {
    "openAi": "gpt-4.1-mini",
    "anthropic": "claude-sonnet-5",
    "gemini": "gemini-2.5-flash",
    "mistral": "mistral-medium-latest",
    "groq": "llama-3.3-70b-versatile",
}
"""The model that a draft begins with, by integration. Others say theirs."""

SET_UP = (
    "Connect one: `cargo-ai connection connector create --integration-slug openAi --slug openai --name OpenAI "
    '--config \'{"apiKey":"..."}\'`; anthropic, gemini, mistral, groq, and openAiCompatible for Ollama and others go as well.'
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An integration and one of its language models."""

    integration_slug: str
    language_model_slug: str


async def connected(ctx: Context) -> list[connection.Account]:
    """The connectors of the workspace that have language models."""
    known = await connection.integrations(ctx.services, ctx.workspace)
    return [
        account
        for account in await connection.accounts(ctx.db)
        if (integration := known.get(account.integration_slug)) is not None and integration.language_models is not None
    ]


async def default(ctx: Context) -> Choice:
    """What a new draft begins with: a model of the first service that is connected, else OpenAI's usual one, with a warning."""
    accounts = await connected(ctx)
    if not accounts:
        ctx.warn(f"No language model is connected yet. {SET_UP}")
        return Choice("openAi", USUAL["openAi"])
    slug = accounts[0].integration_slug
    return Choice(slug, USUAL.get(slug, ""))
