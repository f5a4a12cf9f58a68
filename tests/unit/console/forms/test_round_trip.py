"""A value that a form shows is the same when it is posted: for the accounts of all integrations, and for any schema and value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.console.forms.entries import Entry, entries_of
from cargo_ai.console.forms.fields import MAX_DEPTH, MAX_FIELDS, Field, form_of
from cargo_ai.console.forms.reading import ABSENT, read
from cargo_ai.console.forms.texts import defaults_of, texts_of
from cargo_ai.integrations.kit.integration import Integrations
from tests.kit.property_examples import examples

Json = Any
CATALOG = Integrations()

PROFILE = {
    "type": "object",
    "required": ["name", "size", "parts"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "title": "Name"},
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
        "ratio": {"type": ["number", "null"]},
        "loud": {"type": "boolean"},
        "quiet": {"type": "boolean", "default": False},
        "colour": {"enum": ["red", "green"]},
        "mixed": {"enum": [1, "1", True, None]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "days": {"type": "array", "uniqueItems": True, "items": {"enum": ["mon", "tue"]}},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key"],
                "properties": {"key": {"type": "string", "minLength": 1}, "n": {"type": "number"}},
            },
        },
        "way": {
            "oneOf": [
                {
                    "title": "By key",
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"const": "key"}, "key": {"type": "string"}},
                },
                {
                    "title": "By name",
                    "type": "object",
                    "required": ["kind"],
                    "properties": {"kind": {"const": "name"}, "first": {"type": "string"}},
                },
            ]
        },
        "free": {},
        "nested": {"type": "object", "properties": {"inner": {"type": "object", "properties": {"deep": {"type": "integer"}}}}},
    },
}

VALUE = {
    "name": "Ann <b>",
    "size": 3,
    "ratio": 0.5,
    "loud": False,
    "quiet": True,
    "colour": "green",
    "mixed": "1",
    "tags": ["a", "b/c", "{{nodes.x}}"],
    "days": ["tue"],
    "headers": {"X-One": "1", "a/b~c.d": "2"},
    "parts": [{"key": "k", "n": 1.5}, {"key": "l"}],
    "way": {"kind": "name", "first": "Bo"},
    "free": {"any": [1, {"deep": None}]},
    "nested": {"inner": {"deep": 7}},
}


def returned(schema: Json, value: Json, current: Json = None) -> Json:
    """What comes back of a value that a form shows."""
    form = form_of(schema)
    reading = read(form, texts_of(form, value), current)
    assert reading.errors == {}
    return reading.value


def test_a_value_of_every_kind_comes_back() -> None:
    assert returned(PROFILE, VALUE) == VALUE


def test_the_value_of_a_field_may_be_of_another_kind_than_its_schema_asks_and_is_shown_as_json() -> None:
    form = form_of({"type": "object", "properties": {"size": {"type": "integer"}}})
    texts = texts_of(form, {"size": {"kind": "expression"}})

    entry = entries_of(form, texts).inside[0]

    assert (entry.kind, json.loads(entry.text)) == ("json", {"kind": "expression"})
    assert read(form, texts).value == {"size": {"kind": "expression"}}


@pytest.mark.parametrize("slug", sorted(CATALOG))
def test_the_account_of_each_integration_has_a_form_without_json(slug: str) -> None:
    account = CATALOG[slug].account
    form = form_of(account.schema, account.ui_schema)

    kinds = {entry.kind for entry in _all(entries_of(form, defaults_of(form)))}

    assert form.kind in ("group", "either")
    assert "json" not in kinds


def test_values_without_a_field_stay_where_the_schema_lets_them_be() -> None:
    form = form_of({"type": "object", "properties": {"a": {"type": "string"}}})

    assert read(form, {"/a": ["x"]}, {"a": "y", "other": 1}).value == {"other": 1, "a": "x"}


def _nested(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)


def _nested_schemas(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    properties = st.dictionaries(NAMES, inner, max_size=4)
    required = st.lists(NAMES, max_size=2)
    return (
        st.fixed_dictionaries({"type": st.just("object"), "properties": properties, "required": required})
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": inner})
        | st.fixed_dictionaries({"oneOf": st.lists(inner, max_size=3)})
    )


TYPES = ("string", "number", "integer", "boolean", "array", "object", "null", "nonsense")
SCALARS: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
JSON: st.SearchStrategy[Json] = st.recursive(SCALARS, _nested, max_leaves=12)
NAMES = st.text("ab/~.\"<>'[]", min_size=1, max_size=4)
SIMPLE: st.SearchStrategy[Json] = (
    st.fixed_dictionaries({"type": st.sampled_from(TYPES)})
    | st.fixed_dictionaries({"const": JSON})
    | st.fixed_dictionaries({"enum": st.lists(JSON, max_size=4)})
    | JSON
)
SCHEMAS: st.SearchStrategy[Json] = st.recursive(SIMPLE, _nested_schemas, max_leaves=10)


@settings(max_examples=examples(50), deadline=None)
@given(SCHEMAS, JSON, JSON)
def test_no_schema_and_no_value_makes_a_form_fail(schema: Json, value: Json, current: Json) -> None:
    form = form_of({"properties": {"a": schema}})
    texts = {**defaults_of(form), **texts_of(form, {"a": value})}

    entries_of(form, texts, {}, {"a": current})
    read(form, texts, {"a": current})


@settings(max_examples=examples(50), deadline=None)
@given(st.dictionaries(NAMES, st.text("ab \n<{\"'", min_size=1, max_size=9) | st.integers() | st.booleans(), max_size=5))
def test_names_with_any_characters_keep_their_values_apart(value: dict[str, Json]) -> None:
    kinds = {str: "string", int: "integer", bool: "boolean"}
    schema = {"type": "object", "properties": {name: {"type": kinds[type(entry)]} for name, entry in value.items()}}

    assert returned(schema, value) == value


def test_a_schema_that_contains_itself_or_is_too_deep_or_too_wide_ends_as_json() -> None:
    endless: Json = {"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"}
    circle: Json = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    wide = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(5_000)}}
    fan: Json = {"type": "string"}
    for _ in range(MAX_DEPTH):
        fan = {"type": "object", "properties": {str(number): fan for number in range(8)}}

    assert _depth(form_of(endless)) <= MAX_DEPTH + 2
    assert form_of(circle).kind == "json"
    assert len(form_of(wide).fields) < MAX_FIELDS
    assert form_of(wide).extras
    assert _count(form_of(fan)) <= MAX_FIELDS + 8


def test_an_empty_form_has_no_value_where_nothing_is_required() -> None:
    form = form_of(
        {
            "type": "object",
            "properties": {"a": {"type": "object", "required": ["b"], "properties": {"b": {"type": "string", "minLength": 1}}}},
        }
    )

    reading = read(form, {})

    assert (reading.value, reading.errors) == ({}, {})
    assert read(form_of({"type": "string", "minLength": 1}), {}).value is ABSENT


def _all(entry: Entry) -> list[Entry]:
    return [entry, *(inner for child in entry.inside for inner in _all(child))]


def _depth(form: Field) -> int:
    below = [*form.fields, *form.branches, *([form.item] if form.item else [])]
    return 1 + max((_depth(inner) for inner in below), default=0)


def _count(form: Field) -> int:
    below = [*form.fields, *form.branches, *([form.item] if form.item else [])]
    return 1 + sum(_count(inner) for inner in below)
