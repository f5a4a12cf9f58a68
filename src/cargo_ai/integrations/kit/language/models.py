"""Language models of a service: which there are, as the service lists them, and what is known of them besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from cargo_ai.integrations.kit.calls.service_call import Service
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.forms import Form

Json = Any
Protocol = Literal["openai", "responses", "anthropic"]
"""Whose HTTP a service speaks: OpenAI's chat completions or responses, or Anthropic's messages."""


class Interface(Form):
    """Which of its two interfaces a service of OpenAI's kind is asked by."""

    interface: Annotated[
        Literal["chatCompletions", "responses"],
        Field(
            title="Interface",
            description="By `responses`, models that reason keep their thoughts between calls of tools.",
        ),
    ] = "chatCompletions"


@dataclass(frozen=True, slots=True)
class Size:
    """What the vendor says of a model: tokens that go in and out at once (0: it does not say), and whether it reasons before it answers."""

    context: int = 0
    output: int = 0
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model that can be asked."""

    slug: str
    name: str
    size: Size = Size()


def _every(_slug: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModels:
    """The language models of a service.

    protocol: whose HTTP it speaks. path, completion: where they are listed and asked. embeddings: where texts are turned into vectors, as
    OpenAI does it; "": nowhere. sizes: what is known of models, by the beginning of
    their slugs; the longest that fits counts. chats: whether a listed model answers messages, of a service that lists others, too.
    """

    protocol: Protocol
    path: str = "/models"
    completion: str = "/chat/completions"
    embeddings: str = ""
    sizes: Mapping[str, Size] = field(default_factory=dict[str, Size])
    chats: Callable[[str], bool] = _every

    def asked_by(self, account: Mapping[str, Json]) -> tuple[Protocol, str]:
        """By which protocol an account's models are asked, and where."""
        if self.protocol == "openai" and account.get("interface") == "responses":
            return "responses", "/responses"
        return self.protocol, self.completion

    async def list(self, service: Service) -> list[LanguageModel]:
        """The models that the account may ask, by slug. ServiceError where the service does not tell."""
        answer = await service.get(self.path, query={"limit": 1000} if self.protocol == "anthropic" else None)
        listed: Json = list(at(answer.body, "data"))
        entries = cast("list[Json]", listed[0]) if listed and isinstance(listed[0], list) else []
        models = [self._model(cast("dict[str, Json]", entry)) for entry in entries if isinstance(entry, dict) and "id" in entry]
        return sorted((model for model in models if self.chats(model.slug)), key=lambda model: model.slug)

    def _model(self, entry: Mapping[str, Json]) -> LanguageModel:
        # Gemini lists its models by their resource names.
        slug = str(entry["id"]).removeprefix("models/")
        fitting = max((begin for begin in self.sizes if slug.startswith(begin)), key=len, default=None)
        return LanguageModel(slug, str(entry.get("display_name") or slug), Size() if fitting is None else self.sizes[fitting])
