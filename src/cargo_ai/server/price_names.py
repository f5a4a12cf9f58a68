"""Price names: whether each price of the settings is one of something that exists and can cost something."""

from __future__ import annotations

from cargo_ai.actions import native_actions
from cargo_ai.domains.connection.public import TOKENS
from cargo_ai.engine.graph.check.finding import nearest, suggest
from cargo_ai.integrations.kit import integrations
from cargo_ai.kernel.settings import PREFIX, Settings, SettingsError
from cargo_ai.server.compose import packages

NATIVE = "native"


def check_price_names(settings: Settings) -> None:
    """SettingsError for the first price that would have no effect. Of integrations, only those that are named are imported."""
    for name in settings.action_costs:
        sentence = _problem(*name.split(".", 1))
        if sentence is not None:
            raise SettingsError(f"{PREFIX}ACTION_COSTS has a price for {name}, {sentence}")


def _problem(owner: str, slug: str) -> str | None:
    if owner == NATIVE:
        slugs = _native_slugs()
        return None if slug in slugs else f"but there is no built-in action {slug}.{suggest(slug, slugs)}"
    integration = integrations().get(owner)
    if integration is None:
        near = nearest(owner, [NATIVE, *integrations()])
        hint = f"Did you mean {near}?" if near else "`cargo-ai connection integration list` shows them."
        return f"but there is no integration {owner}. {hint}"
    if integration.is_facade:
        return f"which has no effect: another service answers for {integration.name}. Give the price to the action of the one that does."
    slugs = [action.slug for action in integration.actions]
    if integration.language_models is not None:
        slugs.append(TOKENS)
    return None if slug in slugs else f"but {integration.name} has no action {slug}.{suggest(slug, slugs)}"


def _native_slugs() -> list[str]:
    own = [action.slug for package in packages() for action in package.actions if not action.integration]
    return sorted({*own, *(action.slug for action in native_actions())})
