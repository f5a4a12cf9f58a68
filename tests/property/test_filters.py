"""Filters: the SQL result equals the plain-Python oracle over random data and random filters."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.records.catalog import Catalog, Column, Link, Relation
from cargo_ai.records.filter import compile, terms
from cargo_ai.records.filter.terms import FilterContext, SavedSegment
from tests.property import filter_oracle as oracle

NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
WORDS = ["", "Acme", "acme", "ACME Corp", "a%b", "a_b", "back\\slash", "Zürich", "' or 1=1 --", "100", "7", "x"]
NAMES = ["p", "q", "p.q", "deep.er", "n"]
OPERATORS = {
    "string": ["is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith"],
    "number": ["is", "isNot", "greaterThan", "lowerThan", "between"],
    "date": ["is", "isNot", "greaterThan", "lowerThan", "between"],
    "boolean": ["isTrue", "isFalse"],
    "objectProperty": ["is", "isNot", "contains", "doesNotContain", "startsWith", "endsWith", "greaterThan", "lowerThan", "between"],
}
PRESENCE = ["isNull", "isNotNull", "isEmpty", "isNotEmpty"]
COLUMNS = tuple(Column(slug, type, "system" if slug == "_id" else "original") for slug, type in oracle.TYPES.items())  # pyright: ignore[reportArgumentType]
MAIN, RELATED = uuid.UUID(int=1), uuid.UUID(int=2)
SEGMENTS = [str(uuid.UUID(int=10)), str(uuid.UUID(int=11))]


class RandomData:
    """Random data, and random filters over it."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.rows = [self.row(str(index)) for index in range(60)]
        self.related = [{**self.row(f"r{index}"), "parent": str(self.r.randrange(70))} for index in range(90)]
        self.segments = {name: self.filter(depth=1, nested=False) for name in SEGMENTS}

    def maybe(self, value: Any) -> Any:
        return None if self.r.random() < 0.2 else value

    def scalar(self) -> Any:
        return self.r.choice([self.r.choice(WORDS), self.r.randrange(-3, 12), 2.5, True, False, None])

    def object(self) -> dict[str, Any]:
        made: dict[str, Any] = {name: self.scalar() for name in NAMES if self.r.random() < 0.5}
        if self.r.random() < 0.3:
            made["deep"] = {"er": self.scalar()}
        return made

    def moment(self) -> datetime:
        return NOW - timedelta(
            hours=self.r.choice([0, 1, 5, 12, 13, 36, 24 * 7, 24 * 29, 24 * 31, 24 * 90, -30]), minutes=self.r.choice([0, 30])
        )

    def row(self, name: str) -> dict[str, Any]:
        return {
            "_id": name,
            "s": self.maybe(self.r.choice(WORDS)),
            "n": self.maybe(self.r.choice([-1.5, 0, 1, 2, 2.5, 7, 100])),
            "b": self.maybe(self.r.random() < 0.5),
            "d": self.maybe(self.moment()),
            "o": self.maybe(self.object()),
            "a": self.maybe([self.r.choice([self.object(), self.scalar()]) for _ in range(self.r.randrange(4))]),
            "x": self.maybe(self.r.choice([self.object(), "text", 5])),
        }

    def property(self) -> dict[str, Any]:
        operator = self.r.choice(OPERATORS["objectProperty"] + PRESENCE)
        made = {"kind": "objectProperty", "columnSlug": "o", "propertyName": self.r.choice(NAMES), "operator": operator}
        if operator not in PRESENCE:
            made["value"] = self.r.choice([*WORDS, "2", "2.5", "-1", "true"])
        if operator == "between":
            made["otherValue"] = self.r.choice(["9", "zz", "5.5"])
        return made

    def plain(self) -> dict[str, Any]:
        kind = self.r.choice(["string", "number", "date", "boolean", "object", "array", "any", "objectProperty"])
        column = {
            "string": "s",
            "number": "n",
            "date": "d",
            "boolean": "b",
            "object": "o",
            "array": "a",
            "any": "x",
            "objectProperty": "o",
        }[kind]
        if self.r.random() < 0.1:
            column = self.r.choice(list(oracle.TYPES))
        if kind == "objectProperty":
            return self.property() | {"columnSlug": self.r.choice(["o", "x"])}
        if kind in {"object", "array"} and self.r.random() < 0.7:
            wanted = [self.property() for _ in range(self.r.randrange(1, 3))]
            join = self.r.choice(["and", "or", None])
            return {"kind": kind, "columnSlug": column, "operator": "matchConditions", "conjonction": join, "propertyConditions": wanted}
        operator = self.r.choice([*OPERATORS.get(kind, []), *PRESENCE])
        made: dict[str, Any] = {"kind": kind, "columnSlug": column, "operator": operator}
        if operator in PRESENCE:
            return made
        if kind == "string":
            made["values"] = self.r.sample(WORDS, self.r.randrange(0, 3))
        dates = ["2026-03-31", "2026-03-30", "2026-03-01", "2026-03-31T12:00:00+00:00", "1 day", "2 weeks", "5 hours", "31 days"]
        pool = [-1.5, 0, 1, 2, 2.5, 50] if kind == "number" else dates
        if kind in {"number", "date"}:
            made |= (
                {"firstValue": self.r.choice(pool), "lastValue": self.r.choice(pool)}
                if operator == "between"
                else {"value": self.r.choice(pool)}
            )
        return made

    def condition(self, *, nested: bool) -> dict[str, Any]:
        dice = self.r.random()
        if nested and dice < 0.08:
            return {"kind": "segment", "operator": self.r.choice(["in", "notIn"]), "segmentUuid": self.r.choice(SEGMENTS)}
        if nested and dice < 0.18:
            return self.plain() | {"relatedModelUuid": str(RELATED)}
        if nested and dice < 0.3:
            operator = self.r.choice(["not", "moreThan", "lessThan", "exactly"])
            return {
                "kind": "occurrence",
                "relatedModelUuid": str(RELATED),
                "frequency": {"operator": operator} | ({} if operator == "not" else {"value": self.r.randrange(3)}),
                "period": {
                    "operator": self.r.choice(["moreThan", "lessThan", "exactly"]),
                    "value": self.r.choice([0, 1, 7, 30]),
                    "unit": "day",
                },
                "conjonction": self.r.choice(["and", "or", None]),
                "conditions": [self.plain() for _ in range(self.r.randrange(3))],
            }
        return self.plain()

    def filter(self, *, depth: int = 0, nested: bool = True) -> dict[str, Any]:
        def join() -> str | None:
            return self.r.choice(["and", "or"]) if self.r.random() < 0.97 else None

        groups = [
            {"conjonction": join(), "conditions": [self.condition(nested=nested) for _ in range(self.r.randrange(4))]}
            for _ in range(self.r.randrange(1 if depth else 0, 3))
        ]
        return {"conjonction": join(), "groups": groups}


