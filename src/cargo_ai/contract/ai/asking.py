"""What operations share that ask a language model for one answer: which one, what it took, and how it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract.ai.message import MessageUsage
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.fields import Word
from cargo_ai.kernel.operation import RefusalSpec, refusal
from cargo_ai.kernel.wire import Uuid, Wire

Reason = Literal["languageModelMissing", "failedToAskLanguageModel"]

REFUSALS: Mapping[Reason, RefusalSpec] = {
    "languageModelMissing": refusal(400, "{cause}"),
    "failedToAskLanguageModel": refusal(502, "{cause}"),
}


class AsksModel(Wire):
    """Which language model is asked; what is left out is the workspace's first."""

    integration_slug: Annotated[Word | None, AS_THERE_IS] = Field(
        default=None, description="The integration of the language model, such as openAi."
    )
    connector_uuid: Uuid | None = Field(default=None, description="Its connector.")
    language_model_slug: Word | None = Field(default=None, description="The language model.")


class Asked(Wire):
    """What asking took."""

    usage: MessageUsage | None = None
