"""The action `insert`: add a row to a table."""

from __future__ import annotations

from cargo_ai.integrations.big_query.fields import table_named
from cargo_ai.integrations.big_query.tables import table_of
from cargo_ai.integrations.big_query.writing import MAX_BYTES, MAX_ROWS, WRITTEN, insert, valid_rows, write
from cargo_ai.integrations.kit import Form, RowBatch, connector_action
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.tables.fields import Cells, cells_field, values_of
from cargo_ai.integrations.kit.tables.rows import TableRow


class Insert(Form):
    """A row."""

    table: str = table_named()
    values: Cells = cells_field()


async def _act(rows: Rows[Insert]) -> None:
    wanted = rows.read(lambda form: values_of(form.values, write_nulls=False))
    if wanted:
        table = await table_of(rows.service, rows.first.table)
        valid = valid_rows(rows, wanted, table)
        await write(rows, [TableRow((position,), values) for position, values in valid.items()], table, insert, merges=False)


ACTION = connector_action(
    Insert,
    slug="insert",
    name="Insert a row",
    description="Adds a row to a table. Of a batch, up to 1,000 rows go in one statement.",
    hint="writes",
    idempotency="none",
    output_schema=WRITTEN,
    rows=RowBatch(batched(Insert, _act), max=MAX_ROWS, most_bytes=MAX_BYTES, group_by=("table",)),
)
