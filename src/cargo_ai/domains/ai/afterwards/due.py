"""When follow-up work on an answer is due, and when the next heartbeat of its chat is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cargo_ai.domains.ai.chats.effective import Plan
from cargo_ai.kernel import clock

SUGGESTS = "suggestedActions"
"""The capability by which answers come with suggestions."""


def due(plan: Plan) -> datetime | None:
    """From when on something is to be done after an answer with this plan; None: nothing is."""
    return clock.now() if plan.evaluator or plan.heartbeat or SUGGESTS in plan.capabilities else None


def beats(trigger: Mapping[str, Any]) -> bool:
    """Whether agents are asked again in chats of this kind. Those of workflows and of other agents wait for one answer only."""
    return trigger.get("type") != "workflow" and not trigger.get("messageUuid")


def next_beat(plan: Plan, trigger: Mapping[str, Any], beats_so_far: int) -> datetime | None:
    """When the agent is asked again by itself; None: not any more."""
    heartbeat = plan.heartbeat
    if heartbeat is None or not beats(trigger) or beats_so_far >= int(heartbeat["maxMessages"]):
        return None
    return clock.now() + timedelta(minutes=float(heartbeat["intervalMinutes"]))
