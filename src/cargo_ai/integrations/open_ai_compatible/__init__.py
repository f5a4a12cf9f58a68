"""Services that speak OpenAI's HTTP: Ollama, vLLM, llama.cpp and others, at an address of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any

from pydantic import Field

from cargo_ai.integrations.kit import Anonymous, Bearer, ErrorRule
from cargo_ai.integrations.kit.language.integration import Vendor, language_integration
from cargo_ai.integrations.kit.language.models import Interface, LanguageModels
from cargo_ai.kernel.schemas.validation_errors import WEB_ADDRESS


class Address(Interface):
    """Where it answers."""

    base_url: Annotated[
        str,
        Field(
            max_length=2_000, title="Address", description="With the version: http://127.0.0.1:11434/v1 is Ollama's.", pattern=WEB_ADDRESS
        ),
    ]


def _address(config: Mapping[str, Any]) -> str:
    return str(config.get("baseUrl", ""))


INTEGRATION = language_integration(
    Vendor(
        slug="openAiCompatible",
        name="OpenAI-compatible service",
        color="#475569",
        url="https://platform.openai.com/docs/api-reference/chat",
        keys="the service",
        base_url=_address,
        sign_ins=(Bearer(field="apiKey", title="API key", description="Where the service asks for a key."), Anonymous()),
        fields=Address,
        bound_to=("baseUrl",),
        models=LanguageModels(protocol="openai", embeddings="/embeddings"),
        errors=(
            ErrorRule(
                "fail",
                status=404,
                message="It knows no such address or model: the address ends with the version, mostly /v1. It says: {said}",
                reason="notFound",
            ),
        ),
        documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
    )
)
