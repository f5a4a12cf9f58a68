"""The actions of Smartlead, by what they are about."""

from __future__ import annotations

from cargo_ai.integrations.kit import ConnectorAction
from cargo_ai.integrations.smartlead.actions import add_lead, campaigns, leads

ACTIONS: tuple[ConnectorAction, ...] = (
    add_lead.ACTION,
    leads.FIND,
    leads.UPDATE_STATUS,
    leads.SET_CATEGORY,
    campaigns.LIST,
    campaigns.STATISTICS,
    campaigns.ANALYTICS,
)
