"""Cache the graphs that this process has compiled."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import Graph, InvalidGraph, compile_graph
from cargo_ai.engine.journal import graphs as stored_graphs
from cargo_ai.kernel import clock

MAX_KEPT = 200
GONE = "The graph of this run is gone."


class GraphCache:
    """Graphs by id, each compiled once; one that cannot be walked is cached as the sentence that says why."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._programs: dict[uuid.UUID, Graph | str] = {}
        self._stored_ms: dict[uuid.UUID, int] = {}

    def known(self, graph: uuid.UUID) -> Graph | str | None:
        """The program of a graph that was compiled here; None of others."""
        return self._programs.get(graph)

    async def programs(self, connection: psycopg.AsyncConnection[Any], graphs: Collection[uuid.UUID]) -> dict[uuid.UUID, Graph | str]:
        """The programs of these graphs, which the caller then has also when the cache is cleared meanwhile."""
        missing = {uid for uid in graphs if uid not in self._programs}
        programs = {uid: self._programs[uid] for uid in graphs if uid not in missing}
        if missing:
            programs |= await self._load(connection, missing)
        return programs

    async def is_light(self, connection: psycopg.AsyncConnection[Any], graph: uuid.UUID) -> bool:
        """Whether a run of the graph takes no more than a fraction of a millisecond (see Graph)."""
        program = (await self.programs(connection, {graph}))[graph]
        return not isinstance(program, str) and program.is_light

    async def take(
        self, connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]
    ) -> tuple[uuid.UUID, Graph | str]:
        """The id of a graph, which is stored unless it was within a day, and its program. What was only loaded may be removed with the runs
        that refer to it."""
        name, text = stored_graphs.graph_id(workspace, nodes)
        if clock.now_ms() - self._stored_ms.get(name, 0) > stored_graphs.RENEW_MS:
            await stored_graphs.insert_graph(connection, name, workspace, text)
            await connection.commit()
            if len(self._stored_ms) > MAX_KEPT:
                self._stored_ms.clear()
            self._stored_ms[name] = clock.now_ms()
        program = self._programs.get(name)
        if program is None:
            program = await self._compile(workspace, nodes)
            self._keep({name: program})
        return name, program

    async def _load(self, connection: psycopg.AsyncConnection[Any], missing: set[uuid.UUID]) -> dict[uuid.UUID, Graph | str]:
        programs: dict[uuid.UUID, Graph | str] = dict.fromkeys(missing, GONE)
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute("select uuid, workspace_uuid, nodes from graphs where uuid = any(%s)", (list(missing),))
            for row in await cursor.fetchall():
                programs[row["uuid"]] = await self._compile(row["workspace_uuid"], row["nodes"])
        self._keep(programs)
        return programs

    async def _compile(self, workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> Graph | str:
        try:
            return compile_graph(nodes, await self._actions.within(workspace))
        except InvalidGraph as error:
            return str(error)

    def _keep(self, programs: Mapping[uuid.UUID, Graph | str]) -> None:
        if len(self._programs) + len(programs) > MAX_KEPT:
            self._programs.clear()
        self._programs.update(programs)
