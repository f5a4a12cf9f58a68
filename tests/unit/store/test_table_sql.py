"""SQL from declared tables: names are checked when the statement is made."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, text

from cargo_ai.store.table_sql import columns_sql, copy_sql, insert_sql

PLANTS = Table(
    "plants",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("height", Integer, nullable=False, server_default=text("0")),
    Column("note", Text),
)


def test_an_insert_names_its_columns_and_their_values() -> None:
    assert insert_sql(PLANTS, "id", "name") == b"insert into plants (id, name) values (%(id)s, %(name)s)"


def test_a_copy_keeps_the_order_of_its_columns() -> None:
    assert copy_sql(PLANTS, "name", "id", "note") == b"copy plants (name, id, note) from stdin"


def test_columns_of_a_select_stand_behind_their_alias() -> None:
    assert columns_sql(PLANTS, "id", "name", alias="p") == "p.id, p.name"


def test_a_column_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="plants has no column colour"):
        columns_sql(PLANTS, "id", "colour")


def test_a_row_without_a_column_that_needs_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of plants needs name"):
        insert_sql(PLANTS, "id", "note")
