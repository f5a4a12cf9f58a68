"""The filter builder: every filter comes out of its form as it went in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.console.views.segmentation import filter_form
from cargo_ai.console.views.segmentation.condition_form import OPERATORS, PRESENCE, subject
from cargo_ai.contract.segmentation.filter import Filter
from tests.kit.property_examples import examples

TYPES = {"string": "s", "number": "n", "date": "d", "boolean": "b", "object": "o", "array": "a", "vector": "v", "any": "x"}
SUBJECTS = {subject(slug): type for type, slug in TYPES.items()} | {subject("s", "m-1"): "string"}
Json = dict[str, Any]

texts = st.text(max_size=8)
numbers = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))
scalars = st.one_of(texts, numbers, st.booleans(), st.sampled_from(["1", "true", "1e3", "-0"]))


@st.composite
def on_columns(draw: st.DrawFn) -> Json:
    """A condition on a column."""
    kind = draw(st.sampled_from([*TYPES, "objectProperty"]))
    slug = "o" if kind == "objectProperty" else TYPES[kind]
    made: Json = {"kind": kind, "columnSlug": slug, "operator": draw(st.sampled_from(OPERATORS[kind]))}
    if kind == "objectProperty":
        made["propertyName"] = draw(st.text(min_size=1, max_size=5))
    if draw(st.booleans()) and kind == "string":
        made["relatedModelUuid"] = "m-1"
    if made["operator"] in PRESENCE or kind == "boolean":
        return made
    values = {"string": texts, "number": numbers, "date": texts, "objectProperty": scalars}[kind]
    if kind == "string":
        return made | {"values": draw(st.lists(values, max_size=24))}
    if made["operator"] != "between":
        return made | {"value": draw(values)}
    first, last = ("value", "otherValue") if kind == "objectProperty" else ("firstValue", "lastValue")
    return made | {first: draw(values), last: draw(st.one_of(texts, numbers) if kind == "objectProperty" else values)}


@st.composite
def recurring(draw: st.DrawFn) -> Json:
    """A condition on how often something was."""
    frequency: Json = {"operator": draw(st.sampled_from(OPERATORS["enrollment"]))}
    if frequency["operator"] != "not":
        frequency["value"] = draw(st.integers(0, 9))
    made: Json = {"frequency": frequency, "period": {"operator": "lessThan", "value": draw(st.integers(0, 30)), "unit": "day"}}
    if draw(st.booleans()):
        return made | {"kind": "enrollment", "workflowUuid": "w", "activityKind": "workflowNodeExecuted", "nodeSlug": "score"}
    made |= {"kind": "occurrence", "relatedModelUuid": "m-1"}
    if draw(st.booleans()):
        del made["period"]
    return made | ({"conjonction": "or", "conditions": [draw(on_columns())]} if draw(st.booleans()) else {})


@st.composite
def others(draw: st.DrawFn) -> Json:
    """A condition on a segment, or in SQL."""
    if draw(st.booleans()):
        return {"kind": "segment", "operator": draw(st.sampled_from(["in", "notIn"])), "segmentUuid": str(draw(st.uuids()))}
    return {"kind": "sql", "name": draw(texts), "clause": draw(st.text(min_size=1, max_size=20))}


JOINS = ("and", "or")


@st.composite
def groups(draw: st.DrawFn, depth: int = 0) -> Json:
    """A group of conditions, at times with groups in it."""
    made: Json = {"conjonction": draw(st.sampled_from(JOINS))}
    made["conditions"] = draw(st.lists(st.one_of(on_columns(), recurring(), others()), max_size=4))
    if depth < 2 and draw(st.integers(0, 4)) == 0:
        made["groups"] = draw(st.lists(groups(depth + 1), max_size=2))
    return made


@st.composite
def filters(draw: st.DrawFn) -> Json:
    """A filter."""
    return {"conjonction": draw(st.sampled_from(JOINS)), "groups": draw(st.lists(groups(), max_size=3))}


def _json(depth: int) -> st.SearchStrategy[Any]:
    """Any JSON value, no deeper than that."""
    leaves: st.SearchStrategy[Any] = st.one_of(st.none(), scalars)
    if depth == 0:
        return leaves
    names = st.sampled_from(["kind", "columnSlug", "groups", "value", "é"])
    return st.one_of(leaves, st.lists(_json(depth - 1), max_size=3), st.dictionaries(names, _json(depth - 1), max_size=3))


def _submitted(form: filter_form.FilterForm) -> dict[str, Sequence[str]]:
    """What a browser sends of it: lines end in CR LF, and halves of characters cannot be sent."""
    fields: dict[str, list[str]] = {}
    for name, value in form.fields():
        value.encode()
        fields.setdefault(name, []).append(value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))
    return {name: tuple(values) for name, values in fields.items()}


def _round_trip(filter: Json) -> Json:
    return filter_form.to_filter(filter_form.parse(_submitted(filter_form.of_filter(filter, SUBJECTS))), SUBJECTS)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@given(filters())
@settings(max_examples=examples(120))
def test_every_filter_comes_out_of_its_form_as_it_went_in(filter: Json) -> None:
    assert _text(_round_trip(filter)) == _text(filter)


@given(st.dictionaries(st.sampled_from(["conjonction", "groups", "more"]), _json(3)))
@settings(max_examples=examples(60))
def test_what_is_no_filter_comes_out_as_it_went_in_too(filter: Json) -> None:
    assert _text(_round_trip(filter)) == _text(filter)


@given(filters())
@settings(max_examples=examples(40))
def test_every_filter_of_a_form_is_one_that_the_operations_take(filter: Json) -> None:
    Filter.model_validate(_round_trip(filter))
