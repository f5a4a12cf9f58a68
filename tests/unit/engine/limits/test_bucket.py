"""Buckets: never more calls in any window than allowed, whatever the order, and those who wait as they were asked to get through."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cargo_ai.engine.limits.bucket import FAR_SECONDS, MARKS, Back, Bucket, Go, Request, close, give_back, read, room, serve
from cargo_ai.engine.limits.policy import SECONDS, Policy, Reading, Strategy, Unit

START = 1_700_000_000.0
MAX = some.integers(1, 400)
STRATEGY: some.SearchStrategy[Strategy] = some.sampled_from(("spread", "burst"))
UNIT: some.SearchStrategy[Unit] = some.sampled_from(("second", "minute"))
POLICY = some.builds(Policy, MAX, some.sampled_from((1.0, 7.0, 60.0)), strategy=STRATEGY)
ONE = Request((1,))


def in_any_window(times: list[float], window: float) -> int:
    """The most calls in any half-open window."""
    most = start = 0
    for end, time in enumerate(times := sorted(times)):
        while times[start] <= time - window:
            start += 1
        most = max(most, end - start + 1)
    return most


def take(bucket: Bucket, policy: Policy, now: float, want: int, patience: float = 0.0) -> tuple[Bucket, list[float], float]:
    """One bucket alone: afterwards, when the calls go, and when the next one may."""
    served = serve((bucket,), (policy,), [Request((1,), patience)] * want, now, 0.3)
    return served.buckets[0], [answer.at for answer in served.answers if isinstance(answer, Go)], served.opens


# What may happen to two policies that share one bucket or have one each: calls of several lines, some of which do not go at all.
HAPPENING = some.tuples(
    some.floats(0, 0.4),
    some.integers(1, 60),
    some.sampled_from(((1, 1), (1, 0), (0, 1), (3, 1))),
    some.sampled_from((0.0, 0.1, 2.0)),
    some.integers(0, 3),
)


@given(some.tuples(POLICY, POLICY), some.lists(HAPPENING, max_size=40))
def test_no_window_of_any_policy_ever_holds_more_than_its_limit(
    policies: tuple[Policy, Policy], happenings: list[tuple[float, int, tuple[int, int], float, int]]
) -> None:
    buckets, now = [Bucket(), Bucket()], START
    times: list[list[float]] = [[], []]
    for pause, want, costs, patience, unused in happenings:
        now += pause * min(policy.per_seconds for policy in policies)
        counted = [number for number in (0, 1) if costs[number]]
        mine = tuple(min(costs[number], policies[number].max) for number in counted)
        requests = [Request(mine, patience, patience / 2)] * want
        served = serve([buckets[n] for n in counted], [policies[n] for n in counted], requests, now, 0.3)
        went = [answer.at for answer in served.answers if isinstance(answer, Go)]
        assert all(now <= at <= now + 0.3 + 1e-4 for at in went)
        assert all(answer.seconds > 0 for answer in served.answers if isinstance(answer, Back))
        for number, cost, bucket in zip(counted, mine, served.buckets, strict=True):
            for at in went[:unused]:
                bucket = give_back(bucket, policies[number], at, cost)
            buckets[number] = bucket
            times[number] += [at for at in went[unused:] for _ in range(cost)]
    for policy, at in zip(policies, times, strict=True):
        # A call leaves up to half of the slack after its time.
        assert in_any_window(at, policy.per_seconds + policy.slack / 2 - 1e-5) <= policy.max


@given(MAX, STRATEGY, UNIT)
def test_who_waits_as_reported_gets_through(most: int, strategy: Strategy, unit: Unit) -> None:
    policy = Policy.per(unit, most, strategy)
    served = serve((Bucket(),), (policy,), [ONE] * (most + 1), START, 0.3)
    back = next(answer for answer in served.answers if isinstance(answer, Back))
    assert isinstance(serve(served.buckets, (policy,), [ONE], START + back.seconds + 1e-4, 0.3).answers[0], Go)
    assert isinstance(serve(served.buckets, (policy,), [ONE], START + back.seconds * 0.9, 0.3).answers[0], Back)


@pytest.mark.parametrize("strategy", ["spread", "burst"])
@pytest.mark.parametrize(
    ("most", "unit"), [(1, "second"), (10, "second"), (50, "second"), (100, "minute"), pytest.param(1000, "second", marks=pytest.mark.slow)]
)
def test_nearly_the_whole_limit_is_used_by_those_who_wait_in_line(most: int, unit: Unit, strategy: Strategy) -> None:
    policy, bucket, now, calls = Policy.per(unit, most, strategy), Bucket(), START, 0
    windows, pause = (20, 0.05) if unit == "second" else (5, 0.25)
    end = now + windows * SECONDS[unit]
    while now < end:
        bucket, went, _ = take(bucket, policy, now, most, patience=2.0)
        calls += len(went)
        now += pause
    assert 0.95 * windows * most <= calls <= windows * most + most
    assert policy.at_once <= (1 + most // 20 if strategy == "spread" else most)


def test_spread_calls_are_paced() -> None:
    _, went, _ = take(Bucket(), Policy(50, 1.0), START, 50, patience=2.0)
    assert 14 <= len(went) <= 17
    assert all(later - sooner > 0.02 for sooner, later in itertools.pairwise(went[2:]))


def test_burst_lets_the_windows_calls_go_at_once_and_then_waits_for_the_window() -> None:
    policy = Policy.per("minute", 100, "burst")
    bucket, went, _ = take(Bucket(), policy, START, 150)
    assert len(went) == 100
    _, went, opens = take(bucket, policy, START + 30, 1)
    assert not went
    assert 29 < opens - START - 30 < 31


def test_a_bucket_remembers_few_marks() -> None:
    policy, bucket, now = Policy.per("minute", 100_000, "burst"), Bucket(), START
    for _ in range(5000):
        now += 0.02
        bucket, _, _ = take(bucket, policy, now, 1)
    assert len(bucket.marks) <= MARKS + 2


def test_a_limit_that_is_raised_holds_no_one_back_for_the_old_time() -> None:
    bucket, _, _ = take(Bucket(), Policy.per("day", 1), START, 1)
    _, _, opens = take(bucket, Policy.per("second", 1), START + 1, 1)
    assert opens - START - 1 <= 2.2


def test_a_call_that_did_not_go_is_given_back() -> None:
    for strategy in ("spread", "burst"):
        policy = Policy(2, 3600, strategy=strategy)
        bucket, went, _ = take(Bucket(), policy, START, 1)
        assert room(bucket, policy, START) == 1
        bucket = give_back(bucket, policy, went[0], 1)
        assert room(bucket, policy, START) == 2
        assert take(bucket, policy, START, 1)[1]


def test_those_who_are_sent_away_get_places_that_follow_each_other_over_several_rounds() -> None:
    policy, bucket = Policy(2, 1.0), Bucket()
    waits: list[float] = []
    for _ in range(3):
        served = serve((bucket,), (policy,), [ONE] * 4, START, 0.3)
        bucket, waits = served.buckets[0], waits + [answer.seconds for answer in served.answers if isinstance(answer, Back)]
    assert len(waits) == 11
    assert all(0.5 < later - sooner < 0.53 for sooner, later in itertools.pairwise(waits))


def test_who_has_patience_is_called_back_before_their_turn() -> None:
    served = serve((Bucket(),), (Policy(1, 1.0),), [Request((1,), 2.0, 0.8)] * 8, START, 0.3)
    assert isinstance(served.answers[0], Go)
    assert served.answers[1:2] == [None]
    backs = [answer.seconds for answer in served.answers[2:] if isinstance(answer, Back)]
    assert len(backs) == 6
    assert backs[0] == pytest.approx(2.08) and 3.4 < backs[3] < 4.4


def test_who_has_patience_is_called_back_together_with_some_others() -> None:
    served = serve((Bucket(),), (Policy(50, 1.0),), [Request((1,), 2.0, 0.8)] * 600, START, 0.3)
    backs = [answer.seconds for answer in served.answers if isinstance(answer, Back)]
    assert len(backs) > 450
    groups = [len(list(group)) for _, group in itertools.groupby(backs)]
    assert 10 <= len(groups) <= 13 and max(groups[1:]) <= 46


def test_promises_are_forgotten_when_no_one_comes_for_them() -> None:
    policy = Policy(10, 1.0)
    bucket = serve((Bucket(),), (policy,), [ONE] * 1000, START, 0.3).buckets[0]
    later = serve((bucket,), (policy,), [ONE] * 50, START + 10, 0.3)
    assert max(answer.seconds for answer in later.answers if isinstance(answer, Back)) < 6


def test_waits_of_a_day_are_cut_so_that_a_limit_that_was_raised_is_noticed_and_not_by_all_at_once() -> None:
    policy = Policy(1000, 86400.0, strategy="burst")
    served = serve((Bucket(),), (policy,), [ONE] * 3000, START, 0.3)
    waits = [answer.seconds for answer in served.answers if isinstance(answer, Back)]
    assert len(waits) == 2000
    assert all(FAR_SECONDS / 2 <= wait <= FAR_SECONDS + 20 for wait in waits)
    assert max(len(list(group)) for _, group in itertools.groupby(sorted(int(wait / 10) for wait in waits))) < 80


def test_a_closed_bucket_lets_nothing_through_until_then() -> None:
    policy = Policy(100, 1.0)
    bucket = close(Bucket(), START, 30)
    assert take(bucket, policy, START + 29, 1)[1] == []
    assert len(take(bucket, policy, START + 30.01, 1)[1]) == 1
    assert close(bucket, START, 5).closed == bucket.closed
    assert close(bucket, START, 1e12).closed <= START + 86400


def test_calls_of_others_leave_less_for_us_and_only_until_the_reset() -> None:
    policy = Policy(100, 60.0, strategy="burst")
    bucket, _, _ = take(Bucket(), policy, START, 10)
    bucket = read(bucket, policy, Reading(remaining=30, limit=100, opens_in=20), START + 1)
    assert room(bucket, policy, START + 1) == 30
    assert room(bucket, policy, START + 22) == 90
    assert room(read(bucket, policy, Reading(remaining=80, limit=100), START + 2), policy, START + 2) == 30


def test_a_lower_limit_of_the_service_holds_and_a_higher_one_does_not() -> None:
    policy = Policy(100, 60.0, strategy="burst")
    bucket = read(Bucket(), policy, Reading(remaining=40, limit=40), START)
    assert len(take(bucket, policy, START, 100)[1]) == 40
    bucket = read(bucket, policy, Reading(remaining=1000, limit=1000), START)
    assert len(take(bucket, policy, START, 200)[1]) == 100


def test_a_service_that_has_nothing_left_is_left_alone_until_its_reset() -> None:
    policy = Policy(100, 60.0, strategy="burst")
    bucket = read(Bucket(), policy, Reading(remaining=0, limit=100, opens_at=START + 30), START)
    assert take(bucket, policy, START + 29, 1)[1] == []
    assert len(take(bucket, policy, START + 31, 5)[1]) == 5
