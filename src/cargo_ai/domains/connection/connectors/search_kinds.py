"""Search kinds of connection: connectors by name."""

from __future__ import annotations

from cargo_ai.context.search_kinds import named
from cargo_ai.domains.connection.tables import Connector

KINDS = (
    named(
        "connector", "connection:read", uid=Connector.uuid, name=Connector.name, slug=Connector.slug, living=Connector.deleted_at.is_(None)
    ),
)
