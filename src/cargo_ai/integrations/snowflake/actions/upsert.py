"""The action `upsert`: add a row to a table, or change the one that has the same values in the matching columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import Action, ConnectorAction, Form, RowBatch, schema_of, ui_schema_of
from cargo_ai.integrations.kit.rows import Rows, batched
from cargo_ai.integrations.kit.table_rows import folded
from cargo_ai.integrations.snowflake.fields import table_field
from cargo_ai.integrations.snowflake.tables import known_table
from cargo_ai.integrations.snowflake.writing import MOST_BYTES, MOST_ROWS, WRITTEN, upsert, valid_rows, write
from cargo_ai.integrations.sql.fields import Cells, cells_field, keyed_values

Json = Any


class Upsert(Form):
    """A row, and what names it."""

    table: str = table_field()
    matching_columns: list[str] = Field(
        title="Match by", description="The columns that name a row together; Snowflake enforces no key.", min_length=1, max_length=16
    )
    values: Cells = cells_field()
    write_nulls: bool = Field(default=False, title="Write null", description="Whether null clears a value.")


def _values(form: Upsert) -> Mapping[str, Json]:
    return keyed_values(form.values, form.matching_columns, write_nulls=form.write_nulls)


async def _act(rows: Rows[Upsert]) -> None:
    wanted = rows.read(_values)
    if wanted:
        first = rows.first
        table = await known_table(rows.service, first.table, {name for values in wanted.values() for name in values})
        valid = valid_rows(rows, wanted, table)
        keys = [table.column(name).name for name in first.matching_columns]
        await write(rows, folded(valid, keys), table, upsert(keys))


ACTION: ConnectorAction = Action(
    slug="upsert",
    kind="connector",
    name="Upsert a row",
    description="Adds a row to a table, or changes the one with the same key. Of a batch, up to 500 rows go in one statement.",
    does="acts",
    hint="writes",
    idempotency="upsert",
    config_schema=schema_of(Upsert),
    ui_schema=ui_schema_of(Upsert),
    output_schema=WRITTEN,
    rows=RowBatch(batched(Upsert, _act), max=MOST_ROWS, most_bytes=MOST_BYTES, group_by=("table", "matchingColumns", "writeNulls")),
)
