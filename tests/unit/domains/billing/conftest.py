"""A workspace that uses credits: what charges and grants would write, without running workflows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cargo_ai.domains.workspace import public
from cargo_ai.kernel import ids
from cargo_ai.ledger import labels, transfers
from cargo_ai.ledger.labels import Label, Used
from cargo_ai.ledger.transfers import Transfer
from cargo_ai.server.api.state import State
from cargo_ai.store.driver import driver_connection
from tests.kit.api_client import ApiClient

HUNTER = "integration.hunter.action.findEmail"


@dataclass
class Spender:
    """Uses and is given credits of one workspace."""

    state: State
    workspace: uuid.UUID

    def label(self, slug: str = HUNTER, **parts: Any) -> Label:
        """What usage is for."""
        return Label(self.workspace, parts.pop("unit", "billing.credits"), slug, **parts)

    async def use(self, credits: float, label: Label | None = None, *, at: datetime | None = None, pays: str = "overage") -> None:
        """Charge credits: from the account that pays, or without credits."""
        async with self.state.database.session(self.workspace) as db:
            connection = await driver_connection(db)
            source = await transfers.account(connection, self.workspace, pays)  # type: ignore[arg-type]
            target = await transfers.account(connection, self.workspace, "usage")
            transfer = Transfer(self.workspace, str(ids.new()), source, target, Decimal(str(credits)), "charge", label or self.label())
            await transfers.post(connection, transfer, at)
            await db.commit()

    async def count(self, number: int, label: Label, at: datetime) -> None:
        """Count executions."""
        async with self.state.database.session(self.workspace) as db:
            connection = await driver_connection(db)
            key = (self.workspace, at.astimezone(UTC).date(), label.uuid)
            await labels.add_usage(connection, {label: label.uuid}, {key: Used(Decimal(0), number)}, 0)
            await db.commit()


@pytest.fixture
def spender(state: State, first_workspace: public.Bootstrap) -> Spender:
    """Of the first workspace."""
    return Spender(state, first_workspace.workspace_uuid)


@pytest.fixture
def other_api(other_client: Any) -> ApiClient:
    """Calls operations as the admin of another workspace."""
    return ApiClient(other_client)
