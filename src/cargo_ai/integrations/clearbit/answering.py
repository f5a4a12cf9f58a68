"""What all actions do: ask a connector of another service, give its answer in Clearbit's words, and say who has answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cargo_ai.integrations.clearbit.account import Answering
from cargo_ai.integrations.clearbit.providers import Provider
from cargo_ai.integrations.kit import ActionRequest, Done, InvalidConfig, Outcome, integrations, read

Json = Any

CLOSED = "Clearbit takes no new customers"


async def answer(request: ActionRequest, value: str, providers: Sequence[Provider]) -> Outcome:
    """The answer of the connector that is configured, else of the first service of which the workspace has one."""
    chosen = read(Answering, request.connector_config) if request.connector_config else Answering()
    fitting = [provider for provider in providers if chosen.provider in ("", provider.slug)]
    if not fitting:
        raise InvalidConfig(f"{_name(chosen.provider)} cannot answer this: set `provider` of the connector to {_names(providers)}.")
    other = await request.others.choose([provider.slug for provider in fitting], chosen.connector_uuid)
    if other is None:
        how = f"`cargo-ai connection connector create --integration-slug {fitting[0].slug} …`"
        raise InvalidConfig(f"{CLOSED}; another service answers in its place: make a connector of {_names(fitting)} with {how}.")
    provider = next(provider for provider in fitting if provider.slug == other.integration)
    outcome = await request.others.act(other, provider.action, provider.config(value))
    if not isinstance(outcome, Done):
        return outcome
    record = provider.record(outcome.output)
    name = _name(provider.slug)
    by = {
        "integrationSlug": provider.slug,
        "connectorUuid": other.uuid,
        "note": f"Answered by {name} through the connector {other.name}: {CLOSED}.",
    }
    output = {"found": record is not None, **provider.answer(record), "answeredBy": by}
    return replace(outcome, output=output, title=f"{outcome.title} ({name})")


def _name(slug: str) -> str:
    return integrations()[slug].name


def _names(providers: Sequence[Provider]) -> str:
    return " or ".join(_name(provider.slug) for provider in providers)
