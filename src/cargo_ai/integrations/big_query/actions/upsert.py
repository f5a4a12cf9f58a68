"""The action `upsert`: add a row to a table, or change the one that has the same values in the matching columns."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.big_query.fields import table_named
from cargo_ai.integrations.big_query.tables import table_of
from cargo_ai.integrations.big_query.writing import MAX_BYTES, MAX_ROWS, WRITTEN, upsert, valid_rows, write
from cargo_ai.integrations.kit import RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.tables.fields import UpsertRow, matching_field
from cargo_ai.integrations.kit.tables.rows import folded

Json = Any


class Upsert(UpsertRow):
    """A row, and what names it."""

    table: str = table_named()
    matching_columns: list[str] = matching_field("The columns that name a row together; BigQuery enforces no key.")


async def _act(rows: Rows[Upsert]) -> None:
    wanted = rows.read(Upsert.row)
    if wanted:
        first = rows.first
        table = await table_of(rows.service, first.table)
        valid = valid_rows(rows, wanted, table)
        await write(rows, folded(valid, first.matching_columns), table, upsert(first.matching_columns), merges=True)


ACTION = connector_action(
    Upsert,
    slug="upsert",
    name="Upsert a row",
    description="Adds a row to a table, or changes the one with the same key. Of a batch, up to 1,000 rows go in one statement.",
    hint="writes",
    idempotency="upsert",
    output_schema=WRITTEN,
    rows=RowBatch(batched(Upsert, _act), max=MAX_ROWS, most_bytes=MAX_BYTES, group_by=("table", "matchingColumns", "writeNulls")),
)
