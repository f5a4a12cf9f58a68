"""Prices: what actions cost in this installation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cargo_ai.engine.graph.action import Action, Call
from cargo_ai.engine.graph.price import Costs
from cargo_ai.kernel.settings import Settings


def costs_of(settings: Settings, integration: str, action: Action[Any]) -> Costs:
    """What an action costs: as the operator has set it, else as it declares. `integration`: its slug, "" for native actions."""
    return settings.action_costs.get(f"{integration or 'native'}.{action.slug}", action.costs)


def priced(settings: Settings, action: Action[Call]) -> Action[Call]:
    """The action with what it costs here."""
    costs = costs_of(settings, action.integration, action)
    return action if costs is action.costs else replace(action, costs=costs)
