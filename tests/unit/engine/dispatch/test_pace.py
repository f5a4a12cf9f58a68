"""Pace: stages grow as asked, stop at too many errors, and never let credits run away."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.engine.dispatch.pace import LOOK_RUNS, UNLIMITED, NextStage, Pace, Progress, Stop, decide, look, parse_pace
from tests.kit.property_examples import examples


def test_stages_are_as_reported_and_then_grow_tenfold() -> None:
    pace = Pace((1, 50, 500))
    assert [decide(pace, Progress(stage)) for stage in range(5)] == [
        NextStage(1),
        NextStage(50),
        NextStage(500),
        NextStage(5_000),
        NextStage(50_000),
    ]


def test_without_stages_the_whole_batch_is_one() -> None:
    assert decide(Pace(max_credits=None), Progress()) == NextStage(UNLIMITED)
    assert decide(Pace(stop_above=0.05), Progress()) == NextStage(10)


def test_a_stage_with_more_errors_than_allowed_is_the_last_one() -> None:
    pace = Pace((1, 50), stop_above=0.05)
    assert decide(pace, Progress(2, 40, 40, 2)) == NextStage(500)
    stopped = decide(pace, Progress(2, 40, 40, 3))
    assert isinstance(stopped, Stop)
    assert (stopped.why, stopped.sentence) == ("errorRate", "Stopped after stage 2: 3 of its 40 runs failed (7.5 %), more than 5 %.")


@given(st.floats(0, 1), st.lists(st.booleans(), max_size=1_500))
def test_whatever_fails_a_stage_stops_within_a_hundred_runs_of_its_limit(limit: float, fails: list[bool]) -> None:
    pace, ended, failed, enrolled, over = Pace((10_000,), stop_above=limit), 0, 0, 0, None
    for is_bad in fails:
        step = look(pace, Progress(1, 0, ended, failed), enrolled - ended)
        if isinstance(step, Stop):
            assert failed > limit * max(ended, LOOK_RUNS)
            break
        enrolled += step.size
        assert enrolled - ended >= 1, "something is always in flight"
        ended, failed = ended + 1, failed + is_bad
        if over is None and failed > limit * max(ended, LOOK_RUNS):
            over = enrolled
    # Those in flight may all fail: beside what was allowed to, a hundred at most.
    if over is not None:
        assert failed + (enrolled - ended) <= limit * max(enrolled, LOOK_RUNS) + LOOK_RUNS + 1


def test_a_pace_is_the_same_after_it_was_kept() -> None:
    pace = Pace((1, 2), 0.5, 10.0, 2.5)
    assert parse_pace(pace.to_stored()) == pace


costs = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), max_size=60)


@settings(deadline=None, max_examples=examples(300))
@given(costs, st.floats(0, 40), st.booleans(), st.none() | st.lists(st.integers(1, 20), min_size=1, max_size=3))
def test_credits_pass_the_limit_by_no_more_than_one_stage_and_never_where_the_dearest_run_is_known(
    runs: list[float], limit: float, known: bool, ramp: list[int] | None
) -> None:
    most = 3.0 if known else None
    pace, progress, used, at = Pace(tuple(ramp or ()), None, limit, most), Progress(), 0.0, 0
    while at < len(runs):
        step = decide(pace, progress)
        if isinstance(step, Stop):
            assert step.why == "maxCredits"
            # It stops for a reason: one more run might not fit.
            assert used >= limit or used + max([most or 0.0, *runs[:at]]) > limit
            return
        stage = runs[at : at + step.size]
        before, used, at = used, used + math.fsum(stage), at + len(stage)
        assert before < limit
        assert used <= (limit if known else before + math.fsum(stage))
        if progress.dearest and max(stage) <= progress.dearest:
            # Nothing was dearer than expected: the limit holds.
            assert used <= limit + 1e-9
        progress = Progress(progress.stage + 1, len(stage), len(stage), 0, used, max([progress.dearest, *stage]))
