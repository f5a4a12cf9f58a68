"""Language models of connectors: list them, as their services do, and remember the answer for half an hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Never, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.connection import language_model as contract
from cargo_ai.domains.connection.connectors.connector_form import LIST, Unanswered, open_form
from cargo_ai.integrations.kit import FormRequest

Json = Any


@dataclass(frozen=True, slots=True)
class _Asked:
    connector_uuid: str
    refresh: bool
    slug: str = "languageModels"

    @property
    def params(self) -> dict[str, Json]:
        return {}


async def prepare(prepared: Preparation, request: contract.GetLanguageModels) -> list[Json]:
    """The models, before any transaction."""

    def missing(said: str) -> Never:
        contract.get.refuse("integrationNotFound", said=said)

    form = await open_form(prepared, request.connector_uuid, missing)
    if form is None:
        contract.get.refuse("connectorNotFound", connector=request.connector_uuid, fix=LIST)
    models = form.integration.language_models
    if models is None:
        contract.get.refuse("languageModelsNotSupported", name=form.integration.name)

    async def perform(asked: FormRequest) -> list[Json]:
        return [
            {
                "name": model.name,
                "slug": model.slug,
                "description": "",
                "contextWindowTokensLimit": model.size.context,
                "outputTokensLimit": model.size.output,
                "isReasoning": model.size.reasons,
            }
            for model in await models.list(asked.service)
        ]

    try:
        return cast("list[Json]", await form.remembered("languageModels", _Asked(request.connector_uuid, request.refresh), "", perform))
    except Unanswered as error:
        contract.get.refuse("failedToGetLanguageModels", said=str(error))


@handles(contract.get, before=prepare)
async def get(ctx: Context, request: contract.GetLanguageModels) -> contract.LanguageModelsReply:
    """What was prepared."""
    models = cast("list[dict[str, Json]]", ctx.prepared)
    return contract.LanguageModelsReply(language_models=[contract.LanguageModel.model_validate(model) for model in models])
