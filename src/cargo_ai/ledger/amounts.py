"""Amounts of credits: decimals with six places, as the ledger keeps them."""

from __future__ import annotations

from decimal import Decimal

PLACES = 6
ZERO = Decimal(0)
_STEP = Decimal(1).scaleb(-PLACES)
MAX = Decimal(10) ** 12
"""More credits than this are refused: sums of them still fit into the database's columns."""


def amount(value: Decimal | float | int | str) -> Decimal:
    """The amount with six places. ValueError for what is not a number, below 0, or above `MAX`."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite() or not 0 <= number <= MAX:
        raise ValueError(f"{value} is not an amount of credits: it is a number from 0 to {MAX:,}")
    return number.quantize(_STEP)
