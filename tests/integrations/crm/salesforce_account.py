"""A Salesforce org in a simulator."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cargo_ai.outbound import http_client
from tests.kit.account import SETTINGS, Account, Config
from tests.simulators.salesforce.control import Control
from tests.simulators.salesforce.server import Running


@dataclass
class Salesforce(Account):
    """The integration, signed in to a simulator."""

    slug = "salesforce"

    @property
    def config(self) -> Config:
        """The config of a connector."""
        return {"method": "accessToken", "domain": self.simulator.url, "sessionToken": self.simulator.key}

    @property
    def control(self) -> Control:
        """The control of the simulator."""
        return self.simulator.control


@asynccontextmanager
async def org(simulator: Running) -> AsyncGenerator[Salesforce]:
    """A new org in a simulator."""
    simulator.control.reset()
    async with http_client.client(SETTINGS) as client:
        yield Salesforce(simulator, client)
