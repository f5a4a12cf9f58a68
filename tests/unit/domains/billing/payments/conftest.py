"""A server that sells credits through the simulator of Stripe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cargo_ai.domains.billing import allowance
from cargo_ai.domains.workspace import public
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings
from cargo_ai.ledger import balances
from cargo_ai.ledger.balances import Balance
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient, Body
from tests.simulators.running import Running
from tests.simulators.stripe_billing.control import KEY, SECRET, Control, sign
from tests.simulators.stripe_billing.server import application

pytest.importorskip("stripe")

WEBHOOK = "/v1/billing/stripe/webhook"


@pytest.fixture
def stripe() -> Iterator[tuple[Control, str]]:
    """The simulator and its address."""
    control = Control(lambda: int(clock.unix_seconds()))
    with Running(application(control)) as running:
        yield control, running.url


@pytest.fixture
def settings(tmp_path: Path, stripe: tuple[Control, str]) -> Settings:
    """A credit costs two cents."""
    return Settings(
        {
            "CARGO_AI_DATA_DIR": str(tmp_path / "data"),
            "CARGO_AI_STRICT_REFUSALS": "1",
            "STRIPE_API_KEY": KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "CARGO_AI_CREDIT_PRICE_CENTS": "2",
            "CARGO_AI_SERVICE_ADDRESSES": f"stripe={stripe[1]}",
        }
    )


@dataclass
class Shop:
    """The workspace that buys, the server, and Stripe."""

    api: ApiClient
    http: httpx.AsyncClient
    control: Control
    state: State
    first: public.Bootstrap

    async def deliver(self, *events: Body) -> list[int]:
        """Events arrive, in this order; the statuses of the answers."""
        statuses: list[int] = []
        for event in events:
            body, header = sign(event, int(clock.unix_seconds()))
            statuses.append((await self.http.post(WEBHOOK, content=body, headers={"Stripe-Signature": header})).status_code)
        return statuses

    async def subscription(self) -> Body:
        """As the operation shows it."""
        subscription: Body = (await self.api.call("billing.subscription.get"))["subscription"]
        return subscription

    async def balance(self) -> Balance:
        """As the ledger has it."""
        async with self.state.database.session(self.first.workspace_uuid) as db:
            return await balances.balance_of(await driver_connection(db), self.first.workspace_uuid)

    async def with_card(self, card: str = "pm_card_visa") -> None:
        """The workspace has a card."""
        assert (await self.api.call("billing.subscription.updatePaymentMethod", paymentMethodId=card))["ok"]

    async def row(self) -> Any:
        """The workspace's row."""
        async with self.state.database.session(self.first.workspace_uuid) as db:
            return await allowance.find(db, self.first.workspace_uuid)


@pytest.fixture
def shop(api: ApiClient, client: httpx.AsyncClient, stripe: tuple[Control, str], state: State, first_workspace: public.Bootstrap) -> Shop:
    """Of the first workspace."""
    return Shop(api, client, stripe[0], state, first_workspace)