def relation(model: uuid.UUID, slug: str, columns: tuple[Column, ...]) -> Relation:
    return Relation(model, slug, "default", "f", slug, slug, columns)


def catalog() -> Catalog:
    related = (*COLUMNS, Column("parent", "string", "original"), Column("_time", "date", "system"))
    link = Link(uuid.UUID(int=3), RELATED, "parent", MAIN, "_id", relation="manyToOne")
    relations = (relation(MAIN, "main", (*COLUMNS, Column("_time", "date", "system"))), relation(RELATED, "related", related))
    return Catalog(uuid.UUID(int=9), "nobody", relations, links=(link,))


def fill(connection: psycopg.Connection[Any], random_data: RandomData) -> None:
    columns = "_id text primary key, s text, n double precision, b boolean, d timestamptz, o jsonb, a jsonb, x jsonb, _time timestamptz"
    connection.execute("drop schema if exists f cascade")
    connection.execute("create schema f")
    connection.execute(f"create table f.main ({columns})")
    connection.execute(f"create table f.related ({columns}, parent text)")
    for table, rows in (("main", random_data.rows), ("related", random_data.related)):
        for row in rows:
            values = [json.dumps(row[k]) if k in "oax" and row[k] is not None else row[k] for k in oracle.TYPES] + [row["d"]]
            names = [*oracle.TYPES, "_time"]
            if table == "related":
                values, names = [*values, row["parent"]], [*names, "parent"]
            marks = ", ".join(["%s"] * len(values))
            connection.execute(f"insert into f.{table} ({', '.join(names)}) values ({marks})".encode(), values)


def check(url: str, seeds: range, filters: int) -> int:
    """Compare `filters` random filters per seed; returns how many had some but not all records, which are the telling ones."""
    telling = 0
    with psycopg.connect(url, autocommit=True) as connection:
        for seed in seeds:
            random_data = RandomData(seed)
            fill(connection, random_data)
            facts = {"now": NOW, "related": random_data.related, "segments": random_data.segments}
            saved = {name: SavedSegment(str(MAIN), Filter.model_validate(raw), [], None) for name, raw in random_data.segments.items()}
            for _ in range(filters):
                raw = random_data.filter()
                scope = FilterContext(catalog(), NOW, saved)
                main = scope.catalog.relations[0]
                where = compile.compile_filter(Filter.model_validate(raw), main, "r", scope)
                rows = connection.execute(f'select _id from f.main "r" where {terms.to_sql(where)}'.encode(), scope.bound).fetchall()
                expected = {row["_id"] for row in random_data.rows if oracle.matches(raw, row, facts)}
                assert {row[0] for row in rows} == expected, json.dumps(raw, indent=1)
                telling += 0 < len(expected) < len(random_data.rows)
    return telling


def test_sql_equals_the_oracle_on_random_filters(database_url: str) -> None:
    assert check(database_url, range(1), 200) > 30


@pytest.mark.slow
def test_sql_equals_the_oracle_on_ten_thousand_random_filters(database_url: str) -> None:
    assert check(database_url, range(100, 140), 250) > 2_000
