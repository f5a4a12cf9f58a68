"""Bisect a refused batch: send it again in halves until the row that is at fault stands alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from cargo_ai.engine.graph.action import Outcome
from cargo_ai.integrations.kit import ServiceError

RowT = TypeVar("RowT")
Act = Callable[[Sequence[RowT]], Awaitable[Sequence[Outcome]]]

OF_THE_ACCOUNT = frozenset({401, 403, 429})
"""Refusals that no part of the batch would escape."""


class Refused(Exception):
    """The service refused a batch as a whole. `changed`: a part of it was done, so that it must not be sent again."""

    def __init__(self, error: ServiceError, *, changed: bool) -> None:
        super().__init__(str(error))
        self.error, self.changed = error, changed

    @property
    def may_be_of_one_row(self) -> bool:
        """Whether smaller parts may pass."""
        return self.error.rejects and self.error.status not in OF_THE_ACCOUNT and not self.changed


async def act_in_halves(rows: Sequence[RowT], act: Act[RowT], whole: int = 0) -> list[Outcome]:
    """An outcome for each row. `act` raises Refused; at most 2·log2(n) more calls for each row that is refused by itself.

    whole: how many rows the first call had, of which these are a part.
    """
    try:
        return list(await act(rows))
    except Refused as refused:
        if len(rows) == 1 or not refused.may_be_of_one_row:
            return [_outcome(refused, whole)] * len(rows)
    middle, whole = len(rows) // 2, whole or len(rows)
    parts = [await act_in_halves(part, act, whole) for part in (rows[:middle], rows[middle:])]
    return [outcome for part in parts for outcome in part]


def _outcome(refused: Refused, whole: int) -> Outcome:
    failed = refused.error.to_outcome()
    failed = replace(failed, sent=failed.sent or refused.changed)
    if not whole or not refused.may_be_of_one_row:
        return failed
    message = failed.message if failed.message.endswith((".", "!", "?")) else f"{failed.message}."
    return replace(failed, message=f"{message} It is this row that was refused, of {whole} in one call.")
