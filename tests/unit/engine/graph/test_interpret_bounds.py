"""The bounds of a walk: how much a run may hold, and that whatever a node gives can be written down and read back."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cargo_ai.engine.graph.action import Done, Failed
from cargo_ai.engine.graph.graph import MAXIMUM_VISITS
from cargo_ai.engine.graph.interpret import MAXIMUM_CONTEXT, MAXIMUM_OUTPUT, begin, resume
from tests.kit.graphs import node
from tests.unit.engine.graphs import RUN, Body, effect, finish, program, row, scripted, start, variables

ONE = [node("start", children=["call"]), effect("call", ["end"]), node("end")]


def chain(length: int) -> list[Body]:
    middle = [variables(f"n{at}", {}, [f"n{at + 1}" if at < length - 1 else None], fallbackOnFailure=False) for at in range(1, length)]
    return [node("start", children=["n1"]), *middle]


def test_a_run_visits_at_most_1000_nodes() -> None:
    walk = start(chain(MAXIMUM_VISITS))
    finish(walk)
    assert (walk.status, len(walk.entries)) == ("success", 1_000)
    walk = start(chain(MAXIMUM_VISITS + 1))
    finish(walk)
    assert (walk.status, walk.error) == ("error", "n1000: The run visited 1000 nodes; that is the limit.")


def test_an_output_of_4_mb_is_the_largest() -> None:
    walk = start(ONE)
    finish(walk, scripted(Done("x" * (MAXIMUM_OUTPUT - 2))))
    assert walk.status == "success"
    walk = start(ONE)
    finish(walk, scripted(Done("x" * (MAXIMUM_OUTPUT - 1))))
    assert walk.error == "call: The output of call has 4,194,305 bytes; the limit is 4,194,304."
    assert walk.context["call"]["errorMessage"] in walk.error


def test_a_context_of_16_mb_is_the_largest() -> None:
    calls = [effect(f"c{at}", [f"c{at + 1}" if at < 4 else None]) for at in range(5)]
    walk = start([node("start", children=["c0"]), *calls])
    finish(walk, scripted(Done("x" * (MAXIMUM_OUTPUT - 2))))
    assert walk.status == "error"
    assert (
        walk.error is not None and "16,777,216 bytes" in walk.error and walk.error.startswith("c3: With the output of c3 (4,194,304 bytes)")
    )
    assert walk.size < MAXIMUM_CONTEXT


def test_the_context_is_measured_in_bytes_also_after_a_resume() -> None:
    walk = start(ONE)
    finish(walk, scripted(Done({"name": "Zoë’s 会社"})))
    again = resume(begin(RUN, program(ONE), {}), [row(entry) for entry in walk.entries], None)
    assert again.size == walk.size


@pytest.mark.parametrize("output", [object(), {"a": b"\xff"}, "half \ud800", {"\udfff": 1}])
def test_an_output_that_is_no_json_fails_the_node(output: Any) -> None:
    walk = start(ONE)
    finish(walk, scripted(Done(output)))
    assert walk.error is not None and walk.error.startswith("call: The output is not JSON: ")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_an_output_that_could_not_be_read_back_fails_the_node() -> None:
    circular: list[Any] = []
    circular.append(circular)
    for output in (nested(201), nested(250), nested(5_000), circular):
        walk = start(ONE)
        finish(walk, scripted(Done(output)))
        assert walk.error is not None and walk.error.startswith("call: The output is not JSON: "), walk.error
    walk = start(ONE)
    finish(walk, scripted(Done(nested(200))))
    assert walk.status == "success"


def test_outputs_that_grow_deeper_by_every_node_end_before_they_cannot_be_read() -> None:
    deeper = [variables(f"n{at}", {"v": f"{{{{nodes.n{at - 1}}}}}"}, [f"n{at + 1}" if at < 300 else None]) for at in range(1, 301)]
    walk = start([node("start", children=["n0"]), variables("n0", {"v": 1}, ["n1"]), *deeper])
    finish(walk)
    assert walk.status == "error"
    again = resume(
        begin(RUN, program([node("start", children=["n0"]), variables("n0", {"v": 1}, ["n1"]), *deeper]), {}),
        [row(entry) for entry in walk.entries],
        None,
    )
    assert (again.status, again.error) == ("error", walk.error)


def test_nan_and_infinities_are_null_as_they_will_be_read_back() -> None:
    walk = start(ONE)
    finish(walk, scripted(Done({"a": math.nan, "b": [math.inf]})))
    assert walk.context["call"] == {"a": None, "b": [None]}
    assert walk.entries[1].output == b'{"a":null,"b":[null]}'


def test_what_an_effect_gave_is_kept_as_it_will_be_read_back() -> None:
    walk = start(ONE)
    finish(walk, scripted(Done({1: (1, 2)})))
    assert walk.context["call"] == {"1": [1, 2]}


def test_half_a_character_in_an_error_a_title_or_a_warning_becomes_a_question_mark() -> None:
    walk = start(ONE)
    finish(walk, scripted(Failed("bad \ud800 é")))
    assert walk.error == "call: bad ? é"
    assert walk.entries[1].output.decode() == '{"errorMessage":"bad ? é"}'
    walk = start(ONE)
    finish(walk, scripted(Done(1, title="t \ud800", warnings=("w \ud800",))))
    assert (walk.entries[1].title, walk.entries[1].warnings) == ("t ?", ("w ?",))


def test_a_title_is_cut_at_160_characters() -> None:
    walk = start(ONE)
    finish(walk, scripted(Done(1, title="x" * 161)))
    assert walk.entries[1].title == "x" * 159 + "…"
