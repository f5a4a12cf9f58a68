"""Language models of a connector: those by which agents may be answered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid, Wire


class GetLanguageModels(Wire):
    """A connector of a service that has language models."""

    connector_uuid: Uuid = Field(description="The connector.")
    refresh: bool = Field(default=False, description="Ask the service even if its answer of the last 30 minutes is known.")


class LanguageModel(Wire):
    """A language model. Of limits that the vendor does not tell, the number is 0."""

    name: str
    slug: str
    description: str
    context_window_tokens_limit: int
    output_tokens_limit: int
    is_reasoning: bool


class LanguageModelsReply(Wire):
    """The language models, by slug."""

    language_models: list[LanguageModel]


Reason = Literal["connectorNotFound", "integrationNotFound", "languageModelsNotSupported", "failedToGetLanguageModels"]

get: Operation[GetLanguageModels, LanguageModelsReply, Reason] = operations.add(
    Operation(
        "connection.connector.getLanguageModels",
        "GET",
        "/connection/connectors/{connectorUuid}/languageModels",
        request=GetLanguageModels,
        response=LanguageModelsReply,
        summary="List the language models that the account of a connector may ask.",
        permission="connection:read",
        refusals={
            "connectorNotFound": refusal(404, "There is no connector {connector} in this workspace."),
            "integrationNotFound": refusal(404, "{said}"),
            "languageModelsNotSupported": refusal(400, "{name} has no language models."),
            "failedToGetLanguageModels": refusal(502, "The language models could not be listed: {said}"),
        },
        cli=Cli(examples=("cargo-ai connection connector get-language-models UUID",)),
    )
)
