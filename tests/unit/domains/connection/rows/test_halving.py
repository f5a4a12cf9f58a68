"""Halving: a batch that is refused for the fault of one row."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from cargo_ai.domains.connection.rows.halving import Refused, act_in_halves
from cargo_ai.engine.graph.action import Done, Failed, Outcome
from cargo_ai.integrations.kit import ServiceError


class Service:
    """It refuses every batch that has a row of `bad`."""

    def __init__(self, bad: set[int], status: int = 400, *, changed: bool = False, transient: bool = False) -> None:
        self.bad, self.status, self.changed, self.transient = bad, status, changed, transient
        self.calls: list[Sequence[int]] = []

    async def act(self, rows: Sequence[int]) -> Sequence[Outcome]:
        self.calls.append(rows)
        if bad := self.bad.intersection(rows):
            error = ServiceError(f"Row {min(bad)} is wrong", status=self.status, transient=self.transient, reason="invalidRequest")
            raise Refused(error, changed=self.changed)
        return [Done(row) for row in rows]


@pytest.mark.parametrize("bad", [{0}, {37}, {99}, {3, 4}, {0, 50, 99}, {1, 25, 50, 75}])
async def test_bad_rows_fail_alone_and_the_others_are_done_within_the_bound(bad: set[int]) -> None:
    service = Service(bad)
    outcomes = await act_in_halves(range(100), service.act)
    for row, outcome in enumerate(outcomes):
        if row in bad:
            message = f"Row {row} is wrong. It is this row that was refused, of 100 in one call."
            assert outcome == Failed(message, reason="invalidRequest")
        else:
            assert outcome == Done(row)
    assert len(service.calls) - 1 <= len(bad) * 2 * math.ceil(math.log2(100))


async def test_a_batch_of_bad_rows_costs_two_calls_a_row() -> None:
    service = Service(set(range(100)))
    assert all(isinstance(outcome, Failed) for outcome in await act_in_halves(range(100), service.act))
    assert len(service.calls) == 199


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_what_concerns_the_account_is_not_sent_in_parts(status: int) -> None:
    service = Service({5}, status)
    outcomes = await act_in_halves(range(10), service.act)
    assert len(service.calls) == 1 and outcomes == [Failed("Row 5 is wrong", reason="invalidRequest")] * 10


async def test_what_was_done_in_part_is_not_sent_again() -> None:
    service = Service({5}, changed=True)
    outcomes = await act_in_halves(range(10), service.act)
    assert len(service.calls) == 1 and outcomes == [Failed("Row 5 is wrong", reason="invalidRequest", sent=True)] * 10


async def test_a_row_by_itself_says_what_the_service_says() -> None:
    assert await act_in_halves([5], Service({5}).act) == [Failed("Row 5 is wrong", reason="invalidRequest")]
