"""An account of a service in a simulator, and attempts of actions in it, as a worker makes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.integrations.kit import ActionRequest, ConnectorAction, FormRequest, Integration, OpenAccount, Service, attempt, integrations
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound.http_client import HttpClient
from tests.kit.conformance.subject import Simulator

Json = Any
Config = dict[str, Json]
SETTINGS = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})


@dataclass
class Account(ABC):
    """The integration, signed in to a simulator. Subclasses name it by `slug`, and say how they sign in by `config`."""

    slug: ClassVar[str]
    simulator: Simulator
    client: HttpClient

    @property
    def integration(self) -> Integration:
        """The integration."""
        return integrations()[self.slug]

    @property
    @abstractmethod
    def config(self) -> Config:
        """The config of a connector."""

    def service(self, config: Config | None = None) -> Service:
        """The service as an action sees it."""
        spec = self.integration.service
        assert spec is not None
        account = OpenAccount(self.integration.account, config or self.config)
        return Service(
            spec if callable(spec.base_url) else replace(spec, base_url=self.simulator.url),
            self.integration.name,
            self.client,
            account=account,
        )

    def form(self) -> FormRequest:
        """What a form asks with."""
        return FormRequest(self.config, self.service())

    def action(self, slug: str) -> ConnectorAction:
        """One of its actions."""
        action = self.integration.action(slug)
        assert action is not None
        return action

    def request(self, config: Config, *, attempt: int = 1, meta: Json = None) -> ActionRequest:
        """One attempt of a node with this config."""
        some = ids.new()
        call = Call(some, None, some, None, some, {}, config, {}, f"{some}:n:1", attempt, meta)
        return ActionRequest(config, self.config, call, self.client, SETTINGS, self.service())

    async def act(self, slug: str, *configs: Config, attempt: int = 1, meta: Json = None) -> Sequence[Outcome]:
        """What becomes of the runs of one batch. ServiceError where the service refuses them as a whole."""
        rows = self.action(slug).rows
        assert rows is not None
        return await rows.perform([self.request(config, attempt=attempt, meta=meta) for config in configs])

    async def outcome(self, slug: str, config: Config) -> Outcome:
        """What becomes of one run."""
        return await attempt(self.action(slug), self.request(config))

    async def done(self, slug: str, config: Config) -> Any:
        """The output of one run that succeeds."""
        outcome = await self.outcome(slug, config)
        assert isinstance(outcome, Done), outcome
        return outcome.output

    async def failed(self, slug: str, config: Config) -> Failed:
        """The failure of one run."""
        outcome = await self.outcome(slug, config)
        assert isinstance(outcome, Failed), outcome
        return outcome
