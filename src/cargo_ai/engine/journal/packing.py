"""Packing: executions of a batch's runs that went well become one row for each run, with the outputs of their nodes in a body of many runs.

A plain row of an execution takes 390 bytes with its index, and says mostly what those of other runs say, too: which node, which one comes
next, what it cost, the shape of its config and output. A path says the former once for all runs that take it; a body has the latter of up
to 250 executions, which PostgreSQL compresses together.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg

from cargo_ai.engine.graph.walk import Execution
from cargo_ai.engine.journal.tables import packed_bodies, packed_executions
from cargo_ai.store.table_sql import copy_sql

Row = tuple[str, Execution, str | None]
"""A run, an execution of it, and the file of its output."""
Path = tuple[tuple[str, str, int, int | None, str | None, float], ...]
"""Node, slug, visit, child, next node and credits of successive executions."""

LEAST_OF_RUN, MAX_OF_RUN = 2, 100
BODY_EXECUTIONS, BODY_BYTES = 250, 64 * 1024
LARGE_VALUE = 8 * 1024
LONGEST_MS = 32_767
OFTEN = 3
"""How often a path that is not stored yet occurs in a flush to be worth it: one that no other run takes would save nothing."""
MAX_KNOWN = 10_000
RENEW_MS = DAY_MS = 86_400_000

PACKED = copy_sql(packed_executions, "run_uuid", "seq", "item", "workspace_uuid", "path_uuid", "body_uuid", "started_ms", "times")
BODIES = copy_sql(packed_bodies, "uuid", "workspace_uuid", "titles", "outputs", "configs").replace(b"from stdin", b"from stdin binary")
STEPS = """
insert into path_steps as s
    (path_uuid, step, workspace_uuid, node_uuid, node_slug, visit, child_index, next_node_uuid, credits, stored_ms)
select v.*, %s
from unnest(%s::uuid[], %s::int[], %s::uuid[], %s::text[], %s::text[], %s::int[], %s::int[], %s::text[], %s::float8[]) as v
order by 1, 2
on conflict (path_uuid, step) do update set stored_ms = excluded.stored_ms where s.stored_ms < excluded.stored_ms
"""
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"
_FIELDS, _UUID, _LENGTH = struct.pack("!h", 5), struct.pack("!i", 16), struct.Struct("!i")
_ARRAY = struct.Struct("!iiiii")
_TEXT_OID = 25
_LINE = "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n"


class KnownPaths:
    """Which paths this process has stored, and when: what was stored within a day is not removed."""

    def __init__(self) -> None:
        self._stored = dict[uuid.UUID, int]()

    def has(self, path: uuid.UUID, now: int) -> bool:
        """Whether the path is there and will be for some days."""
        return now - self._stored.get(path, 0) < RENEW_MS

    def add(self, paths: Iterable[uuid.UUID], now: int) -> None:
        """These are committed now."""
        if len(self._stored) > MAX_KNOWN:
            self._stored.clear()
        self._stored.update(dict.fromkeys(paths, now))


class _PathOfFlush:
    """A path that runs of a workspace take in a flush, and how often they do."""

    __slots__ = ("name", "often", "path")

    def __init__(self, workspace: uuid.UUID, path: Path) -> None:
        self.path, self.often = path, 0
        self.name = path_id(workspace, path)


class _RunPart(NamedTuple):
    run: str
    executions: list[Execution]
    path: _PathOfFlush
    began: int
    size: int


@dataclass(slots=True)
class Body:
    """A row of `packed_bodies`: what the executions of some runs gave."""

    workspace: uuid.UUID
    uuid: uuid.UUID
    month: tuple[int, int]
    executions: list[Execution] = field(default_factory=list[Execution])
    size: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        self.name = str(self.uuid)

    @property
    def titles(self) -> list[str]:
        """As they can be stored."""
        return [execution.title.replace("\x00", "") for execution in self.executions]


class PackedRun(NamedTuple):
    """A row of `packed_executions`, as COPY reads it."""

    run: str
    seq: int
    item: int
    workspace: uuid.UUID
    path: uuid.UUID
    body: str
    began: int
    times: str


@dataclass(slots=True)
class Packed:
    """What a flush writes: rows as they are, by shard; runs that are packed; bodies; and paths that have to be stored before."""

    rows: list[tuple[uuid.UUID, list[Row]]] = field(default_factory=list[tuple[uuid.UUID, list[Row]]])
    runs: list[PackedRun] = field(default_factory=list[PackedRun])
    bodies: list[Body] = field(default_factory=list["Body"])
    paths: dict[uuid.UUID, tuple[uuid.UUID, Path]] = field(default_factory=dict[uuid.UUID, tuple[uuid.UUID, Path]])
    """By id, with their workspace."""


def pack(shards: Sequence[tuple[uuid.UUID, list[Row], bool]], known: KnownPaths, now: int) -> Packed:
    """Pack what can be packed of shards: workspace, executions, and whether they are of a batch. O(executions)."""
    packed = Packed()
    candidates: list[tuple[uuid.UUID, list[_RunPart]]] = []
    paths = defaultdict[uuid.UUID, dict[Path, _PathOfFlush]](dict)
    for workspace, rows, of_batch in shards:
        parts, plain = _runs(rows, workspace, paths[workspace]) if of_batch else ([], rows)
        packed.rows.append((workspace, plain))
        candidates.append((workspace, parts))
    for (workspace, parts), (_, plain) in zip(candidates, packed.rows, strict=True):
        chosen: list[_RunPart] = []
        for part in parts:
            path = part.path
            if known.has(path.name, now):
                chosen.append(part)
            elif path.often >= OFTEN:
                packed.paths[path.name] = workspace, path.path
                chosen.append(part)
            else:
                plain += [(part.run, execution, None) for execution in part.executions]
        _fill(packed, workspace, chosen)
    return packed


async def write(connection: psycopg.AsyncConnection[Any], packed: Packed, now: int) -> None:
    """Write paths, bodies and packed executions in the caller's transaction."""
    if packed.paths:
        steps = [(name, at, workspace, *step) for name, (workspace, path) in packed.paths.items() for at, step in enumerate(path)]
        await connection.execute(STEPS, (now, *(list(column) for column in zip(*steps, strict=True))))
    if not packed.runs:
        return
    async with connection.cursor() as cursor:
        async with cursor.copy(BODIES) as copy:
            await copy.write(_HEADER)
            for body in packed.bodies:
                await copy.write(_to_binary(body))
            await copy.write(_TRAILER)
        async with cursor.copy(PACKED) as copy:
            await copy.write("".join([_LINE % run for run in packed.runs]))


