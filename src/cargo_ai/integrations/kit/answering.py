"""Facade actions: a connector of another service acts in place of this one, and the output names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cargo_ai.engine.graph.action import Done, InvalidConfig, Outcome
from cargo_ai.integrations.kit.integration import integrations
from cargo_ai.integrations.kit.request import ActionRequest

Json = Any
Output = Mapping[str, Json]

ANSWERED_BY: Mapping[str, Json] = {
    "type": "object",
    "properties": {"integrationSlug": {"type": "string"}, "connectorUuid": {"type": "string"}, "note": {"type": "string"}},
}
"""The schema of who has answered."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """A service that can answer. action, config: what it is asked. translate: its output in the words of the facade."""

    slug: str
    action: str
    config: Mapping[str, Json]
    translate: Callable[[Json], Output]


@dataclass(frozen=True, slots=True)
class Facade:
    """Why another service answers, as a clause; and what the account of the facade has chosen: a service, a connector, or neither."""

    because: str
    provider: str = ""
    connector_uuid: str = ""


async def answer(request: ActionRequest, facade: Facade, answerers: Sequence[Answerer]) -> Outcome:
    """The answer of the connector that is configured, else of the first service of which the workspace has one."""
    fitting = [one for one in answerers if facade.provider in ("", one.slug)]
    if not fitting:
        raise InvalidConfig(f"{_name(facade.provider)} cannot answer this: set `provider` of the connector to {_names(answerers)}.")
    other = await request.others.choose([one.slug for one in fitting], facade.connector_uuid)
    if other is None:
        how = f"`cargo-ai connection connector create --integration-slug {fitting[0].slug} …`"
        raise InvalidConfig(f"{facade.because}; another service answers in its place: make a connector of {_names(fitting)} with {how}.")
    chosen = next(one for one in fitting if one.slug == other.integration)
    outcome = await request.others.act(other, chosen.action, chosen.config)
    if not isinstance(outcome, Done):
        return outcome
    name = _name(chosen.slug)
    by = {
        "integrationSlug": chosen.slug,
        "connectorUuid": other.uuid,
        "note": f"Answered by {name} through the connector {other.name}: {facade.because}.",
    }
    return replace(outcome, output={**chosen.translate(outcome.output), "answeredBy": by}, title=f"{outcome.title} ({name})")


def _name(slug: str) -> str:
    return integrations()[slug].name


def _names(answerers: Sequence[Answerer]) -> str:
    return " or ".join(_name(one.slug) for one in answerers)
