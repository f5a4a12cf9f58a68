"""The pure interpreter: what comes next in a walk, and what the journal is reported."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic_core import from_json, to_json

from cargo_ai.engine.graph.action import Done, Failed, Later
from cargo_ai.engine.graph.interpret import MAXIMUM_PAUSE, advance, begin, cancel, fail, resume, settle
from cargo_ai.engine.graph.walk import Act, Pause, Walk
from tests.kit.graphs import node
from tests.unit.engine.graphs import NOW, RUN, Body, effect, finish, program, row, scripted, start, variables

ONE = [node("start", children=["call"]), effect("call", ["end"]), node("end")]


def slugs(walk: Walk) -> list[str]:
    return [entry.slug for entry in walk.entries]


def test_a_pure_graph_is_walked_in_one_go() -> None:
    values = {"tier": "{{nodes.start.employees > 100}}", "name": "{{nodes.start.name}}!"}
    walk = start([node("start", children=["v"]), variables("v", values, ["end"]), node("end")], {"employees": 200, "name": "Acme"})
    assert advance(walk, NOW) is None
    assert (walk.status, walk.error) == ("success", None)
    assert walk.context == {"start": {"employees": 200, "name": "Acme"}, "v": {"tier": True, "name": "Acme!"}, "end": {}}
    assert [(entry.seq, entry.slug, entry.next, entry.child) for entry in walk.entries] == [
        (0, "start", "v", 0),
        (1, "v", "end", 0),
        (2, "end", None, None),
    ]


def test_now_is_in_scope_and_in_utc() -> None:
    walk = start([node("start", children=["v"]), variables("v", {"at": "{{now}}"}, [None])])
    advance(walk, NOW)
    assert walk.context["v"] == {"at": "2023-11-14T22:13:20.000Z"}


def test_an_effect_is_asked_for_with_its_resolved_config_and_key() -> None:
    nodes = [node("start", children=["call"]), effect("call", [None], config={"to": "{{nodes.start.domain}}"})]
    walk = start(nodes, {"domain": "acme.com"})
    act = advance(walk, NOW)
    assert isinstance(act, Act)
    assert (act.node.slug, act.config, act.key, act.attempt, act.meta) == ("call", {"to": "acme.com"}, f"{RUN}:call:1", 1, None)
    assert slugs(walk) == ["start"]


def test_a_walk_ends_at_a_null_child() -> None:
    walk = start([node("start", children=["b"]), node("b", "branch", [None, "end"], config={"condition": True}), node("end")])
    finish(walk)
    assert (walk.status, slugs(walk)) == ("success", ["start", "b"])


def test_a_filter_that_does_not_hold_ends_the_run_in_success() -> None:
    walk = start(
        [node("start", children=["f"]), node("f", "filter", ["end"], config={"filter": "{{nodes.start.ok}}"}), node("end")], {"ok": False}
    )
    finish(walk)
    assert (walk.status, slugs(walk), walk.context["f"]) == ("success", ["start", "f"], {"condition": False})


@pytest.mark.parametrize(("children", "taken"), [(["a", "b"], None), (["a", "b", "c"], "c")])
def test_a_switch_without_a_match_goes_to_its_default_or_ends_the_run(children: list[str], taken: str | None) -> None:
    routes = [{"name": "x", "value": False}, {"name": "y", "value": False}]
    ends = [node(name, "end") for name in "abc"]
    walk = start([node("start", children=["s"]), node("s", "switch", children, config={"routes": routes}), *ends])
    finish(walk)
    assert walk.status == "success"
    assert slugs(walk) == ["start", "s", *([taken] if taken else [])]


def test_attempts_count_the_first_try_and_waits_grow_by_the_coefficient() -> None:
    rule = {"maximumAttempts": 4, "initialInterval": 200, "backoffCoefficient": 3}
    walk = start([node("start", children=["call"]), effect("call", [None], retry=rule)])
    seen = finish(walk, scripted(Failed("503", transient=True)))
    assert [step.attempt for step in seen if isinstance(step, Act)] == [1, 2, 3, 4]
    assert [step.seconds for step in seen if isinstance(step, Pause)] == pytest.approx([0.2, 0.6, 1.8])
    assert {step.key for step in seen if isinstance(step, Act)} == {f"{RUN}:call:1"}
    assert (walk.status, walk.error) == ("error", "call: 503")
    assert slugs(walk) == ["start", "call"]


def test_without_a_retry_rule_there_is_one_attempt() -> None:
    walk = start(ONE)
    assert len(finish(walk, scripted(Failed("503", transient=True)))) == 1


def test_a_failure_that_time_does_not_heal_is_not_tried_again() -> None:
    walk = start([node("start", children=["call"]), effect("call", [None], retry={"maximumAttempts": 5})])
    assert len(finish(walk, scripted(Failed("no such field")))) == 1


def test_a_success_after_failures_goes_on() -> None:
    walk = start([node("start", children=["call"]), effect("call", ["end"], retry={"maximumAttempts": 3}), node("end")])
    finish(walk, scripted(Failed("503", transient=True), Done({"ok": 1})))
    assert (walk.status, walk.context["call"]) == ("success", {"ok": 1})
    assert [entry.status for entry in walk.entries] == ["success"] * 3


def test_the_last_attempts_that_failed_and_the_log_are_kept_with_their_execution() -> None:
    walk = start([node("start", children=["call"]), effect("call", ["end"], retry={"maximumAttempts": 60}), node("end")])
    outcomes = [*(Failed(f"{number}: 503", transient=True) for number in range(1, 31)), Done({"ok": 1}, log="one\ntwo")]
    finish(walk, scripted(*outcomes))
    call = walk.entries[1]
    assert (call.attempts, call.log, len(call.earlier)) == (31, "one\ntwo", 20)
    assert (call.earlier[0].error, call.earlier[-1].error) == ("11: 503", "30: 503")
    assert [walk.entries[at].attempts for at in (0, 2)] == [1, 1]


def test_what_the_service_asked_to_wait_uses_up_no_attempt() -> None:
    walk = start([node("start", children=["call"]), effect("call", [None], retry={"maximumAttempts": 2, "initialInterval": 7_000})])
    throttled = Failed("429", transient=True, retry_after=3)
    seen = finish(walk, scripted(throttled, throttled, throttled, Failed("503", transient=True), throttled, Done(1)))
    assert [step.seconds for step in seen if isinstance(step, Pause)] == [3, 3, 3, 7, 3]
    assert [step.attempt for step in seen if isinstance(step, Act)] == [1, 1, 1, 1, 2, 2]
    assert walk.status == "success"


def test_a_service_that_always_asks_to_wait_is_given_up_some_day() -> None:
    walk = start(ONE)
    finish(walk, scripted(Failed("429", transient=True, retry_after=1)))
    assert (walk.status, walk.error) == ("error", "call: 429")


@pytest.mark.parametrize(("asked", "waited"), [(math.nan, 0), (-3, 0), (1e30, MAXIMUM_PAUSE), (math.inf, MAXIMUM_PAUSE)])
def test_a_wait_is_brought_within_bounds(asked: float, waited: float) -> None:
    for outcome in (Later(asked), Failed("429", retry_after=asked)):
        walk = start(ONE)
        assert isinstance(act := advance(walk, NOW), Act)
        assert settle(walk, act.node, act.config, outcome, [], NOW, NOW) == Pause(
            waited, "the service asked to wait" if isinstance(outcome, Failed) else ""
        )


def failing(**more: Any) -> list[Body]:
    return [node("start", children=["call"]), effect("call", ["next"], **more), node("next", "end"), node("plan_b", "end")]


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        ({"fallbackChildUuid": "plan_b", "fallbackOnFailure": True}, "plan_b"),
        ({"fallbackChildUuid": "plan_b"}, "plan_b"),
        ({"fallbackOnFailure": True}, "next"),
    ],
)
def test_a_failed_node_goes_to_its_fallback_child_else_to_child_0(more: Body, taken: str) -> None:
    walk = start(failing(**more))
    finish(walk, scripted(Failed("no")))
    assert (walk.status, walk.error) == ("success", None)
    assert slugs(walk) == ["start", "call", taken]
    assert walk.context["call"] == {"errorMessage": "no"}
    entry = walk.entries[1]
    assert (entry.status, entry.error, entry.next, entry.title) == ("error", "no", taken, "❌ no")
    assert entry.child == (0 if taken == "next" else None)


def test_without_a_fallback_the_run_is_in_error_and_says_where() -> None:
    walk = start(failing())
    finish(walk, scripted(Failed("no")))
    assert (walk.status, walk.error, slugs(walk)) == ("error", "call: no", ["start", "call"])
    assert walk.context["call"] == {"errorMessage": "no"}


def test_a_fallback_with_a_null_child_ends_the_run_in_error() -> None:
    walk = start([node("start", children=["call"]), effect("call", [None], fallbackOnFailure=True)])
    finish(walk, scripted(Failed("no")))
    assert (walk.status, walk.error) == ("error", "call: no")


def test_a_pure_node_that_fails_falls_back_too() -> None:
    delay = node("wait", "delay", ["end"], config={"minutes": "{{nodes.start.m}}"}, fallbackOnFailure=True)
    walk = start([node("start", children=["wait"]), delay, node("end")], {"m": "soon"})
    finish(walk)
    assert (walk.status, walk.entries[1].status) == ("success", "error")
    assert "minutes" in walk.context["wait"]["errorMessage"]


def test_an_expression_that_breaks_fails_its_node() -> None:
    nodes = [node("start", children=["v"]), variables("v", {"x": "{{nodes.start.a < unknown_name}}"}, [None])]
    walk = start(nodes)
    finish(walk)
    assert walk.status == "error"
    assert walk.error is not None and walk.error.startswith("v: ")


def test_a_delay_is_asked_once_and_then_goes_on() -> None:
    walk = start([node("start", children=["wait"]), node("wait", "delay", ["end"], config={"minutes": 90}), node("end")])
    assert advance(walk, NOW) == Pause(5400, "delay")
    assert slugs(walk) == ["start"]
    kept = {"attempt": 1, "throttled": 0, "meta": None, "resumed": True, "seq": 1, "began": NOW, "says": "delay"}
    assert walk.pending() == kept
    assert advance(walk, NOW + 5_400_000) is None
    assert (walk.status, walk.context["wait"]) == ("success", {"minutes": 90})
    times = {entry.slug: (entry.started - NOW, entry.finished - NOW) for entry in walk.entries}
    assert times == {"start": (0, 0), "wait": (0, 5_400_000), "end": (5_400_000, 5_400_000)}


def test_what_was_kept_of_a_node_that_is_in_the_journal_means_nothing_to_the_next_one() -> None:
    nodes = [node("start", children=["first"]), node("first", "delay", ["second"], config={"minutes": 1})]
    nodes += [node("second", "delay", ["end"], config={"minutes": 2}), node("end")]
    walk = start(nodes)
    advance(walk, NOW)
    kept = from_json(to_json(walk.pending()))
    assert advance(walk, NOW + 60_000) == Pause(120, "delay")
    again = resume(begin(RUN, program(nodes), {}), [row(entry) for entry in walk.entries], kept)
    assert advance(again, NOW + 60_000) == Pause(120, "delay"), "the second delay is not over because the first one is"


def test_what_an_effect_left_for_later_comes_back_with_the_next_call() -> None:
    walk = start(ONE)
    seen = finish(walk, scripted(Later(1, {"cursor": 1}), Later(1, {"cursor": 2}), Done("x")))
    assert [step.meta for step in seen if isinstance(step, Act)] == [None, {"cursor": 1}, {"cursor": 2}]
    assert {step.attempt for step in seen if isinstance(step, Act)} == {1}
    assert walk.pending() is None


@pytest.mark.parametrize("meta", [object(), {"at": "\ud800"}])
def test_what_cannot_be_kept_for_later_fails_the_node(meta: Any) -> None:
    walk = start(ONE)
    finish(walk, scripted(Later(1, meta)))
    assert walk.status == "error"
    assert walk.error is not None and "cannot be stored" in walk.error


def test_nothing_is_pending_at_the_first_attempt() -> None:
    walk = start(ONE)
    advance(walk, NOW)
    assert walk.pending() is None


def test_attempts_survive_a_park() -> None:
    nodes = [node("start", children=["call"]), effect("call", [None], retry={"maximumAttempts": 3})]
    walk = start(nodes)
    act = advance(walk, NOW)
    assert isinstance(act, Act)
    settle(walk, act.node, act.config, Failed("503", transient=True), [], NOW, NOW)
    again = resume(begin(RUN, program(nodes), {}), [row(entry) for entry in walk.entries], from_json(to_json(walk.pending())))
    act = advance(again, NOW)
    assert isinstance(act, Act)
    assert (act.attempt, act.key) == (2, f"{RUN}:call:1")
    assert [(attempt.error, attempt.finished) for attempt in again.earlier] == [("503", NOW)]


def test_repeated_slugs_keep_the_last_output() -> None:
    nodes = [node("start", children=["a"]), variables("a", {"x": 1}, ["b"]), variables("b", {"x": 2}, ["end"]) | {"slug": "a"}, node("end")]
    walk = start(nodes)
    finish(walk)
    assert walk.context["a"] == {"x": 2}
    assert [entry.visit for entry in walk.entries] == [1, 1, 1, 1]


def test_warnings_of_the_config_and_of_the_action_are_both_kept() -> None:
    nodes = [node("start", children=["call"]), effect("call", [None], config={"to": "{{nodes.start.gone.more}}"})]
    walk = start(nodes)
    finish(walk, scripted(Done(1, warnings=("second",))))
    first, second = walk.entries[1].warnings
    assert "nodes.start.gone" in first and second == "second"


def test_credits_add_up() -> None:
    calls = [effect("a", ["b"]), effect("b", [None])]
    walk = start([node("start", children=["a"]), *calls])
    finish(walk, scripted(Done(1, credits=1.5), Done(1, credits=2)))
    assert walk.credits == 3.5
    again = resume(begin(RUN, walk.program, {}), [row(entry) for entry in walk.entries], None)
    assert again.credits == 3.5


def test_a_cancelled_walk_ends_without_an_error() -> None:
    walk = start(ONE)
    advance(walk, NOW)
    cancel(walk)
    assert (walk.status, walk.error, advance(walk, NOW), slugs(walk)) == ("cancelled", None, None, ["start"])


def test_a_walk_that_is_given_up_says_so_at_its_present_node() -> None:
    walk = start(ONE)
    advance(walk, NOW)
    fail(walk, "The worker died.", NOW)
    assert (walk.status, walk.error) == ("error", "The worker died.")
    assert (walk.entries[1].slug, walk.entries[1].error, walk.entries[1].next) == ("call", "The worker died.", None)


@pytest.mark.parametrize(("last", "status", "error"), [(Done(1), "success", None), (Failed("no"), "error", "call: no")])
def test_a_resumed_walk_that_had_ended_has_ended(last: Any, status: str, error: str | None) -> None:
    walk = start(ONE)
    finish(walk, scripted(last))
    again = resume(begin(RUN, program(ONE), {}), [row(entry) for entry in walk.entries], None)
    assert (again.status, again.error, again.node) == (status, error, None) == (walk.status, walk.error, walk.node)
    assert again.context == walk.context


def test_without_entries_a_walk_begins_at_the_start() -> None:
    again = resume(begin(RUN, program(ONE), {}), [], None)
    assert again.node is not None and again.node.slug == "start"
