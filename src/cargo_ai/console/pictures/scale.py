"""Scales of charts: round ticks from zero to a maximum, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MAX = 1e15


def finite(value: float) -> float:
    """The value as a height: what is negative or no number has none."""
    return min(float(value), _MAX) if value > 0 and not math.isnan(value) else 0.0


def ticks(values: Iterable[float], most: int = 5) -> list[float]:
    """Round values from 0 to at least the greatest of the values, `most` or fewer steps above 0."""
    greatest = max((finite(value) for value in values), default=0.0) or 1.0
    rough = greatest / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))
    return [round(step * index, 9) for index in range(math.ceil(greatest / step - 1e-9) + 1)]


def short(value: float) -> str:
    """A number in at most about five characters: 950, 1.2k, 3.4M."""
    for size, letter in _LARGE:
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}" if abs(value) < size * 1e3 else f"{value / size:.0f}{letter}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:g}" if value == int(value) else f"{value:.1f}"


def exact(value: float) -> str:
    """A number with all its digits, thousands apart."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def some_of(labels: Sequence[str], most: int = 8) -> list[tuple[int, str]]:
    """Labels that fit below an axis, evenly apart, with their places; the first is among them."""
    apart = max(1, math.ceil(len(labels) / most))
    return [(place, labels[place]) for place in range(0, len(labels), apart)]
