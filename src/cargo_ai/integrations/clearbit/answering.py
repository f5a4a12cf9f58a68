"""Actions of Clearbit: ask a connector of another service, and return its answer under Clearbit's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cargo_ai.integrations.clearbit.account import Answering
from cargo_ai.integrations.clearbit.providers import Provider
from cargo_ai.integrations.kit import ActionRequest, Outcome, read
from cargo_ai.integrations.kit.answering import Answerer, Facade, answer

Json = Any

CLOSED = "Clearbit takes no new customers"


async def answered(request: ActionRequest, value: str, providers: Sequence[Provider]) -> Outcome:
    """The answer of another service about this domain or address."""
    chosen = read(Answering, request.connector_config) if request.connector_config else Answering()
    facade = Facade(CLOSED, chosen.provider, chosen.connector_uuid)
    answerers = [Answerer(one.slug, one.action, one.config(value), _in_clearbits_words(one)) for one in providers]
    return await answer(request, facade, answerers)


def _in_clearbits_words(provider: Provider) -> Callable[[Json], Mapping[str, Json]]:
    def translate(output: Json) -> Mapping[str, Json]:
        record = provider.record(output)
        return {"found": record is not None, **provider.answer(record)}

    return translate
