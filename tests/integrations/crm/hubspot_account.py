"""A HubSpot account in a simulator."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cargo_ai.outbound import http_client
from tests.kit.account import SETTINGS, Account, Config
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.records import ObjectType
from tests.simulators.hubspot.server import Running


@dataclass
class HubSpot(Account):
    """The integration, signed in to a simulator."""

    slug = "hubspot"

    @property
    def config(self) -> Config:
        """The config of a connector."""
        return {"method": "privateApp", "accessToken": self.simulator.key}

    @property
    def control(self) -> Control:
        """The control of the simulator."""
        return self.simulator.control

    def records(self, object_type: str) -> ObjectType:
        """What the account holds."""
        return self.control.account.type_named(object_type)

    def values(self, object_type: str) -> list[dict[str, str]]:
        """The values of each record of a type."""
        return [record.values for record in self.records(object_type).records.values() if not record.archived]


@asynccontextmanager
async def account(simulator: Running) -> AsyncGenerator[HubSpot]:
    """A new account in a simulator."""
    simulator.control.reset()
    async with http_client.client(SETTINGS) as client:
        yield HubSpot(simulator, client)
