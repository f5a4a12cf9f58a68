"""Walks whose configs need the JavaScript engine: they ask, are answered, and go on; and code that may be run twice is not an effect."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.engine.graph.action import Done, Later
from cargo_ai.engine.graph.interpret import advance, settle
from cargo_ai.engine.graph.walk import Act, EngineAnswers, Evaluate, Pause, Walk
from cargo_ai.expression import EngineExpression, EngineResult, ExpressionError
from tests.kit.graphs import node
from tests.unit.engine.graphs import NOW, effect, start, variables

DOMAIN = EngineExpression("nodes.start.email.split('@')[1]")
UPPER = EngineExpression("nodes.start.name.toUpperCase()")
LINE = [
    node("start", children=["v"]),
    variables("v", {"domain": "{{nodes.start.email.split('@')[1]}}", "shout": "{{nodes.start.name.toUpperCase()}}!", "n": 1}, ["end"]),
    node("end"),
]
RECORD = {"email": "a@b.c", "name": "Acme"}


def asked(walk: Walk, now: int = NOW) -> Evaluate:
    step = advance(walk, now)
    assert isinstance(step, Evaluate)
    return step


def give(walk: Walk, step: Evaluate, answers: dict[EngineExpression, EngineResult]) -> None:
    walk.answered = EngineAnswers({**step.before, **answers}, step.now)


def test_all_questions_of_a_config_are_asked_at_once_and_the_walk_goes_on_with_the_answers() -> None:
    walk = start(LINE, RECORD)
    step = asked(walk)
    assert (step.node.slug, step.questions) == ("v", (DOMAIN, UPPER))
    assert step.scope["nodes"] == {"start": RECORD}
    assert [entry.slug for entry in walk.entries] == ["start"]
    give(walk, step, {DOMAIN: EngineResult("b.c", ("a warning.",)), UPPER: EngineResult("ACME")})
    assert advance(walk, NOW) is None
    assert walk.context["v"] == {"domain": "b.c", "shout": "ACME!", "n": 1}
    assert walk.entries[1].warnings == ("a warning.",)
    assert (walk.status, walk.answered) == ("success", None)


def test_a_path_whose_value_the_lane_is_not_sure_of_is_asked_too() -> None:
    walk = start(
        [node("start", children=["f"]), node("f", "filter", [None], config={"filter": "{{nodes.start.tags == 'a,b'}}"})],
        {"tags": ["a", "b"]},
    )
    step = asked(walk)
    assert step.questions == (EngineExpression("nodes.start.tags == 'a,b'"),)
    give(walk, step, {step.questions[0]: EngineResult(True)})
    assert advance(walk, NOW) is None
    assert walk.context["f"] == {"condition": True}


def test_an_error_of_the_engine_fails_the_node_with_its_sentence() -> None:
    walk = start(LINE, RECORD)
    give(walk, asked(walk), {DOMAIN: EngineResult(error=ExpressionError("No domain.", DOMAIN.source)), UPPER: EngineResult("ACME")})
    assert advance(walk, NOW) is None
    assert (walk.status, walk.error) == ("error", "v: No domain.")


def test_now_is_the_time_of_the_question_also_when_the_answer_comes_later() -> None:
    walk = start([node("start", children=["v"]), variables("v", {"at": "{{now}}", "year": "{{now.slice(0, 4)}}"}, [None])])
    step = asked(walk)
    give(walk, step, {step.questions[0]: EngineResult("2023")})
    assert advance(walk, NOW + 60_000) is None
    assert walk.context["v"] == {"at": "2023-11-14T22:13:20.000Z", "year": "2023"}


def test_what_was_not_answered_is_asked_again() -> None:
    walk = start(LINE, RECORD)
    give(walk, asked(walk), {DOMAIN: EngineResult("b.c")})
    step = asked(walk)
    assert step.questions == (UPPER,)
    give(walk, step, {UPPER: EngineResult("ACME")})
    assert advance(walk, NOW) is None
    assert walk.context["v"]["domain"] == "b.c"


def test_each_attempt_of_an_effect_asks_again() -> None:
    walk = start([node("start", children=["call"]), effect("call", [None], config={"to": "{{nodes.start.email.split('@')[1]}}"})], RECORD)
    for _ in range(2):
        step = asked(walk)
        give(walk, step, {DOMAIN: EngineResult("b.c")})
        act = advance(walk, NOW)
        assert isinstance(act, Act) and act.config == {"to": "b.c"}
        pause = settle(walk, act.node, act.config, Later(1.0), act.warnings, NOW, NOW)
        assert isinstance(pause, Pause)


def test_a_walk_without_javascript_asks_nothing() -> None:
    walk = start([node("start", children=["v"]), variables("v", {"n": "{{nodes.start.name}}"}, [None])], RECORD)
    assert advance(walk, NOW) is None


@pytest.mark.parametrize("slug", ["script", "python"])
def test_code_is_performed_outside_and_needs_nothing_to_be_durable(slug: str) -> None:
    nodes: list[Any] = [
        node("start", children=["c"]),
        node("c", slug, ["call"], config={"script": "`{{nodes.start.name}}`"}),
        effect("call", [None]),
    ]
    walk = start(nodes, RECORD)
    act = advance(walk, NOW)
    assert isinstance(act, Act)
    assert (act.node.action.slug, act.node.action.does) == (slug, "computes")
    assert act.config == {"script": "`{{nodes.start.name}}`"}  # code is not a template
    settle(walk, act.node, act.config, Done({"result": 1}), act.warnings, NOW, NOW)
    following = advance(walk, NOW)
    assert isinstance(following, Act) and following.node.action.does == "acts"
    settle(walk, following.node, {}, Done({}), [], NOW, NOW)
    assert [(entry.slug, entry.effect) for entry in walk.entries] == [("start", False), ("c", False), ("call", True)]
