"""The native actions that need nothing but their config."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.actions import native_actions
from cargo_ai.engine.graph.action import Done, Failed, Later, Outcome, Scope
from cargo_ai.expression.sandbox.host import Language, refusal

BY_SLUG = {action.slug: action for action in native_actions()}

DEFAULTS: dict[str, Any] = {"record": {}, "run": "run", "node": "node", "visit": 0}


def decide(slug: str, config: dict[str, Any], **scope: Any) -> Outcome:
    decides = BY_SLUG[slug].decide
    assert decides is not None
    return decides(config, Scope(**(DEFAULTS | scope)))


def done(slug: str, config: dict[str, Any], **scope: Any) -> Done:
    outcome = decide(slug, config, **scope)
    assert isinstance(outcome, Done)
    return outcome


def failed(slug: str, config: dict[str, Any]) -> str:
    outcome = decide(slug, config)
    assert isinstance(outcome, Failed)
    assert not outcome.transient
    return outcome.message


def test_every_action_is_found_once_by_walking() -> None:
    assert list(BY_SLUG) == ["branch", "delay", "end", "filter", "group", "python", "script", "split", "start", "switch", "variables"]


@pytest.mark.parametrize("slug", BY_SLUG)
def test_an_action_describes_itself_with_json_schemas_and_the_contracts_category(slug: str) -> None:
    action = BY_SLUG[slug]
    assert action.name and action.description and action.icon
    assert action.category in {"invisible", "logic", "storage", "ai", "sales", "code"}
    assert action.config_schema["type"] == "object"
    assert action.output_schema is not None and action.output_schema["type"] == ("array" if slug == "group" else "object")


COUNTS = {"start": 1, "end": 0, "variables": 1, "filter": 1, "branch": 2, "split": 2, "delay": 1}


@pytest.mark.parametrize(("slug", "count"), COUNTS.items())
def test_an_action_has_the_contracts_number_of_children(slug: str, count: int) -> None:
    assert BY_SLUG[slug].routes_of({}).counts == (count,)


def refused_here(slug: str) -> str | None:
    """What an action of code says of any config, where this machine does not run it."""
    language: Language | None = "javascript" if slug == "script" else "python" if slug == "python" else None
    reason = language and refusal(language)
    return f"This server cannot run it: {reason}." if reason else None


@pytest.mark.parametrize("slug", BY_SLUG)
def test_an_empty_config_is_no_structural_fault(slug: str) -> None:
    assert BY_SLUG[slug].check({}) == refused_here(slug)


@pytest.mark.parametrize("slug", BY_SLUG)
def test_wrong_field_names_are_no_structural_fault(slug: str) -> None:
    assert BY_SLUG[slug].check({"wrong": 1}) == refused_here(slug)


def test_start_hands_on_the_record() -> None:
    assert done("start", {}, record={"name": "Acme"}) == Done({"name": "Acme"}, child=0)


def variable(name: str, kind: str, value: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "value": value}


@pytest.mark.parametrize(("slug", "child"), [("end", None), ("variables", 0)])
def test_variables_become_their_declared_types(slug: str, child: int | None) -> None:
    config = {"variables": [variable("n", "number", "42"), variable("s", "string", 7), variable("o", "object", '{"a":1}')]}
    assert done(slug, config) == Done({"n": 42, "s": "7", "o": {"a": 1}}, child=child)


@pytest.mark.parametrize("slug", ["end", "variables"])
def test_a_value_that_does_not_fit_its_type_is_null_and_warns(slug: str) -> None:
    outcome = done(slug, {"variables": [variable("n", "number", "many")]})
    assert outcome.output == {"n": None}
    assert len(outcome.warnings) == 1
    assert outcome.warnings[0].startswith("n: ") and "many" in outcome.warnings[0]


@pytest.mark.parametrize("slug", ["end", "variables"])
def test_without_variables_the_output_is_empty(slug: str) -> None:
    assert done(slug, {}).output == {}


def test_of_two_variables_with_one_name_the_last_counts_and_a_warning_says_so() -> None:
    outcome = done("variables", {"variables": [variable("a", "any", 1), variable("a", "any", 2)]})
    assert outcome.output == {"a": 2}
    assert "a" in outcome.warnings[0]


def test_a_variable_without_a_type_keeps_its_value() -> None:
    assert done("variables", {"variables": [{"name": "a", "value": [1]}]}).output == {"a": [1]}


@pytest.mark.parametrize("slug", ["end", "variables"])
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ("no list", "must be a list"),
        ([1], "variables[0]"),
        ([{"type": "any", "value": 1}], "no name"),
        ([variable("a", "integer", 1)], "'integer'"),
    ],
)
def test_variables_of_another_shape_are_reported_before_a_run_and_fail_in_it(slug: str, variables: Any, said: str) -> None:
    assert said in (BY_SLUG[slug].check({"variables": variables}) or "")
    assert said in failed(slug, {"variables": variables})


def test_variables_that_are_an_expression_are_only_checked_in_the_run() -> None:
    assert BY_SLUG["variables"].check({"variables": "{{nodes.start.list}}"}) is None


@pytest.mark.parametrize("name", ["filter", "condition"])
def test_a_filter_that_holds_goes_on(name: str) -> None:
    assert done("filter", {name: True}) == Done({"condition": True}, "✅ Condition is matched", 0)


@pytest.mark.parametrize("value", [False, None, 0, "", "false"])
def test_a_filter_that_does_not_hold_ends_the_walk_in_success(value: Any) -> None:
    assert done("filter", {"filter": value}) == Done({"condition": False}, "❌ Condition is not matched", None)


def test_a_branch_goes_to_child_0_or_1() -> None:
    assert done("branch", {"condition": "yes"}) == Done({"condition": True}, "✅ Condition is matched", 0)
    assert done("branch", {"condition": "false"}) == Done({"condition": False}, "❌ Condition is not matched", 1)


@pytest.mark.parametrize("slug", ["filter", "branch"])
def test_a_missing_condition_fails_instead_of_counting_as_false(slug: str) -> None:
    assert "no condition" in failed(slug, {})


def routes(*values: Any) -> dict[str, Any]:
    return {"routes": [{"name": f"r{index}", "uuid": str(index), "value": value} for index, value in enumerate(values)]}


def test_a_switch_takes_its_first_route_that_holds() -> None:
    assert done("switch", routes(False, True, True)) == Done({"route": "r1", "index": 1}, "✅ Route r1 is matched", 1)


def test_a_switch_without_a_match_points_behind_its_last_route() -> None:
    assert done("switch", routes(False, None)) == Done({"route": None, "index": None}, "No route matched", 2)


def test_a_switch_may_have_one_child_more_than_routes() -> None:
    assert BY_SLUG["switch"].routes_of(routes(1, 2, 3)).counts == (3, 4)
    assert BY_SLUG["switch"].routes_of({}).counts == (0, 1)


@pytest.mark.parametrize("config", [{"routes": "{{nodes.x}}"}, {"routes": 3}, {"routes": ["a"]}])
def test_routes_of_another_shape_are_reported_before_a_run_and_fail_in_it(config: dict[str, Any]) -> None:
    assert "routes" in (BY_SLUG["switch"].check(config) or "")
    assert "routes" in failed("switch", config)


def test_a_split_decides_the_same_for_the_same_run_node_and_visit() -> None:
    chosen = [done("split", {"percentage": 50}, run=str(run)).child for run in range(200)]
    assert chosen == [done("split", {"percentage": 50}, run=str(run)).child for run in range(200)]
    assert chosen != [done("split", {"percentage": 50}, run=str(run), node="other").child for run in range(200)]
    assert chosen != [done("split", {"percentage": 50}, run=str(run), visit=1).child for run in range(200)]


def test_a_split_sends_about_its_percentage_to_child_0() -> None:
    first = sum(done("split", {"percentage": 30}, run=f"run {run}").child == 0 for run in range(20_000))
    assert 0.28 < first / 20_000 < 0.32


@pytest.mark.parametrize(("percentage", "child"), [(0, 1), (100, 0), ("100", 0)])
def test_a_split_at_its_ends_is_certain(percentage: Any, child: int) -> None:
    assert {done("split", {"percentage": percentage}, run=str(run)).child for run in range(500)} == {child}


@pytest.mark.parametrize("percentage", [-1, 100.5, "half", True, None, [], float("nan"), float("inf")])
def test_a_percentage_out_of_bounds_fails(percentage: Any) -> None:
    assert "from 0 to 100" in failed("split", {"percentage": percentage})


@pytest.mark.parametrize(("slug", "config"), [("split", {"percentage": 101}), ("delay", {"minutes": "soon"}), ("delay", {"minutes": -1})])
def test_a_number_out_of_bounds_that_is_known_before_a_run_is_reported_then(slug: str, config: dict[str, Any]) -> None:
    assert "must be a number" in (BY_SLUG[slug].check(config) or "")


@pytest.mark.parametrize("value", ["{{nodes.start.n}}", {"kind": "jsExpression", "expression": "nodes.start.n", "instructTo": "none"}])
def test_a_number_that_is_an_expression_is_only_checked_in_the_run(value: Any) -> None:
    assert BY_SLUG["split"].check({"percentage": value}) is None
    assert BY_SLUG["delay"].check({"minutes": value}) is None


def test_a_delay_waits_then_goes_on() -> None:
    assert decide("delay", {"minutes": 1.5}) == Later(90, reason="delay")
    assert done("delay", {"minutes": 1.5}, resumed=True) == Done({"minutes": 1.5}, "Waited 1.5 min", 0)


def test_a_delay_of_nothing_goes_on_at_once() -> None:
    assert done("delay", {"minutes": 0}).output == {"minutes": 0}


@pytest.mark.parametrize("minutes", [-0.1, 525_601, None, "tomorrow", {}])
def test_minutes_out_of_bounds_fail(minutes: Any) -> None:
    assert "from 0 to 525600" in failed("delay", {"minutes": minutes})


def test_a_year_is_the_longest_delay() -> None:
    assert decide("delay", {"minutes": 525_600}) == Later(525_600 * 60, reason="delay")
