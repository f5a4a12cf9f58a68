"""Lookups: the row that a request names, or the refusal of its operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString, TypeVar

from cargo_ai.kernel.operation import Operation

_Row = TypeVar("_Row")
_Reason = TypeVar("_Reason", bound=LiteralString)


def found_or_refuse(
    operation: Operation[Any, Any, _Reason],
    row: _Row | None,
    reason: _Reason,
    *,
    fix: str | None = None,
    details: Mapping[str, Any] | None = None,
    **places: object,
) -> _Row:
    """The row. Raises Refusal with this reason when it is missing; `places` fill its sentence, `fix` is the command to run next."""
    if row is None:
        operation.refuse(reason, fix=fix, details=details, **places)
    return row
