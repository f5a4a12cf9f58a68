"""Durations: how long the rate limits of connectors delay the calls of a batch."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.contract.orchestration.dry_run import LimitForecast
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.dry_run.ranges import NodeKey
from cargo_ai.engine.limits.policy import Policy
from cargo_ai.kernel import ids


def seconds(calls: int, policy: Policy) -> float:
    """From the first of this many calls to the last one, if nothing but the limit delays them."""
    if policy.strategy == "burst":
        return max(0, calls - 1) // policy.max * policy.window()
    return max(0, calls - policy.at_once) * policy.spacing()


async def forecast(
    db: AsyncSession, least: Mapping[NodeKey, int], most: Mapping[NodeKey, int], seen: Mapping[NodeKey, Mapping[str, Any]]
) -> list[LimitForecast]:
    """What the limit of each connector does to the calls of its nodes, the slowest first."""
    calls: dict[uuid.UUID, Counter[str]] = {}
    for place, raw in seen.items():
        if raw.get("kind") == "connector":
            uid = ids.parse(str(raw.get("connectorUuid") or ""))
            connector = uid or await connection.default_connector(db, str(raw.get("integrationSlug")))
            if connector is not None:
                calls.setdefault(connector, Counter()).update({"least": least.get(place, 0), "most": most.get(place, 0)})
    limits = await connection.limits(db, list(calls))
    forecasts = [
        LimitForecast(
            connector_uuid=str(uid),
            name=name,
            calls_min=calls[uid]["least"],
            calls_max=calls[uid]["most"],
            seconds_min=round(seconds(calls[uid]["least"], policy), 3),
            seconds_max=round(seconds(calls[uid]["most"], policy), 3),
        )
        for uid, (name, policy) in limits.items()
    ]
    return sorted(forecasts, key=lambda limit: -limit.seconds_max)
