"""The action `upsert`: add a row to a table, or change the one that has the same values in the matching columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cargo_ai.integrations.kit import ActionRequest, Failed, Outcome, RowBatch, connector_action
from cargo_ai.integrations.kit.tables.fields import UpsertRow, matching_field
from cargo_ai.integrations.kit.writes import WRITTEN, written
from cargo_ai.integrations.sql.database import Rows, Statement
from cargo_ai.integrations.sql.writing import MAX_ROWS, Plan, Row, Target, table_named, write

Json = Any


class Upsert(UpsertRow):
    """A row, and what names it."""

    table: str = table_named()
    matching_columns: list[str] = matching_field("The columns of a unique index or of the primary key.")


def _statements(target: Target, form: Upsert, names: Sequence[str], rows: Sequence[Row]) -> list[Statement]:
    upsert = target.upsert(names, form.matching_columns, rows)
    if target.dialect == "postgresql":
        return [upsert]
    existing = target.existing(form.matching_columns, rows)
    return [existing, upsert, existing]


def _results(target: Target, _form: Upsert, rows: Sequence[Row], given: Sequence[Rows]) -> list[Outcome]:
    if target.dialect == "postgresql":
        return [written("created" if row["created"] else "updated", None) for row in given[0].rows]
    before, after = ({row["position"] for row in found.rows} for found in (given[0], given[2]))
    return [_result(row, before, after) for row in rows]


def _result(row: Row, before: set[int], after: set[int]) -> Outcome:
    if row.position not in after:
        return Failed("Another unique value of this row belongs to another row; nothing was written.", reason="conflict")
    return written("updated" if row.position in before else "created", None)


def _folded(values: Any) -> tuple[str, ...]:
    return tuple(str(value).casefold() for value in values)


def _key(form: Upsert, values: Mapping[str, Json]) -> str:
    return json.dumps(_folded(values[name] for name in form.matching_columns))


_PLAN = Plan(lambda form: form.table, Upsert.row, _key, _statements, _results)


async def perform(requests: Sequence[ActionRequest]) -> list[Outcome]:
    """Write all of them, or none."""
    return await write(requests, Upsert, _PLAN)


ACTION = connector_action(
    Upsert,
    slug="upsert",
    name="Upsert a row",
    description="Adds a row to a table, or changes the one with the same key. Of a batch, up to 500 rows go in one statement.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    rows=RowBatch(perform, max=MAX_ROWS, group_by=("table", "matchingColumns", "writeNulls")),
)
