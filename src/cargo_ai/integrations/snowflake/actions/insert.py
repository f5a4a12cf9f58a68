"""The action `insert`: add a row to a table."""

from __future__ import annotations

from cargo_ai.integrations.kit import Action, ConnectorAction, Form, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.table_rows import TableRow
from cargo_ai.integrations.snowflake.fields import table_field
from cargo_ai.integrations.snowflake.tables import known_table
from cargo_ai.integrations.snowflake.writing import MOST_BYTES, MOST_ROWS, WRITTEN, insert, valid_rows, write
from cargo_ai.integrations.sql.fields import Cells, cells_field, values_of


class Insert(Form):
    """A row."""

    table: str = table_field()
    values: Cells = cells_field()


async def _act(rows: Rows[Insert]) -> None:
    wanted = rows.read(lambda form: values_of(form.values, write_nulls=False))
    if wanted:
        table = await known_table(rows.service, rows.first.table, {name for values in wanted.values() for name in values})
        valid = valid_rows(rows, wanted, table)
        await write(rows, [TableRow((position,), values) for position, values in valid.items()], table, insert)


ACTION: ConnectorAction = Action(
    slug="insert",
    kind="connector",
    name="Insert a row",
    description="Adds a row to a table. Of a batch, up to 500 rows go in one statement.",
    does="acts",
    hint="writes",
    idempotency="none",
    config_schema=schema_of(Insert),
    ui_schema=ui_schema_of(Insert),
    output_schema=WRITTEN,
    rows=RowBatch(batched(Insert, _act), max=MOST_ROWS, most_bytes=MOST_BYTES, group_by=("table",)),
)