def path_id(workspace: uuid.UUID, path: Path) -> uuid.UUID:
    """The name of a path: the same in all processes."""
    value = int.from_bytes(hashlib.sha256(workspace.bytes + repr(path).encode()).digest()[:16], "big")
    return uuid.UUID(int=value & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | 0b10 << 62)


def _runs(rows: Sequence[Row], workspace: uuid.UUID, paths: dict[Path, _PathOfFlush]) -> tuple[list[_RunPart], list[Row]]:
    """The runs of which everything can be packed, counted by their paths, and the other rows."""
    by_run: dict[str, list[Row]] = {}
    for row in rows:
        by_run.setdefault(row[0], []).append(row)
    parts, plain = list[_RunPart](), list[Row]()
    for run, of_run in by_run.items():
        part = _part(run, of_run, workspace, paths) if LEAST_OF_RUN <= len(of_run) <= MAX_OF_RUN else None
        if part is None:
            plain += of_run
        else:
            part.path.often += 1
            parts.append(part)
    return parts, plain


def _part(run: str, rows: Sequence[Row], workspace: uuid.UUID, paths: dict[Path, _PathOfFlush]) -> _RunPart | None:
    """A run of which everything can be packed; else None."""
    seq = rows[0][1].seq
    began, ended, size = rows[0][1].started, 0, 0
    executions, steps = list[Execution](), list[tuple[str, str, int, int | None, str | None, float]]()
    for _, execution, file in rows:
        if execution.seq != seq or not _is_plain(execution, file):
            return None
        seq += 1
        began, ended = min(began, execution.started), max(ended, execution.finished)
        size += len(execution.output) + len(execution.config)
        executions.append(execution)
        steps.append((execution.node, execution.slug, execution.visit, execution.child, execution.next, execution.credits))
    if ended - began > LONGEST_MS:
        return None
    taken = tuple(steps)
    path = paths.get(taken)
    if path is None:
        path = paths[taken] = _PathOfFlush(workspace, taken)
    return _RunPart(run, executions, path, began, size)


def _is_plain(execution: Execution, file: str | None) -> bool:
    """Whether a pack says everything about it."""
    return (
        execution.status == "success"
        and file is None
        and execution.error is None
        and execution.reason is None
        and not execution.warnings
        and execution.result[0] is None
        and execution.attempts == 1
        and not execution.log
        and execution.finished >= execution.started
        and len(execution.output) + len(execution.config) <= LARGE_VALUE
    )


def _fill(packed: Packed, workspace: uuid.UUID, chosen: Sequence[_RunPart]) -> None:
    body: Body | None = None
    for part in chosen:
        milliseconds = int(part.run[:8] + part.run[9:13], 16)
        month = _month(milliseconds // DAY_MS)
        if body is not None and (
            len(body.executions) + len(part.executions) > BODY_EXECUTIONS or body.size + part.size > BODY_BYTES or body.month != month
        ):
            packed.bodies.append(body)
            body = None
        if body is None:
            random = secrets.randbits(74)
            name = milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & ((1 << 62) - 1)
            body = Body(workspace, uuid.UUID(int=name), month)
        packed.runs.append(_row(part, workspace, body))
        body.executions += part.executions
        body.size += part.size
    if body is not None:
        packed.bodies.append(body)


@lru_cache(maxsize=64)
def _month(day: int) -> tuple[int, int]:
    moment = datetime.fromtimestamp(day * DAY_MS / 1000, UTC)
    return moment.year, moment.month


def _row(part: _RunPart, workspace: uuid.UUID, body: Body) -> PackedRun:
    began = part.began
    times = ",".join([f"{execution.started - began},{execution.finished - began}" for execution in part.executions])
    first, item = part.executions[0].seq, len(body.executions) + 1
    return PackedRun(part.run, first, item, workspace, part.path.name, body.name, began, f"{{{times}}}")


def _to_binary(body: Body) -> bytes:
    titles = [title.encode() for title in body.titles]
    outputs, configs = [execution.output for execution in body.executions], [execution.config for execution in body.executions]
    arrays = b"".join(_array(values) for values in (titles, outputs, configs))
    return b"".join((_FIELDS, _UUID, body.uuid.bytes, _UUID, body.workspace.bytes, arrays))


def _array(values: Sequence[bytes]) -> bytes:
    """A field with an array of texts in COPY's binary format."""
    pack = _LENGTH.pack
    content = b"".join([piece for value in values for piece in (pack(len(value)), value)])
    return pack(_ARRAY.size + len(content)) + _ARRAY.pack(1, 0, _TEXT_OID, len(values), 1) + content
