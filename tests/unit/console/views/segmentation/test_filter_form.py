"""The filter builder: which fields say which filter, and what its buttons do."""

from __future__ import annotations

import json
from typing import get_args, get_type_hints

import pytest

from cargo_ai.console.views.segmentation import filter_form
from cargo_ai.console.views.segmentation.condition_form import OPERATORS, Condition, InvalidForm, operators_of
from cargo_ai.console.views.segmentation.filter_form import FilterForm, Group
from cargo_ai.contract.segmentation import filter as contract

TYPES = {
    "column:name": "string",
    "column:employees": "number",
    "column:founded": "date",
    "column:facts": "object",
    "column:m-1:tier": "string",
}


def _literals(annotation: object) -> set[str]:
    values = get_args(annotation)
    return {annotation} if isinstance(annotation, str) else set[str]().union(*(_literals(value) for value in values))


def test_fields_become_the_filter_that_the_command_line_takes() -> None:
    fields = {
        "f.conjonction": ["or"],
        "f.0.conjonction": ["and"],
        "f.0.0.about": ["column:name"],
        "f.0.0.operator": ["contains"],
        "f.0.0.value": ["acme", "globex"],
        "f.0.1.about": ["column:employees"],
        "f.0.1.operator": ["between"],
        "f.0.1.value": ["10"],
        "f.0.1.last": ["99.5"],
        "f.2.conjonction": ["or"],
        "f.2.7.about": ["column:m-1:tier"],
        "f.2.7.operator": ["isNull"],
        "page": ["2"],
    }

    assert filter_form.to_filter(filter_form.parse(fields), TYPES) == {
        "conjonction": "or",
        "groups": [
            {
                "conjonction": "and",
                "conditions": [
                    {"kind": "string", "columnSlug": "name", "operator": "contains", "values": ["acme", "globex"]},
                    {"kind": "number", "columnSlug": "employees", "operator": "between", "firstValue": 10, "lastValue": 99.5},
                ],
            },
            {
                "conjonction": "or",
                "conditions": [{"kind": "string", "relatedModelUuid": "m-1", "columnSlug": "tier", "operator": "isNull"}],
            },
        ],
    }


def test_a_property_of_an_object_becomes_a_condition_on_it() -> None:
    condition = Condition("column:facts", "is", ("true",), key="is.public")
    form = FilterForm(groups=(Group(conditions=(condition,)),))

    (group,) = filter_form.to_filter(form, TYPES)["groups"]

    assert group["conditions"] == [
        {"kind": "objectProperty", "columnSlug": "facts", "propertyName": "is.public", "operator": "is", "value": True}
    ]


def test_a_condition_that_is_not_chosen_yet_is_left_out() -> None:
    form = filter_form.edit(FilterForm(), "add-group")

    assert filter_form.to_filter(form, TYPES) == filter_form.EVERYTHING


def test_an_operator_of_another_type_becomes_the_first_of_the_new_one() -> None:
    condition = Condition("column:employees", "contains", ("5",))
    form = FilterForm(groups=(Group(conditions=(condition,)),))

    (group,) = filter_form.to_filter(form, TYPES)["groups"]

    assert group["conditions"][0] == {"kind": "number", "columnSlug": "employees", "operator": "is", "value": 5}


def test_buttons_add_and_remove_groups_conditions_and_values() -> None:
    form = filter_form.edit(FilterForm(), "add-group")
    form = filter_form.edit(form, "add.0")
    assert [len(group.conditions) for group in form.groups] == [2]
    form = filter_form.edit(form, "value.0.1")
    assert form.groups[0].conditions[1].values == ("", "")
    form = filter_form.edit(form, "remove.0.0")
    assert [len(group.conditions) for group in form.groups] == [1]
    assert filter_form.edit(form, "remove.0.0").groups == ()
    assert filter_form.edit(form, "remove-group.0").groups == ()


@pytest.mark.parametrize("act", ["", "add", "add.9", "remove.0", "remove.0.9", "remove.x.y", "add.-1", "value.0", "explode.0.0", "add.²"])
def test_an_unknown_button_changes_nothing(act: str) -> None:
    form = filter_form.edit(FilterForm(), "add-group")

    assert filter_form.edit(form, act) == form


def test_more_groups_and_conditions_than_operations_take_are_cut_off() -> None:
    fields = {f"f.{group}.{at}.about": ["sql"] for group in range(60) for at in range(3)}
    fields |= {f"f.0.{at}.about": ["sql"] for at in range(300)}

    form = filter_form.parse(fields)

    assert len(form.groups) == filter_form.MAX_GROUPS
    assert len(form.groups[0].conditions) == filter_form.MAX_CONDITIONS


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, '{"a":' + "9" * 5_000 + "}"])
def test_json_that_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(InvalidForm, match="JSON"):
        filter_form.to_filter(FilterForm(json=text), TYPES)


def test_hostile_values_stay_values() -> None:
    text = '<script>alert("1")</script>'
    filter = {"kind": "string", "columnSlug": text, "operator": "is", "values": [text]}
    whole = {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": [filter]}]}

    assert filter_form.to_filter(filter_form.of_filter(whole, TYPES), TYPES) == whole


def test_the_operators_are_those_of_the_operations() -> None:
    classes = {
        "string": contract.StringCondition,
        "number": contract.NumberCondition,
        "date": contract.DateCondition,
        "boolean": contract.BooleanCondition,
        "vector": contract.AnyCondition,
        "objectProperty": contract.PropertyCondition,
        "segment": contract.SegmentCondition,
        "enrollment": contract.Frequency,
    }
    for kind, declared in classes.items():
        assert set(OPERATORS[kind]) == _literals(get_type_hints(declared, include_extras=True)["operator"])
    assert operators_of(Condition("column:facts"), TYPES) == OPERATORS["object"]


def test_a_filter_is_written_on_one_line() -> None:
    line = filter_form.write_filter({"conjonction": "and", "groups": [{"conjonction": "or", "conditions": [{"values": ["Zürich\n"]}]}]})

    assert "\n" not in line
    assert json.loads(line)["groups"][0]["conditions"] == [{"values": ["Zürich\n"]}]
