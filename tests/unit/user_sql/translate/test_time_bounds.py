"""Comparisons of times that are stored as numbers: what is added follows from what was asked, and only where the other side is constant."""

from __future__ import annotations

import uuid

import pytest

from cargo_ai.records.catalog import Catalog, Column, Relation
from cargo_ai.user_sql import guard
from cargo_ai.user_sql.errors import SqlRefused

SPANS = Relation(
    uuid.UUID(int=0),
    "spans",
    "",
    "journal",
    "spans",
    "spans",
    (Column("at", "date", "original", milliseconds="at_ms"), Column("other", "date", "original")),
    system=False,
)


def where(condition: str) -> str:
    return guard.check(f"SELECT count(*) FROM spans WHERE {condition}", Catalog(uuid.UUID(int=0), "reader", (SPANS,))).sql.partition(
        " WHERE "
    )[2]


@pytest.mark.parametrize(
    ("condition", "lower", "upper"),
    [
        ("at >= '2026-01-31'", 1, 0),
        ("at < current_date", 0, 1),
        ("'2026-01-31' < at", 1, 0),
        ("at = timestamp '2026-01-31 10:00:00'", 1, 1),
        ("at between '2026-01-30' and '2026-01-31'", 1, 1),
        ("not (at >= '2026-01-31' or other < current_date)", 1, 0),
        ("at <> '2026-01-31'", 0, 0),
        ("at > other", 0, 0),
        ("at > (select max(other) from spans)", 0, 0),
        ("other > '2026-01-31'", 0, 0),
    ],
)
def test_a_constant_bounds_the_number_too(condition: str, lower: int, upper: int) -> None:
    sql = where(condition)
    assert (sql.count('"at_ms" >='), sql.count('"at_ms" <=')) == (lower, upper)


def test_the_number_itself_cannot_be_asked_for() -> None:
    with pytest.raises(SqlRefused):
        where("at_ms > 0")
