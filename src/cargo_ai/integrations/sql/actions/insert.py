"""The action `insert`: add a row to a table; the rows of many runs go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Form, Outcome, RowBatch, connector_action
from cargo_ai.integrations.kit.tables.fields import Cells, cells_field, values_of
from cargo_ai.integrations.kit.writes import WRITTEN, written
from cargo_ai.integrations.sql.database import Rows, Statement
from cargo_ai.integrations.sql.writing import MAX_ROWS, Plan, Row, Target, table_named, write

Json = Any


class Insert(Form):
    """A row."""

    table: str = table_named()
    values: Cells = cells_field()


def _values(form: Insert) -> Mapping[str, Json]:
    return values_of(form.values, write_nulls=True)


def _statements(target: Target, _form: Insert, names: Sequence[str], rows: Sequence[Row]) -> list[Statement]:
    return [target.insert(names, rows)]


def _results(_target: Target, _form: Insert, rows: Sequence[Row], _given: Sequence[Rows]) -> list[Outcome]:
    return [written("created", None) for _ in rows]


_PLAN = Plan(lambda form: form.table, _values, None, _statements, _results)


async def perform(requests: Sequence[ActionRequest]) -> list[Outcome]:
    """Insert all of them, or none."""
    return await write(requests, Insert, _PLAN)


ACTION = connector_action(
    Insert,
    slug="insert",
    name="Insert a row",
    description="Adds a row to a table. Of a batch, up to 500 rows go in one statement.",
    hint="writes",
    idempotency="none",
    output_schema=WRITTEN,
    rows=RowBatch(perform, max=MAX_ROWS, group_by=("table",)),
)
