"""Known graphs: the nodes of graphs that one process has shown lately. A graph never changes: its id is that of its content."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.orchestration.runs import run_response
from cargo_ai.kernel.wire import JsonObject

MAX, MAX_NODES = 200, 50


@dataclass(slots=True)
class KnownGraphs:
    """Small graphs, by workspace and id; who gets one leaves it as it is."""

    _known: dict[tuple[uuid.UUID, uuid.UUID], Sequence[JsonObject]] = field(
        default_factory=dict[tuple[uuid.UUID, uuid.UUID], Sequence[JsonObject]]
    )

    async def find(self, db: AsyncSession, workspace: uuid.UUID, graph: uuid.UUID) -> Sequence[JsonObject]:
        """The nodes of a graph; none where it is gone."""
        nodes = self._known.get((workspace, graph))
        if nodes is None:
            nodes = (await run_response.graphs_of(db, workspace, {graph})).get(graph, [])
            if nodes and len(nodes) <= MAX_NODES:
                if len(self._known) >= MAX:
                    self._known.clear()
                self._known[workspace, graph] = nodes
        return nodes
