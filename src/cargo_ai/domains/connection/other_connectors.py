"""Other connectors: an action of a facade acts by those of its run's workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from cargo_ai.domains.connection.accounts.accounts import default_first
from cargo_ai.domains.connection.tables import Connector
from cargo_ai.engine.graph.action import Call, InvalidConfig, Outcome
from cargo_ai.integrations.kit import ConnectorAction, Integration, integrations
from cargo_ai.integrations.kit.other_connectors import OtherConnector
from cargo_ai.kernel import ids
from cargo_ai.store.session import Database

Json = Any
Perform = Callable[[Integration, ConnectorAction, Call], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class ConnectorsOfWorkspace:
    """The connectors of the workspace of a call. perform: executes an action of one."""

    database: Database
    call: Call
    perform: Perform

    async def choose(self, integrations: Sequence[str], uuid: str = "") -> OtherConnector | None:
        """See `OtherConnectors`."""
        living = select(Connector).where(Connector.deleted_at.is_(None))
        async with self.database.session(self.call.workspace) as db:
            if uuid:
                row = await db.scalar(living.where(Connector.uuid == ids.parse(uuid)))
                if row is None:
                    raise InvalidConfig(f"There is no connector {uuid}: it was removed, or the config names a wrong one.")
                if row.integration_slug not in integrations:
                    raise InvalidConfig(f"The connector {uuid} is one of {row.integration_slug}, not of {' or '.join(integrations)}.")
                return _other(row)
            for slug in integrations:
                row = await db.scalar(default_first(living.where(Connector.integration_slug == slug)))
                if row is not None:
                    return _other(row)
        return None

    async def act(self, connector: OtherConnector, action: str, config: Mapping[str, Json]) -> Outcome:
        """See `OtherConnectors`."""
        integration = integrations()[connector.integration]
        chosen = integration.action(action)
        assert chosen is not None, f"{integration.slug} has no action {action}"
        names = {"integrationSlug": integration.slug, "actionSlug": action, "connectorUuid": connector.uuid}
        return await self.perform(integration, chosen, replace(self.call, node={**self.call.node, **names}, config=dict(config)))


def _other(row: Connector) -> OtherConnector:
    return OtherConnector(row.integration_slug, str(row.uuid), row.name)
