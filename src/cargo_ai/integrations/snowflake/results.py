"""Results: statements are sent under an id that makes a repeat harmless, awaited by their handles, and read partition by partition."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cargo_ai.integrations.kit import Answer, Service, ServiceError, object_of, segment
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.snowflake.account import STATEMENTS, session_of
from cargo_ai.integrations.snowflake.values import Column, records

Json = Any
LONGEST_SECONDS = 600
MAX_BYTES = 4_000_000
"""How large a result may be that is given to a node."""
_NAMESPACE = uuid.UUID("8c1f3a52-6d0e-4b7e-9d5a-3f2b1c0d4e5f")
_MAX_WAITS = 100
_COUNTED = ("numRowsInserted", "numRowsUpdated", "numRowsDeleted")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and its bindings. most_rows: of its result. seconds: after which Snowflake cancels it."""

    sql: str
    bindings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    most_rows: int | None = None
    seconds: int = LONGEST_SECONDS


@dataclass(frozen=True, slots=True)
class Result:
    """A statement that has ended: its columns, the rows of one partition, and how many partitions there are; how many rows it concerned."""

    handle: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Json]]
    partitions: int
    stats: Mapping[str, int]

    def records(self) -> list[dict[str, Json]]:
        """The rows of this partition, by the names of their columns."""
        return records(self.columns, self.rows)

    @property
    def changed(self) -> int | None:
        """How many rows it changed; None for a statement that is not about rows."""
        return sum(self.stats.values()) if self.stats else None


async def submit(service: Service, statement: Statement, *, key: str = "", reads: bool = False) -> Result | str:
    """Send a statement; its result, or its handle where it takes longer than Snowflake waits.

    key: what is the same for all attempts: of a request with an id that it has executed, Snowflake gives the result again.
    """
    config: Mapping[str, Json] = {} if service.account is None else service.account.config
    body: dict[str, Json] = {"statement": statement.sql, "timeout": statement.seconds, **session_of(config)}
    if statement.bindings:
        body["bindings"] = dict(statement.bindings)
    if statement.most_rows is not None:
        body["parameters"] = {"rows_per_resultset": statement.most_rows}
    query = {"requestId": str(uuid.uuid5(_NAMESPACE, key)), "retry": True} if key else {}
    answer = await service.post(STATEMENTS, json=body, query=query, reads=reads)
    return _result(answer, reads=reads)


async def fetch(service: Service, handle: str) -> Result | str:
    """The result of a statement that was sent before; its handle where it still runs. ServiceError where it has failed."""
    return _result(await service.get(f"{STATEMENTS}/{segment(handle)}"), reads=True)


async def partition(service: Service, result: Result, number: int) -> list[dict[str, Json]]:
    """The rows of another partition."""
    answer = await service.get(f"{STATEMENTS}/{segment(result.handle)}", query={"partition": number})
    return records(result.columns, cast("Sequence[Sequence[Json]]", _document(answer, reads=True).get("data") or []))


def _document(answer: Answer, *, reads: bool) -> dict[str, Json]:
    return object_of("Snowflake", answer, sent=not reads)


def _result(answer: Answer, *, reads: bool) -> Result | str:
    document = _document(answer, reads=reads)
    handle = str(document.get("statementHandle") or "")
    if answer.status == 202 and handle:
        return handle
    if not handle:
        raise ServiceError("Snowflake: the answer names no statement.", status=answer.status, reason="unexpectedAnswer", sent=not reads)
    columns = [cast("Column", column) for column in at(document, "resultSetMetaData.rowType.*")]
    partitions = len([*at(document, "resultSetMetaData.partitionInfo.*")]) or 1
    stats = {name: int(value) for name in _COUNTED for value in at(document, f"stats.{name}")}
    return Result(handle, columns, document.get("data") or [], partitions, stats)


async def collected(service: Service, result: Result, limit: int) -> tuple[list[dict[str, Json]], bool]:
    """At most this many rows, and whether there are more: also where they are too large together."""
    rows: list[dict[str, Json]] = []
    size = 0
    for number in range(result.partitions):
        for row in result.records() if number == 0 else await partition(service, result, number):
            size += len(json.dumps(row, ensure_ascii=False))
            if len(rows) == limit or (rows and size > MAX_BYTES):
                return rows, True
            rows.append(row)
    return rows, False


async def finish(service: Service, outcome: Result | str) -> Result:
    """Wait for a statement that changes something. ServiceError where it fails."""
    waits = 0
    while not isinstance(outcome, Result):
        waits += 1
        if waits > _MAX_WAITS:
            raise ServiceError("Snowflake: the statement still runs.", transient=True, reason="unreachable", sent=True)
        await asyncio.sleep(min(0.2 * waits, 5.0))
        outcome = await fetch(service, outcome)
    return outcome
