"""Lookups: a row that a request names, or the refusal of the operation."""

from __future__ import annotations

from typing import Any, LiteralString, TypeVar

from cargo_ai.kernel.operation import Operation

_Row = TypeVar("_Row")
_Reason = TypeVar("_Reason", bound=LiteralString)


def found_or_refuse(
    operation: Operation[Any, Any, _Reason], row: _Row | None, reason: _Reason, *, fix: str | None = None, **places: object
) -> _Row:
    """The row. Raises Refusal with this reason when there is none; `places` fill its sentence, `fix` is the command to run next."""
    if row is None:
        operation.refuse(reason, fix=fix, **places)
    return row
