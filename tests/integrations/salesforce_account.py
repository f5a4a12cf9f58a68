"""A Salesforce org in a simulator, and attempts of actions in it, as a worker makes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.integrations.kit import ActionRequest, FormRequest, Integration, OpenAccount, Service, attempt, integrations
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.outbound.http_client import HttpClient
from tests.simulators.salesforce.control import Control
from tests.simulators.salesforce.server import Running

Json = Any
Config = dict[str, Json]
SETTINGS = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})


@dataclass
class Salesforce:
    """The integration, signed in to a simulator."""

    simulator: Running
    client: HttpClient

    @property
    def integration(self) -> Integration:
        """The integration."""
        return integrations()["salesforce"]

    @property
    def control(self) -> Control:
        """The control of the simulator."""
        return self.simulator.control

    @property
    def account(self) -> Config:
        """The config of a connector."""
        return {"method": "accessToken", "domain": self.simulator.url, "sessionToken": self.simulator.key}

    def service(self) -> Service:
        """The service as an action sees it."""
        spec = self.integration.service
        assert spec is not None
        return Service(spec, self.integration.name, self.client, account=OpenAccount(self.integration.account, self.account))

    def form(self) -> FormRequest:
        """What a form asks with."""
        return FormRequest(self.account, self.service())

    def request(self, config: Config) -> ActionRequest:
        """One attempt of a node with this config."""
        some = ids.new()
        call = Call(some, None, some, None, some, {}, config, {}, f"{some}:n:1", 1)
        return ActionRequest(config, self.account, call, self.client, SETTINGS, self.service())

    async def act(self, slug: str, *configs: Config) -> Sequence[Outcome]:
        """What becomes of the runs of one batch. ServiceError where Salesforce refuses them as a whole."""
        action = self.integration.action(slug)
        assert action is not None and action.rows is not None
        return await action.rows.perform([self.request(config) for config in configs])

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

    async def outcome(self, slug: str, config: Config) -> Outcome:
        """What becomes of one run."""
        action = self.integration.action(slug)
        assert action is not None
        return await attempt(action, self.request(config))


@asynccontextmanager
async def org(simulator: Running) -> AsyncGenerator[Salesforce]:
    """A new org in a simulator."""
    simulator.control.reset()
    async with http_client.client(SETTINGS) as client:
        yield Salesforce(simulator, client)
