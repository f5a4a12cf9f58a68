"""Run parting: where two journals part: pure, and lazy about what is below them: only where two nodes agree are their children read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

PartKind = Literal["input", "node", "config", "output", "status", "child", "length", "items"]
MOST_VALUES = 20
"""How many differences within two values are told."""

_OF_THE_MOMENT = frozenset(f"headers.{name}" for name in ("age", "cf-ray", "date", "expires", "request-id", "set-cookie", "x-request-id"))
"""What an answer over HTTP says about when it was given; it differs each time and nobody asks why."""


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
class Tale:
    """What a run did, in order, from its record on."""

    run: str
    record: Any
    visits: Sequence[Visit]


@dataclass(frozen=True, slots=True)
class Changed:
    """Where two values differ."""

    path: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two tales part. `index`: how many visits of these two runs are the same before."""

    kind: PartKind
    runs: tuple[str, str]
    index: int
    slugs: tuple[str | None, str | None]
    steps: tuple[tuple[str, int | None], ...] = ()
    values: tuple[Changed, ...] = ()


@dataclass(slots=True)
class Count:
    """Nodes that were the same, over everything that was compared."""

    nodes: int = 0


Place = tuple[str, str]
"""A run, and a node of its graph: in another graph the node of that slug may have another uuid."""
Below = Callable[[Place, Place], Awaitable[tuple[Sequence[Tale], Sequence[Tale], bool]]]
"""What was started at the place of each, in order, and whether they are items of a group."""


async def parting(first: Tale, second: Tale, below: Below, count: Count | None = None, *, ignore_input: bool = False) -> Parting | None:
    """The first place where two runs part, None when there is none.

    Visits are compared in order: node, config, what it started (so that the cause is found before what follows from it), status, output,
    the child that was chosen. O(the visits that are the same).
    """
    count = count if count is not None else Count()
    runs = (first.run, second.run)
    if not ignore_input and (values := changes(first.record, second.record)):
        return Parting("input", runs, 0, (None, None), values=values)
    for index, (one, other) in enumerate(zip(first.visits, second.visits, strict=False)):
        is_record = ignore_input and index == 0  # what the first node puts out is the record
        found = await _visit(one, other, runs, index, below, count, outputs=not is_record)
        if found is not None:
            return found
        count.nodes += 1
    length = min(len(first.visits), len(second.visits))
    if len(first.visits) != len(second.visits):
        longer = (first.visits if len(first.visits) > length else second.visits)[length].slug
        return Parting("length", runs, length, (longer, None) if len(first.visits) > length else (None, longer))
    return None


async def _visit(
    one: Visit, other: Visit, runs: tuple[str, str], index: int, below: Below, count: Count, *, outputs: bool
) -> Parting | None:
    slugs = (one.slug, other.slug)
    if one.slug != other.slug:
        return Parting("node", runs, index, slugs)
    if values := changes(one.config, other.config):
        return Parting("config", runs, index, slugs, values=values)
    started, others, are_items = await below((runs[0], one.node), (runs[1], other.node))
    for number, (mine, theirs) in enumerate(zip(started, others, strict=False)):
        found = await parting(mine, theirs, below, count)
        if found is not None:
            step = (one.slug, number if are_items else None)
            return Parting(found.kind, found.runs, found.index, found.slugs, (step, *found.steps), found.values)
    if len(started) != len(others):
        return Parting("items", runs, index, slugs, values=(Changed("", len(started), len(others)),))
    if one.status != other.status:
        return Parting("status", runs, index, slugs, values=(Changed("", one.error or one.status, other.error or other.status),))
    values = changes(one.output, other.output) if outputs else ()
    if any(changed.path not in _OF_THE_MOMENT for changed in values):
        return Parting("output", runs, index, slugs, values=values)
    if one.child != other.child:
        return Parting("child", runs, index, slugs, values=(Changed("", one.child, other.child),))
    return None


def changes(first: Any, second: Any) -> tuple[Changed, ...]:
    """Where two JSON values differ, at most MOST_VALUES places, in order of their paths; () when they are equal. 1 and 1.0 are."""
    found = _Found()
    found.compare("", first, second)
    return tuple(found.places)


@dataclass(slots=True)
class _Found:
    places: list[Changed] = field(default_factory=list[Changed])

    def compare(self, path: str, first: Any, second: Any) -> None:
        if len(self.places) >= MOST_VALUES:
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
            self.places.append(Changed(path, first, second))

    def _member(self, path: str, first: Any, second: Any) -> None:
        if first is _NOTHING or second is _NOTHING:
            if len(self.places) < MOST_VALUES:
                self.places.append(Changed(path, None if first is _NOTHING else first, None if second is _NOTHING else second))
            return
        self.compare(path, first, second)


_NOTHING: Any = object()


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
