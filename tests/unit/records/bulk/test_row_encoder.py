"""Rows for COPY: the quick way and the careful one write the same lines, and what does not fit is reported either way."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.records.bulk.fast_path import are_dates, are_numbers
from cargo_ai.records.bulk.row_batches import RowBatch, TextBatch
from cargo_ai.records.bulk.row_encoder import RowEncoder
from cargo_ai.records.catalog import Column, Relation

COLUMNS = (
    Column("id", "string", "original"),
    Column("name", "string", "original"),
    Column("n", "number", "original"),
    Column("ok", "boolean", "original"),
    Column("at", "date", "original"),
)
RELATION = Relation(uuid.UUID(int=1), "things", "default", "s", "t", "v", COLUMNS, "id", "name")

VALUES = (
    st.sampled_from(["a", "b\tc", "d\\e", "", "x" * 2_001, "é"]),
    st.text(alphabet="ab \t\n\r\\\"',é", max_size=5),
    st.sampled_from(["1", "-2.5", "", "1e5", "many", " 3", "NaN", "1" * 50]),
    st.sampled_from(["true", "false", "", "maybe"]),
    st.sampled_from(["2020-01-02", "2020-02-30", "", "2020-01-02T03:04:05Z", "tomorrow"]),
)
ROWS = st.lists(st.tuples(*VALUES).map(list), min_size=1, max_size=6)


def prepared(order: list[int], *, careful: bool, staged: bool) -> RowEncoder:
    made = RowEncoder(RELATION, [COLUMNS[backend] for backend in order], new_id=lambda: "")
    made.staged = staged
    if careful:
        made._plain = None  # pyright: ignore[reportPrivateUsage]
    return made


def block_of(rows: list[list[str]]) -> RowBatch:
    """The rows as they come out of a file: as lines, where they can."""
    plain = not any(special in value for row in rows for value in row for special in ',\n\r"')
    return (TextBatch.of("\n".join(map(",".join, rows)) + "\n", ",", 5) if plain else None) or RowBatch(rows)


@given(ROWS, st.permutations(range(5)), st.booleans())
def test_both_ways_write_the_same(rows: list[list[str]], order: list[int], staged: bool) -> None:
    given_rows = [[row[backend] for backend in order] for row in rows]
    quick, careful = (prepared(order, careful=which, staged=staged) for which in (False, True))
    lines, wanted = quick.lines(7, block_of(given_rows)), careful.lines(7, RowBatch(given_rows))
    assert quick.rejected == careful.rejected
    if not careful.rejected:
        assert lines == wanted


def test_a_staged_row_that_does_not_fit_comes_with_its_faults() -> None:
    rows = RowBatch([["a", "A", "1", "", ""], ["", "B", "many", "", ""]])
    lines = prepared([0, 1, 2, 3, 4], careful=False, staged=True).lines(2, rows).decode()
    good, bad = lines.splitlines()
    assert good == "2\ta\ta\tA\t1.0\t\t\t"
    assert bad.startswith("3\t\t\t\t\t\t\t[{")
    assert "is missing" in bad
    assert "many" in bad


@pytest.mark.parametrize(
    ("values", "whether"), [(["1", "", "-2.5e3"], True), (["1\n2"], False), (["x"], False), (["", ""], True), (["1 "], False)]
)
def test_numbers_are_reported_by_a_look(values: list[str], whether: bool) -> None:
    assert are_numbers(values) is whether


@pytest.mark.parametrize(
    ("values", "whether"),
    [
        (["2020-02-29", ""], True),
        (["2021-02-29"], False),
        (["2021-12-31T23:59:59.123456Z", "2021-04-30 10:00", "2021-01-31T00:00:00+02:00"], True),
        (["2021-04-31"], False),
        (["0000-01-01"], False),
        (["2021-01-01T24:00:00Z"], False),
        (["2021-01-01\n2021-01-02"], False),
    ],
)
def test_dates_that_are_not_are_reported(values: list[str], whether: bool) -> None:
    assert are_dates(values) is whether


def test_lines_that_are_not_all_as_wide_make_no_plain_block() -> None:
    assert TextBatch.of("a,b\nc\n", ",", 2) is None
    assert TextBatch.of("a\n\nb\n", ",", 1) is None
    block = TextBatch.of("a,b\n,d\n", ",", 2)
    assert block is not None
    assert ([list(row) for row in block.rows()], list(block.column(1)), block.tabbed([1, 0])) == (
        [["a", "b"], ["", "d"]],
        ["b", "d"],
        "b\ta\nd\t",
    )
