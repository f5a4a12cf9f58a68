"""Ledger: an integration of tests that writes rows to a counting service, in calls of 100 and one by one, repeatable and not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cargo_ai.engine.graph.action import Idempotency
from cargo_ai.integrations.kit import (
    AccountSpec,
    Action,
    ActionRequest,
    ConnectorAction,
    Done,
    Form,
    Integration,
    Outcome,
    RowBatch,
    ServiceSpec,
    schema_of,
)


class LedgerAccount(Form):
    """Where it is."""

    base_url: str


class Entry(Form):
    """What is written."""

    value: Any = None


async def write_one(request: ActionRequest) -> Outcome:
    """One row in a call."""
    await request.service.post("/one", json={"rows": [_row(request)]})
    return Done({"repeated": request.call.repeated})


async def write_many(requests: Sequence[ActionRequest]) -> Sequence[Outcome]:
    """The rows of a call, in order."""
    await requests[0].service.post("/many", json={"rows": [_row(request) for request in requests]})
    return [Done({"repeated": request.call.repeated}) for request in requests]


def _row(request: ActionRequest) -> dict[str, Any]:
    return {"key": request.call.key, "value": request.form(Entry).value}


def _action(idempotency: Idempotency, *, rows: bool) -> ConnectorAction:
    slug = f"{'writeMany' if rows else 'writeOne'}{idempotency.capitalize()}"
    return Action(
        slug=slug,
        kind="connector",
        name=slug,
        description="Writes a row.",
        does="acts",
        config_schema=schema_of(Entry),
        perform=None if rows else write_one,
        rows=RowBatch(write_many, max=100) if rows else None,
        idempotency=idempotency,
        hint="writes",
    )


CLASSES: tuple[Idempotency, ...] = ("key", "upsert", "readback", "none")
INTEGRATION = Integration(
    slug="ledger",
    name="Ledger",
    description="Counts what is written.",
    icon="<svg/>",
    color="#000000",
    url="https://example.com",
    category="custom",
    account=AccountSpec(fields=LedgerAccount),
    service=ServiceSpec(base_url=lambda config: str(config["baseUrl"])),
    actions=tuple(_action(idempotency, rows=rows) for idempotency in CLASSES for rows in (False, True)),
    documentation="",
)
