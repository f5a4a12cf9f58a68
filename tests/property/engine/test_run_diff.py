"""Two runs part where they part: on random graphs with groups in groups, a change put into one journal is found, and nothing before it."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.domains.orchestration.insight import run_compare
from cargo_ai.domains.orchestration.insight.run_compare import Difference, RunTrace, Visit, changes
from tests.kit.property_examples import examples

Journal = dict[tuple[str, str], list[RunTrace]]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@dataclass
class RandomRuns:
    """What random runs did; what each node of each started; the places at which something could differ, in the order of comparing."""

    source: random.Random
    journal: Journal = field(default_factory=dict[tuple[str, str], list[RunTrace]])
    places: list[tuple[str, int, tuple[tuple[str, int | None], ...]]] = field(
        default_factory=list[tuple[str, int, tuple[tuple[str, int | None], ...]]]
    )
    made: int = 0

    def tale(self, depth: int, steps: tuple[tuple[str, int | None], ...]) -> RunTrace:
        """A run of one to five nodes; up to three deep a node may have started items."""
        run = f"run{self.made}"
        self.made += 1
        visits: list[Visit] = []
        for index in range(self.source.randint(1, 5)):
            slug = f"n{index}"
            items = self.source.randint(0, 3) if depth < 3 and self.source.random() < 0.4 else 0
            started = [self.tale(depth + 1, (*steps, (slug, number))) for number in range(items)]
            if started:
                self.journal[(run, slug)] = started
            visits.append(Visit(slug, slug, "success", 0, {"c": self.source.randint(0, 9)}, {"o": self.source.randint(0, 9)}))
            self.places.append((run, index, steps))
        return RunTrace(run, {"r": self.source.randint(0, 9)}, visits)


def below_of(first: Journal, second: Journal) -> run_compare.ChildRuns:
    async def below(one: run_compare.RunNode, other: run_compare.RunNode) -> tuple[Sequence[RunTrace], Sequence[RunTrace], bool]:
        return first.get(one, []), second.get(other, []), True

    return below


def compare(first: RunTrace, ours: Journal, second: RunTrace, theirs: Journal) -> run_compare.Divergence | None:
    return asyncio.run(run_compare.find_divergence(first, second, below_of(ours, theirs)))


def changed(tale: RunTrace, journal: Journal, run: str, index: int, change: dict[str, Any]) -> tuple[RunTrace, Journal]:
    """The same story with one visit that went otherwise."""

    def reported(one: RunTrace) -> RunTrace:
        if one.run != run:
            return one
        visits = list(one.visits)
        old = visits[index]
        visits[index] = Visit(**{name: change.get(name, getattr(old, name)) for name in Visit.__dataclass_fields__})
        return RunTrace(one.run, one.record, visits)

    return reported(tale), {key: [reported(one) for one in tales] for key, tales in journal.items()}


@settings(max_examples=examples(150), deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_same_story_never_parts(source: random.Random) -> None:
    runs = RandomRuns(source)
    tale = runs.tale(0, ())
    assert compare(tale, runs.journal, copy.deepcopy(tale), copy.deepcopy(runs.journal)) is None


@settings(max_examples=examples(300), deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["config", "output", "child", "status", "slug"]), st.data())
def test_one_change_anywhere_is_found_where_it_was_made(source: random.Random, kind: str, data: st.DataObject) -> None:
    runs = RandomRuns(source)
    tale = runs.tale(0, ())
    run, index, steps = data.draw(st.sampled_from(runs.places))
    change: dict[str, Any] = {
        "config": {"config": {"c": "other"}},
        "output": {"output": {"o": "other"}},
        "child": {"child": 1},
        "status": {"status": "error"},
        "slug": {"slug": "elsewhere"},
    }[kind]
    found = compare(tale, runs.journal, *changed(tale, runs.journal, run, index, change))
    assert found is not None
    assert (found.runs, found.index, found.steps) == ((run, run), index, steps)
    assert found.kind == {"slug": "node"}.get(kind, kind)


@settings(max_examples=examples(200), deadline=None)
@given(st.randoms(use_true_random=False), st.data())
def test_of_two_changes_the_earlier_one_is_found(source: random.Random, data: st.DataObject) -> None:
    runs = RandomRuns(source)
    tale = runs.tale(0, ())
    first, second = sorted(data.draw(st.lists(st.integers(0, len(runs.places) - 1), min_size=2, max_size=2)))
    story, journal = tale, runs.journal
    for at in (second, first):
        run, index, _ = runs.places[at]
        # The output: what a node has started is reported before what it gave, as the places are listed.
        story, journal = changed(story, journal, run, index, {"output": {"o": f"changed {at}"}})
    found = compare(tale, runs.journal, story, journal)
    run, index, steps = runs.places[first]
    assert found is not None and (found.runs[0], found.index, found.steps) == (run, index, steps)


@settings(max_examples=examples(150), deadline=None)
@given(st.randoms(use_true_random=False))
def test_who_goes_on_longer_is_reported_with_the_node_behind_the_other_s_end(source: random.Random) -> None:
    runs = RandomRuns(source)
    tale = runs.tale(0, ())
    shorter = RunTrace(tale.run, tale.record, tale.visits[:-1])
    found = compare(tale, runs.journal, shorter, runs.journal)
    assert found is not None
    assert (found.kind, found.index, found.slugs) == ("length", len(tale.visits) - 1, (tale.visits[-1].slug, None))


@given(json_values, json_values)
def test_values_differ_exactly_when_something_is_reported_and_both_ways_the_same(one: Any, other: Any) -> None:
    reported = changes(one, other)
    assert changes(one, copy.deepcopy(one)) == ()
    assert changes(other, one) == tuple(Difference(place.path, place.second, place.first) for place in reported)
    if not reported:
        assert one == other
    elif type(one) is type(other) and one == other:
        # Python takes true for 1; JSON does not.
        assert any(isinstance(place.first, bool) != isinstance(place.second, bool) for place in reported)
