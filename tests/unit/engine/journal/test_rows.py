"""The types of rows against the tables that they describe."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import Table

from cargo_ai.engine.journal.rows import (
    BatchRow,
    ChildRow,
    DueRun,
    ExecutionRow,
    FanoutRow,
    LastExecutionRow,
    NewRun,
    RunRow,
    ShardRow,
)
from cargo_ai.engine.journal.tables import batches, executions, fanouts, runs, shards

COMPUTED = {"here", "is_child", "lane", "is_unknown"}
"""What statements add to the columns of runs."""


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (RunRow, runs),
        (NewRun, runs),
        (DueRun, runs),
        (ChildRow, runs),
        (ExecutionRow, executions),
        (LastExecutionRow, executions),
        (FanoutRow, fanouts),
        (ShardRow, shards),
        (BatchRow, batches),
    ],
)
def test_a_row_has_columns_of_its_table_and_may_lack_a_value_where_they_may(row: type[Any], table: Table) -> None:
    columns = {name: kind for name, kind in get_type_hints(row).items() if not (table is runs and name in COMPUTED)}
    assert columns.keys() <= set(table.c.keys())
    optional = {name for name, kind in columns.items() if kind is Any or NoneType in get_args(kind)}
    nullable = {name for name in columns if table.c[name].nullable}
    # What a row of a run below another one, and an output in a file, surely have.
    assert optional - {"record"} == nullable - {"output", *({"item"} if row is ChildRow else ())}


def test_new_runs_and_batches_have_all_their_columns() -> None:
    assert NewRun.__annotations__.keys() == set(runs.c.keys()) - {"record", "pending", "rare_status"}
    assert BatchRow.__annotations__.keys() == set(batches.c.keys())
