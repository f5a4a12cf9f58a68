"""Cache the graphs that this process has compiled."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.graph.action import Actions
from cargo_ai.engine.graph.graph import Graph, InvalidGraph, compile_graph

MOST_KEPT = 200
GONE = "The graph of this run is gone."


class GraphCache:
    """Graphs by id, each compiled once; one that cannot be walked is cached as the sentence that says why."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._kept: dict[uuid.UUID, Graph | str] = {}

    async def fill(self, connection: psycopg.AsyncConnection[Any], rows: Iterable[dict[str, Any]]) -> None:
        """Put the `program` of each row's `graph_uuid` beside it: a row keeps its own, also when the cache is cleared meanwhile."""
        listed = list(rows)
        missing = {row["graph_uuid"] for row in listed} - self._kept.keys()
        found = {uid: self._kept[uid] for uid in {row["graph_uuid"] for row in listed} - missing}
        if missing:
            found |= await self._load(connection, missing)
        for row in listed:
            row["program"] = found[row["graph_uuid"]]

    async def take(
        self, connection: psycopg.AsyncConnection[Any], workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]
    ) -> tuple[uuid.UUID, Graph | str]:
        """The id of a graph, which is stored when it was not yet, and its program."""
        name, text = submit.graph_id(workspace, nodes)
        if name not in self._kept:
            await submit.insert_graph(connection, name, workspace, text)
            await connection.commit()
            self._keep({name: self._made(nodes)})
        return name, self._kept[name]

    async def _load(self, connection: psycopg.AsyncConnection[Any], missing: set[uuid.UUID]) -> dict[uuid.UUID, Graph | str]:
        found: dict[uuid.UUID, Graph | str] = dict.fromkeys(missing, GONE)
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute("select uuid, nodes from graphs where uuid = any(%s)", (list(missing),))
            for row in await cursor.fetchall():
                found[row["uuid"]] = self._made(row["nodes"])
        self._keep(found)
        return found

    def _made(self, nodes: Sequence[Mapping[str, Any]]) -> Graph | str:
        try:
            return compile_graph(nodes, self._actions)
        except InvalidGraph as error:
            return str(error)

    def _keep(self, found: Mapping[uuid.UUID, Graph | str]) -> None:
        if len(self._kept) + len(found) > MOST_KEPT:
            self._kept.clear()
        self._kept.update(found)
