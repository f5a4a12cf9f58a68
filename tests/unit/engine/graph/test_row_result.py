"""Row results: what a write-back did to which record, as its output says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cargo_ai.engine.graph import row_result
from cargo_ai.engine.graph.action import Call, Outcome
from tests.unit.engine.graphs import service


@pytest.mark.parametrize(
    ("output", "error", "result"),
    [
        ({"operation": "created", "recordId": 12}, None, ("created", "12")),
        ({"operation": "skipped", "recordId": None}, None, ("skipped", None)),
        ({"operation": "x" * 10_000, "recordId": "\ud800\x00"}, None, ("x" * 500, "?")),
        ([], None, (None, None)),
        ({}, "no", ("failed", None)),
    ],
)
def test_the_result_of_a_write_back_is_taken_from_its_output(output: Any, error: str | None, result: tuple[str | None, str | None]) -> None:
    plain = service(_never)
    writes = replace(plain, hint="writes", output_schema={"properties": {"operation": {}}})
    assert row_result.of(writes, output, error) == result
    assert row_result.of(plain, output, error) == (None, None)


async def _never(_call: Call) -> Outcome:
    raise AssertionError
