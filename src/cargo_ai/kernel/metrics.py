"""Metrics: what a process counts and times of its work, where something collects them; nothing is kept otherwise."""

from __future__ import annotations

from typing import Literal, Protocol

Counted = Literal["requests", "executions", "calls"]
Timed = Literal["request", "call"]


class Collector(Protocol):
    """Takes what is counted and timed. Labels come in the order in which the collector declares them."""

    def count(self, measure: Counted, labels: tuple[str, ...], amount: int) -> None:
        """This many more."""

    def time(self, measure: Timed, labels: tuple[str, ...], seconds: float) -> None:
        """One more that took so long."""


class _Uncollected:
    def count(self, measure: Counted, labels: tuple[str, ...], amount: int) -> None: ...

    def time(self, measure: Timed, labels: tuple[str, ...], seconds: float) -> None: ...


_collectors: list[Collector] = [_Uncollected()]


def collect_with(collector: Collector) -> None:
    """From now on, what this process measures goes there."""
    _collectors[:] = [collector]


def is_collected() -> bool:
    """Whether something collects them: for what takes more than a call to measure."""
    return not isinstance(_collectors[0], _Uncollected)


def count(measure: Counted, labels: tuple[str, ...], amount: int = 1) -> None:
    """Count something that has happened."""
    _collectors[0].count(measure, labels, amount)


def time(measure: Timed, labels: tuple[str, ...], seconds: float) -> None:
    """Note how long something took."""
    _collectors[0].time(measure, labels, seconds)
