"""Ranges: the least and the most that a walk does, added up from its parts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cargo_ai.engine.graph.action import Json


class NodeKey(NamedTuple):
    """A node: the way to it through groups and tools (`group.node`), and what it is called there."""

    path: str
    node: str
    slug: str


@dataclass(slots=True)
class Range:
    """Executions by place, credits, seconds of waiting, and failed runs (0 or 1 each), at least and at most; `credits_most` is None where
    nothing bounds it. `likely`: executions on average, where nothing but chance leaves them open; not so for the `unsure` places.
    `output`: what the walk gives, where it is `known`."""

    least: Counter[NodeKey] = field(default_factory=Counter[NodeKey])
    most: Counter[NodeKey] = field(default_factory=Counter[NodeKey])
    likely: dict[NodeKey, float] = field(default_factory=dict[NodeKey, float])
    unsure: set[NodeKey] = field(default_factory=set[NodeKey])
    credits: float = 0.0
    credits_most: float | None = 0.0
    seconds: float = 0.0
    seconds_most: float = 0.0
    failed: int = 0
    failed_most: int = 0
    output: Json = None
    known: bool = True
    error: str | None = None

    def add(self, other: Range) -> None:
        """Add what is done besides or after this. Whether and how the walk ends is set by the caller."""
        self.least.update(other.least)
        self.most.update(other.most)
        for place, many in other.likely.items():
            self.likely[place] = self.likely.get(place, 0.0) + many
        self.unsure |= other.unsure
        self.spend(other.credits, other.credits_most)

    def spend(self, least: float, most: float | None) -> None:
        """Credits on top."""
        self.credits += least
        self.credits_most = None if most is None or self.credits_most is None else self.credits_most + most

    def wait(self, least: float, most: float) -> None:
        """Seconds on top."""
        self.seconds, self.seconds_most = self.seconds + least, self.seconds_most + most

    def visit(self, place: NodeKey) -> None:
        """A node that is surely executed."""
        self.least[place] += 1
        self.most[place] += 1
        self.likely[place] = self.likely.get(place, 0.0) + 1

    def end(self, ways: Range) -> Range:
        """Go on like `ways`, to the end of the walk."""
        self.add(ways)
        self.wait(ways.seconds, ways.seconds_most)
        self.failed, self.failed_most = ways.failed, ways.failed_most
        self.output, self.known, self.error = ways.output, ways.known, ways.error
        return self


def either(ways: Iterable[Range], shares: Sequence[float] | None = None) -> Range:
    """One of several ways, not known which; `shares`: how likely each is, where that is known."""
    listed = list(ways)
    places = {place for way in listed for place in way.most}
    bounds = [way.credits_most for way in listed]
    unsure = {place for way in listed for place in way.unsure}
    if shares is None:
        unsure |= {place for place in places if len({way.likely.get(place, 0.0) for way in listed}) > 1}
    weights = shares or [1 / len(listed)] * len(listed)
    likely = {place: sum(share * way.likely.get(place, 0.0) for share, way in zip(weights, listed, strict=True)) for place in places}
    return Range(
        Counter({place: least for place in places if (least := min(way.least[place] for way in listed))}),
        Counter({place: max(way.most[place] for way in listed) for place in places}),
        likely,
        unsure,
        min(way.credits for way in listed),
        None if any(bound is None for bound in bounds) else max(bound for bound in bounds if bound is not None),
        min(way.seconds for way in listed),
        max(way.seconds_most for way in listed),
        min(way.failed for way in listed),
        max(way.failed_most for way in listed),
        None,
        False,
    )
