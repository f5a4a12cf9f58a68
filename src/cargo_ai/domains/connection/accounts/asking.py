"""Call language models with a connector's account: signed in, within its rate limits, with its errors explained."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.accounts.account_service import open_service
from cargo_ai.domains.connection.accounts.accounts import Accounts
from cargo_ai.domains.connection.custom.known import known_integrations
from cargo_ai.engine.graph import price
from cargo_ai.engine.graph.price import Costs
from cargo_ai.integrations.kit import ServiceError
from cargo_ai.integrations.kit.calls.body import one_line
from cargo_ai.integrations.kit.language.models import Protocol
from cargo_ai.integrations.kit.secret_texts import scrub
from cargo_ai.llm.transport import EVENTS, Call, Events

Json = Any
TOKENS = "tokens"
"""By this name instead of an action's, tokens of an integration's language models have a price."""
SECONDS = 300.0
"""How long an answer may take: long ones are written for minutes."""


_STREAMED = {"accept": EVENTS, "accept-encoding": "identity"}


class NotConnected(Exception):
    """No account can be asked; the message is for the user."""


@dataclass(frozen=True, slots=True)
class LanguageModelService:
    """A service that has language models, as one account. `ask`: (body of a request) → body of its answer. ServiceError, Throttled.
    costs: of tokens, where the account is the installation's."""

    protocol: Protocol
    name: str
    connector: uuid.UUID
    ask: Call
    integration_slug: str = ""
    costs: Costs = ()

    def credits(self, tokens: int) -> float:
        """What these tokens cost."""
        return price.of_success(self.costs, {}, {"tokens": tokens}) if self.costs and tokens else 0.0


async def language_model_service(
    services: Services, workspace: uuid.UUID, integration_slug: str, connector: str | None
) -> LanguageModelService:
    """The service that a release names; without a connector, as the integration's default account.

    NotConnected says what is missing. WrongKey, SecretUnavailable where the account's secrets cannot be had.
    """
    integration = await known_integrations(services).find(workspace, integration_slug)
    if integration is None or integration.language_models is None:
        raise NotConnected(f"There is no language model of {integration_slug or 'an integration without a name'}.")
    account = await services.once(Accounts, lambda: Accounts(services)).of_integration(workspace, connector, integration_slug)
    if account is None:
        raise NotConnected(f"This workspace has no connector {f'{connector} ' if connector else ''}of {integration.name}.")
    if account.integration_slug != integration_slug:
        raise NotConnected(f"The connector {connector} is one of {account.integration_slug}, not of {integration_slug}.")
    if account.halt is not None:
        raise NotConnected(f"The connector of {integration.name} does not work now ({account.halt}).")
    service = open_service(services, workspace, integration, account, action="instruct")
    signed_in: Mapping[str, Json] = service.account.config if service.account is not None else {}
    protocol, completion = integration.language_models.asked_by(signed_in)

    async def ask(body: Json, events: Events | None = None) -> Json:
        # Asking again costs tokens and changes nothing.
        if events is None:
            return (await service.call("POST", completion, json=body, reads=True, timeout=SECONDS)).body
        answer = await service.call(
            "POST", completion, json=body, reads=True, timeout=SECONDS, headers=_STREAMED, expect="text", listener=events
        )
        return None if events.begun else _whole(answer.body, integration.name, account.sensitive)

    costs = services.settings.action_costs.get(f"{integration_slug}.{TOKENS}", ()) if account.use_credits else ()
    return LanguageModelService(protocol, integration.name, account.uuid, ask, integration_slug, costs)


def _whole(text: str, name: str, sensitive: tuple[str, ...]) -> Json:
    """The answer of a service that sends no events though it was asked to: JSON, or the text of events that came as one."""
    try:
        return json.loads(text)
    except ValueError:
        if "data:" in text:
            return text
        said = one_line(text, lambda said: scrub(said, sensitive), 200)
        sentence = f"{name} answered with something that is not JSON: {said}" if said else f"{name} answered with an empty body."
        raise ServiceError(sentence, transient=True, reason="notJson") from None
