"""The actions of Instantly, by what they are about."""

from __future__ import annotations

from cargo_ai.integrations.instantly_v2.actions import add_lead, campaigns, leads
from cargo_ai.integrations.kit import ConnectorAction

ACTIONS: tuple[ConnectorAction, ...] = (
    add_lead.ACTION,
    leads.FIND,
    leads.UPDATE_STATUS,
    leads.DELETE,
    campaigns.LIST,
    campaigns.SET_STATUS,
    campaigns.ANALYTICS,
)
