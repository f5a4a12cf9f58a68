"""Rows of a batch for one table: those with the same key become one, those with the same columns go in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.engine.graph.action import Outcome
from cargo_ai.integrations.kit.rows import Rows

Json = Any


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row to write, and the runs that want it, by their position in the batch."""

    positions: tuple[int, ...]
    values: Mapping[str, Json]


def folded(values: Mapping[int, Mapping[str, Json]], key: Sequence[str]) -> list[TableRow]:
    """The rows of these runs, of which none have the same values in the columns of the key: what a later run wants wins."""
    by_key: dict[tuple[str, ...], TableRow] = {}
    for position, wanted in values.items():
        which = tuple(str(wanted[name]) for name in key)
        former = by_key.get(which, TableRow((), {}))
        by_key[which] = TableRow((*former.positions, position), {**former.values, **wanted})
    return [*by_key.values()]


def settle(rows: Rows[Any], members: Sequence[TableRow], outcome: Outcome) -> None:
    """Give all runs that want these rows the same outcome."""
    for member in members:
        for position in member.positions:
            rows.settle(position, outcome)


def by_columns(rows: Sequence[TableRow]) -> Iterator[tuple[list[str], list[TableRow]]]:
    """The rows by the columns that they write."""
    groups: dict[tuple[str, ...], list[TableRow]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row.values)), []).append(row)
    for names, members in groups.items():
        yield [*names], members
