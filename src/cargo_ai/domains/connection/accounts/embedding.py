"""Embed texts with a connector's account: signed in, within its rate limits, with the vectors checked."""

from __future__ import annotations

import math
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.account_service import open_service
from cargo_ai.domains.connection.accounts.accounts import Accounts
from cargo_ai.domains.connection.accounts.asking import TOKENS
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.domains.connection.external_secrets.reference import SecretUnavailable
from cargo_ai.engine.graph import price
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.engine.graph.price import Costs
from cargo_ai.integrations.kit import AccountHalted, ServiceError, Throttled
from cargo_ai.kernel.secrets import WrongKey

Json = Any
MAX_DIMENSIONS = 4_096


class NotEmbedded(Exception):
    """The texts have no vectors; the message is for people. seconds: when to ask again, for what may pass."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class NoEmbeddings(NotEmbedded):
    """The service embeds no texts. name: of the service."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no endpoint for embeddings.")
        self.name = name


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of length 1, in the order of the texts, and the tokens that they took."""

    vectors: Sequence[Sequence[float]]
    tokens: int


@dataclass(frozen=True, slots=True)
class EmbeddingService:
    """A service that embeds texts, as one account. costs: of tokens, where the account is the installation's."""

    name: str
    connector: uuid.UUID
    integration_slug: str
    costs: Costs
    _ask: Callable[[Json, float], Awaitable[Json]]

    def credits(self, tokens: int) -> float:
        """What these tokens cost."""
        return price.of_success(self.costs, {}, {"tokens": tokens}) if self.costs and tokens else 0.0

    async def embed(self, model: str, texts: Sequence[str], *, dimensions: int | None = None, seconds: float = 60) -> Embedded:
        """The vectors of texts, each with this number of dimensions. NotEmbedded."""
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        try:
            answer = await self._ask(body, seconds)
        except Throttled as error:
            raise NotEmbedded(f"{self.name} takes no more calls now ({error.reason}).", error.seconds) from None
        except ServiceError as error:
            raise NotEmbedded(str(error), (error.retry_after or 10.0) if error.transient else None) from None
        except AccountHalted as error:
            raise NotEmbedded(f"The connector of {self.name} does not work now: {error}") from None
        except (WrongKey, InvalidConfig) as error:
            raise NotEmbedded(f"The connector of {self.name} cannot be used: {error}") from None
        except SecretUnavailable as error:
            raise NotEmbedded(str(error), 10.0 if error.transient else None) from None
        try:
            return _read(answer, len(texts), dimensions)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise NotEmbedded(f"{self.name} answered with something else than vectors: {str(error)[:150]}.") from None


def _read(answer: Json, count: int, dimensions: int | None) -> Embedded:
    body = cast("Mapping[str, Json]", answer) if isinstance(answer, dict) else dict[str, Json]()
    entries = cast("list[dict[str, Json]]", body.get("data") or [])
    if len(entries) != count:
        raise ValueError(f"{len(entries)} vectors for {count} texts")
    vectors = [_unit(entry["embedding"]) for entry in sorted(entries, key=lambda entry: int(entry.get("index", 0)))]
    sizes = {len(vector) for vector in vectors}
    if len(sizes) > 1 or max(sizes) > MAX_DIMENSIONS:
        raise ValueError(f"vectors of {', '.join(map(str, sorted(sizes)))} dimensions; all must have one number, {MAX_DIMENSIONS} at most")
    if dimensions is not None and sizes != {dimensions}:
        raise ValueError(f"vectors of {max(sizes)} dimensions, where there were {dimensions} before")
    usage = cast("Mapping[str, Json]", body.get("usage") or {})
    return Embedded(vectors, int(usage.get("total_tokens") or usage.get("prompt_tokens") or 0))


def _unit(vector: Json) -> list[float]:
    numbers = [float(number) for number in cast("list[Json]", vector)]
    length = math.sqrt(sum(number * number for number in numbers))
    if not math.isfinite(length) or length == 0:
        raise ValueError("a vector without a direction")
    return [number / length for number in numbers]


async def embedding_service(services: Services, workspace: uuid.UUID, connector: uuid.UUID) -> EmbeddingService:
    """The service of a connector. NoEmbeddings where it has none; NotEmbedded where the account cannot be used."""
    try:
        account = await services.once(Accounts, lambda: Accounts(services)).of_connector(workspace, str(connector))
    except (WrongKey, InvalidConfig) as error:
        raise NotEmbedded(f"The connector of the embedder cannot be used: {error}") from None
    except SecretUnavailable as error:
        raise NotEmbedded(str(error), 10.0 if error.transient else None) from None
    if account is None:
        raise NotEmbedded(f"There is no connector {connector}: it was removed.")
    integration = await known_integrations(services).find(workspace, account.integration_slug)
    models = None if integration is None else integration.language_models
    if integration is None or models is None or not models.embeddings:
        raise NoEmbeddings(account.integration_slug if integration is None else integration.name)
    if account.halt is not None:
        raise NotEmbedded(f"The connector of {integration.name} does not work now ({account.halt}).")
    service = open_service(services, workspace, integration, account, action="embed")
    path = models.embeddings

    async def ask(body: Json, seconds: float) -> Json:
        # Asking again costs tokens and changes nothing.
        return (await service.call("POST", path, json=body, reads=True, timeout=seconds)).body

    costs = services.settings.action_costs.get(f"{account.integration_slug}.{TOKENS}", ()) if account.use_credits else ()
    return EmbeddingService(integration.name, account.uuid, account.integration_slug, costs, ask)
