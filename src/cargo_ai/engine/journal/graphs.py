"""Graphs, and the paths through them: each is stored once per workspace and content, and removed when nothing has used it for a week.

Who stores a graph may refer to it within days: `stored_ms` is renewed once a day by those who use it, and what was renewed is not removed.
So no run can come to refer to a graph that is just being removed, however long its transaction takes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from cargo_ai.kernel import clock
from cargo_ai.store.driver import Connection, execute, fetch

RENEW_MS = 86_400_000
"""After this time a graph that is used is stored again, by which it stays."""
KEEP_MS = 7 * RENEW_MS
"""A graph that was not stored again for so long, and that nothing refers to, is removed."""
AT_ONCE = 1_000

# Of one that is just being removed, the insert waits for the end of that, and stores it again.
_RENEW = "update graphs set stored_ms = %(now)s where uuid = %(graph)s and stored_ms < %(now)s - %(renew)s"
_INSERT = "insert into graphs (uuid, workspace_uuid, nodes, stored_ms) values (%(graph)s, %(workspace)s, %(nodes)s, %(now)s)"
STORE_PARTS = f"renewed as ({_RENEW}), stored as ({_INSERT} on conflict (uuid) do nothing)"
"""Parts of a statement's `with` that store a graph, by `graph_values`."""
_STORE = f"with renewed as ({_RENEW}) {_INSERT} on conflict (uuid) do nothing"
_OLD = """
select g.uuid from graphs g where g.stored_ms < %s and not exists (select 1 from batches b where b.graph_uuid = g.uuid)
"""
# Month by month, and without the table above them: who waits to change that would hold up every run for as long as this takes.
_MONTHS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'public.runs'::regclass order by 1"
_IN_USE = "select distinct graph_uuid from {month} where graph_uuid = any(%s)"
# Looks again: who renewed it meanwhile and has not committed yet is waited for.
_REMOVE = "delete from graphs where uuid = any(%(uuids)s) and stored_ms < %(before)s"


async def store_graph(connection: Connection, workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> uuid.UUID:
    """Store a graph once per workspace and content; returns its id."""
    name, text = graph_id(workspace, nodes)
    await insert_graph(connection, name, workspace, text)
    return name


async def read_graph(connection: Connection, workspace: uuid.UUID, graph: uuid.UUID) -> list[Mapping[str, Any]]:
    """The nodes of a graph; none where it is gone."""
    rows = await fetch(connection, "select nodes from graphs where uuid = %s and workspace_uuid = %s", [graph, workspace])
    return list(rows[0][0]) if rows else []


def graph_id(workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]]) -> tuple[uuid.UUID, bytes]:
    """The id of a graph, and its JSON."""
    text = to_json(list(nodes))
    return _name(hashlib.sha256(workspace.bytes + text).digest()), text


async def insert_graph(connection: Connection, name: uuid.UUID, workspace: uuid.UUID, text: bytes) -> None:
    """Store a graph under its id, unless it is there. Runs may refer to it for days, without being there yet."""
    await connection.execute(_STORE.encode(), _values(name, workspace, text, clock.now_ms()))


def graph_values(workspace: uuid.UUID, nodes: Sequence[Mapping[str, Any]], now: int) -> dict[str, Any]:
    """What STORE_PARTS needs: `graph` is the graph's id."""
    name, text = graph_id(workspace, nodes)
    return _values(name, workspace, text, now)


def _values(name: uuid.UUID, workspace: uuid.UUID, text: bytes, now: int) -> dict[str, Any]:
    return {"graph": name, "workspace": workspace, "nodes": text.decode(), "now": now, "renew": RENEW_MS}


async def remove_unused(connection: Connection) -> int:
    """Remove the graphs that no run and no batch refers to; returns how many. Reads all runs. The connection is in autocommit mode."""
    before = clock.now_ms() - KEEP_MS
    unused = {row[0] for row in await fetch(connection, _OLD, [before])}
    for (month,) in await fetch(connection, _MONTHS) if unused else ():
        unused -= {row[0] for row in await fetch(connection, _IN_USE.format(month=month), [list(unused)])}
    uuids, removed = sorted(unused), 0
    for at in range(0, len(uuids), AT_ONCE):
        removed += await execute(connection, _REMOVE, {"uuids": uuids[at : at + AT_ONCE], "before": before})
    return removed


_OLD_PATHS = "select distinct path_uuid from path_steps where stored_ms < %s"
_PACKED_MONTHS = "select inhrelid::regclass::text from pg_inherits where inhparent = 'public.packed_executions'::regclass order by 1"
_PATHS_IN_USE = "select distinct path_uuid from {month} where path_uuid = any(%s)"
_REMOVE_PATHS = "delete from path_steps where path_uuid = any(%(uuids)s) and stored_ms < %(before)s"


async def remove_unused_paths(connection: Connection) -> None:
    """Remove the paths that no packed execution has, and that no process has stored for a week: see `KnownPaths`. Reads all packed ones."""
    before = clock.now_ms() - KEEP_MS
    unused = {row[0] for row in await fetch(connection, _OLD_PATHS, [before])}
    for (month,) in await fetch(connection, _PACKED_MONTHS) if unused else ():
        unused -= {row[0] for row in await fetch(connection, _PATHS_IN_USE.format(month=month), [list(unused)])}
    uuids = sorted(unused)
    for at in range(0, len(uuids), AT_ONCE):
        await execute(connection, _REMOVE_PATHS, {"uuids": uuids[at : at + AT_ONCE], "before": before})


def _name(digest: bytes) -> uuid.UUID:
    """A UUIDv8 of a digest (this Python's uuid module knows versions up to 5)."""
    value = int.from_bytes(digest[:16], "big")
    return uuid.UUID(int=value & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62)
