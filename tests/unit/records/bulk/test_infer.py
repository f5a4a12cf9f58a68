"""Inference: the narrowest type that fits every row of a column."""

from __future__ import annotations

import pytest

from cargo_ai.records.bulk.infer import TypeInference


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.5", ""], "number"),
        (["0", "0.5"], "number"),
        (["01", "2"], "string"),
        (["+33612345678"], "string"),
        (["12345678901234567890"], "string"),
        (["1,000"], "string"),
        (["1", "x"], "string"),
        (["true", "FALSE"], "boolean"),
        (["0", "1"], "number"),
        (["true", "1"], "string"),
        (["2024-01-31", "2024-01-31T10:00:00Z", "2024-01-31 10:00"], "date"),
        (["2024-02-30"], "string"),
        (["31/01/2024"], "string"),
        (['{"a":1}', "{}"], "object"),
        (["[1]", "[]"], "array"),
        (["[1]", "{}"], "string"),
        (["", ""], "string"),
    ],
)
def test_the_type_fits_every_value(values: list[str], kind: str) -> None:
    inference = TypeInference(1)
    for value in values:
        inference.add([[value]])
    assert inference.types() == [kind]
    assert inference.count == len(values)


def test_columns_are_reported_apart() -> None:
    inference = TypeInference(3)
    inference.add([["1", "a", ""], ["2", "b", "true"]])
    inference.add([["x", "c", "false"]])
    assert inference.types() == ["string", "string", "boolean"]
