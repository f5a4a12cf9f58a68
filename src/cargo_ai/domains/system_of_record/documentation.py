"""Document the workspace's SQL: how it is written, and the tables that there are."""

from __future__ import annotations

from collections.abc import Iterator

from cargo_ai.records.catalog import SQL_TYPES, SYSTEM_COLUMNS, Catalog, Relation

_HEAD = """\
# SQL on your data

One SELECT at a time (it may begin with WITH), read-only, at most 30 seconds.
`query` gives at most 10,000 rows, `fetch` pages, `download` gives all of them.

## Tables

A model is a table: <dataset>.<model>. Longer forms mean the same: datasets_<dataset>.models_<model>,
`project.datasets_<dataset>.models_<model>`, datasets_<dataset>__models_<model>.

"""
_TAIL = """\
## Spelling

Write PostgreSQL or BigQuery. What only BigQuery has (backticks, DATE_SUB, SAFE_CAST, COUNTIF, QUALIFY, STRUCT ...) makes a query
BigQuery's, and everything in it then means what it means there: / divides into fractions, WEEK begins on Sunday, NULLs sort first.
In PostgreSQL's spelling "x" is a column and 'x' a text.

Dates are timestamptz, times are UTC. Objects and arrays are jsonb: address ->> 'city', JSON_VALUE(address, '$.city'), UNNEST(tags).
Vectors: cosine_distance(embedding, '[0.1, 0.2]'::vector).

Not possible: PIVOT, WITH RECURSIVE, scripts, TABLESAMPLE, functions of ML and geography, joins without a condition.

## Examples

"""

EXAMPLES = (
    "SELECT COUNT(*) AS n FROM {dataset}.{model}",
    "SELECT _id, _title FROM {dataset}.{model} WHERE _created_at > CURRENT_DATE - INTERVAL '30' DAY ORDER BY _created_at DESC LIMIT 20",
    "SELECT COUNT(*) FROM `datasets_{dataset}.models_{model}` WHERE _created_at >= DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)",
)
"""What runs as it stands, with a dataset and a model put in."""


def text(catalog: Catalog) -> str:
    """The whole text. Markdown that reads well as it is."""
    return "".join([_HEAD, *_tables(catalog), _TAIL, *_examples(catalog)])


def _tables(catalog: Catalog) -> Iterator[str]:
    if not catalog.relations:
        yield "This workspace has no models yet: `cargo-ai storage model create` makes one.\n\n"
        return
    yield f"Each also has {', '.join(SYSTEM_COLUMNS)}.\n\n"
    for relation in catalog.relations:
        yield f"### {relation.dataset}.{relation.slug}\n\n"
        yield from (f"- {column.slug} {SQL_TYPES[column.type]}{_kind(column.kind)}\n" for column in relation.columns)
        yield "\n"


def _kind(kind: str) -> str:
    return "" if kind == "original" else f" ({kind})"


def _examples(catalog: Catalog) -> Iterator[str]:
    relation: Relation | None = catalog.relations[0] if catalog.relations else None
    dataset, model = (relation.dataset, relation.slug) if relation else ("default", "companies")
    yield from (f"    {example.format(dataset=dataset, model=model)}\n" for example in EXAMPLES)
