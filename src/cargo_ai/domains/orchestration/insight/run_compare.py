"""Compare two runs: find the first divergence of their journals. Pure; child runs are read only where the nodes agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

DivergenceKind = Literal["input", "node", "config", "output", "status", "child", "length", "items"]
MAX_VALUES = 20
"""How many differences within two values are reported."""

_VOLATILE_HEADERS = frozenset(
    f"headers.{name}" for name in ("age", "cf-ray", "date", "expires", "request-id", "set-cookie", "x-request-id")
)
"""Headers of an HTTP response that differ each time and say nothing about a divergence."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One execution: `child` is the index of the child that was chosen."""

    node: str
    slug: str
    status: str
    child: int | None
    config: Any
    output: Any
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunTrace:
    """What a run did, in order, from its record on."""

    run: str
    record: Any
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two values differ."""

    path: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two runs diverge. `index`: how many visits of these two runs are the same before."""

    kind: DivergenceKind
    runs: tuple[str, str]
    index: int
    slugs: tuple[str | None, str | None]
    steps: tuple[tuple[str, int | None], ...] = ()
    values: tuple[Difference, ...] = ()


@dataclass(slots=True)
class SameNodes:
    """Nodes that were the same, over everything that was compared."""

    nodes: int = 0


RunNode = tuple[str, str]
"""A run, and a node of its graph: in another graph the node of that slug may have another uuid."""
ChildRuns = Callable[[RunNode, RunNode], Awaitable[tuple[Sequence[RunTrace], Sequence[RunTrace], bool]]]
"""What was started at the place of each, in order, and whether they are items of a group."""


async def find_divergence(
    first: RunTrace, second: RunTrace, below: ChildRuns, count: SameNodes | None = None, *, ignore_input: bool = False
) -> Divergence | None:
    """The first place where two runs diverge; None when they are the same.

    Visits are compared in order: node, config, what it started (so that the cause is found before what follows from it), status, output,
    the child that was chosen. O(the visits that are the same).
    """
    count = count if count is not None else SameNodes()
    runs = (first.run, second.run)
    if not ignore_input and (values := changes(first.record, second.record)):
        return Divergence("input", runs, 0, (None, None), values=values)
    for index, (mine, theirs) in enumerate(zip(first.visits, second.visits, strict=False)):
        is_record = ignore_input and index == 0  # what the first node puts out is the record
        divergence = await _compare_visits(mine, theirs, runs, index, below, count, outputs=not is_record)
        if divergence is not None:
            return divergence
        count.nodes += 1
    length = min(len(first.visits), len(second.visits))
    if len(first.visits) != len(second.visits):
        longer = (first.visits if len(first.visits) > length else second.visits)[length].slug
        return Divergence("length", runs, length, (longer, None) if len(first.visits) > length else (None, longer))
    return None


async def _compare_visits(
    first: Visit, second: Visit, runs: tuple[str, str], index: int, below: ChildRuns, count: SameNodes, *, outputs: bool
) -> Divergence | None:
    slugs = (first.slug, second.slug)
    if first.slug != second.slug:
        return Divergence("node", runs, index, slugs)
    if values := changes(first.config, second.config):
        return Divergence("config", runs, index, slugs, values=values)
    started, others, are_items = await below((runs[0], first.node), (runs[1], second.node))
    for number, (mine, theirs) in enumerate(zip(started, others, strict=False)):
        divergence = await find_divergence(mine, theirs, below, count)
        if divergence is not None:
            step = (first.slug, number if are_items else None)
            return Divergence(
                divergence.kind, divergence.runs, divergence.index, divergence.slugs, (step, *divergence.steps), divergence.values
            )
    if len(started) != len(others):
        return Divergence("items", runs, index, slugs, values=(Difference("", len(started), len(others)),))
    if first.status != second.status:
        return Divergence(
            "status", runs, index, slugs, values=(Difference("", first.error or first.status, second.error or second.status),)
        )
    values = changes(first.output, second.output) if outputs else ()
    if any(changed.path not in _VOLATILE_HEADERS for changed in values):
        return Divergence("output", runs, index, slugs, values=values)
    if first.child != second.child:
        return Divergence("child", runs, index, slugs, values=(Difference("", first.child, second.child),))
    return None


def changes(first: Any, second: Any) -> tuple[Difference, ...]:
    """Where two JSON values differ, at most MAX_VALUES places, in order of their paths; () when they are equal. 1 and 1.0 are."""
    comparison = _Comparison()
    comparison.compare("", first, second)
    return tuple(comparison.places)


@dataclass(slots=True)
class _Comparison:
    places: list[Difference] = field(default_factory=list[Difference])

    def compare(self, path: str, first: Any, second: Any) -> None:
        if len(self.places) >= MAX_VALUES:
            return
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            one, other = cast("Mapping[str, Any]", first), cast("Mapping[str, Any]", second)
            for key in sorted({*one, *other}):
                self._member(_join(path, key), one.get(key, _NOTHING), other.get(key, _NOTHING))
        elif isinstance(first, list) and isinstance(second, list):
            ours, theirs = cast("list[Any]", first), cast("list[Any]", second)
            for index in range(max(len(ours), len(theirs))):
                mine = ours[index] if index < len(ours) else _NOTHING
                self._member(_join(path, str(index)), mine, theirs[index] if index < len(theirs) else _NOTHING)
        elif isinstance(first, bool) != isinstance(second, bool) or first != second:
            self.places.append(Difference(path, first, second))

    def _member(self, path: str, first: Any, second: Any) -> None:
        if first is _NOTHING or second is _NOTHING:
            if len(self.places) < MAX_VALUES:
                self.places.append(Difference(path, None if first is _NOTHING else first, None if second is _NOTHING else second))
            return
        self.compare(path, first, second)


_NOTHING: Any = object()


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
