"""Accounts of other services in the same workspace, by which facade actions act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cargo_ai.engine.graph.action import Outcome

Json = Any


@dataclass(frozen=True, slots=True)
class OtherConnector:
    """A connector of another service. integration: its slug. uuid, name: of the connector."""

    integration: str
    uuid: str
    name: str


class OtherConnectors(Protocol):
    """The connectors of the workspace of a run."""

    async def choose(self, integrations: Sequence[str], uuid: str = "") -> OtherConnector | None:
        """The one named, else the default one of the first of these integrations that has one; None without any.

        InvalidConfig where the one named does not exist, or is of none of these integrations.
        """
        ...

    async def act(self, connector: OtherConnector, action: str, config: Mapping[str, Json]) -> Outcome:
        """What comes of an action of it: with its account, limits and cache, as if the run had named it itself."""
        ...


class NoOtherConnectors:
    """A workspace without connectors."""

    async def choose(self, integrations: Sequence[str], uuid: str = "") -> OtherConnector | None:
        """None."""
        return None

    async def act(self, connector: OtherConnector, action: str, config: Mapping[str, Json]) -> Outcome:
        """There is nothing that could act."""
        raise LookupError(connector.uuid)
