"""Plug: gives workers the effect of connector nodes."""

from __future__ import annotations

from cargo_ai.context.plugins import Parts, plugin
from cargo_ai.domains.connection.connector_action import ConnectorNodes


@plugin
def plug(parts: Parts) -> None:
    """Let workers carry out nodes of kind `connector`."""
    nodes = ConnectorNodes(parts.database, parts.secrets, parts.settings, parts.client)
    parts.actions.effects["connector"] = nodes.perform
