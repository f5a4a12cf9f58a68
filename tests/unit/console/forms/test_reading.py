"""What is posted becomes a value, or an error at the field where it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.console.forms.entries import changed, entries_of
from cargo_ai.console.forms.fields import form_of
from cargo_ai.console.forms.reading import MAX_TEXT, read
from cargo_ai.console.forms.texts import MAX_ROWS, defaults_of, texts_of

Json = Any

ACCOUNT: Json = {
    "type": "object",
    "required": ["auth"],
    "properties": {
        "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65_535},
        "headers": {"type": "object", "additionalProperties": {"type": "string", "writeOnly": True}},
        "auth": {
            "oneOf": [
                {"type": "object", "title": "None", "required": ["kind"], "properties": {"kind": {"const": "none"}}},
                {
                    "type": "object",
                    "title": "Token",
                    "required": ["kind", "token"],
                    "properties": {"kind": {"const": "token"}, "token": {"type": "string", "minLength": 3, "writeOnly": True}},
                },
            ]
        },
    },
}


def errors(schema: Json, posted: dict[str, list[str]]) -> dict[str, str]:
    return read(form_of(schema), posted).errors


@pytest.mark.parametrize("text", ["", "x", "1.5", "1e999", "NaN", "-Infinity", "true", "0", "65536", "9" * 100_000, "[1]"])
def test_what_is_no_port_is_refused_at_its_field_or_left_out(text: str) -> None:
    reading = read(form_of(ACCOUNT), {"/port": [text], "/auth~choice": ["0"]})

    assert list(reading.errors) == ([] if text == "" else ["/port"])


def test_numbers_are_numbers() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "number"}}}

    assert read(form_of(schema), {"/a": ["1e3"], "/b": [" 2.50 "]}).value == {"a": 1000, "b": 2.5}


def test_the_chosen_alternative_is_read_and_no_other() -> None:
    posted = {"/auth~choice": ["0"], "/auth/token": ["left over"]}

    assert read(form_of(ACCOUNT), posted).value == {"auth": {"kind": "none"}}


@pytest.mark.parametrize("chosen", ["", "2", "-1", "x", "9" * 5_000])
def test_an_alternative_that_there_is_not_is_refused(chosen: str) -> None:
    assert errors(ACCOUNT, {"/auth~choice": [chosen]}) == {"/auth": "is required"}


def test_an_empty_secret_keeps_what_is_stored_and_is_required_where_nothing_is() -> None:
    form = form_of(ACCOUNT)
    posted = {"/auth~choice": ["1"], "/auth/token": [""]}

    assert read(form, posted, {"auth": {"kind": "token", "token": "***"}}).value == {"auth": {"kind": "token", "token": "***"}}
    assert read(form, posted).errors == {"/auth/token": "is required"}


def test_a_secret_is_in_no_text_and_in_no_message() -> None:
    form = form_of(ACCOUNT)
    value = {"auth": {"kind": "token", "token": "s3cret!"}, "headers": {"X-Key": "s3cret!"}}
    posted = {"/auth~choice": ["1"], "/auth/token": ["s!"], "/headers~rows": ["0"], "/headers/0~key": ["X-Key"], "/headers/0": ["s3cret!"]}
    reading = read(form, posted)

    shown = (texts_of(form, value), entries_of(form, posted, reading.errors), reading.errors)

    assert "s3cret" not in repr(shown)
    assert "s!" not in repr(shown)
    assert list(reading.errors) == ["/auth/token"]


def test_pairs_keep_the_stored_secrets_of_their_names() -> None:
    posted = {"/auth~choice": ["0"], "/headers~rows": ["0,4"], "/headers/0~key": ["Old"], "/headers/4~key": ["New"], "/headers/4": ["n"]}
    stored = {"headers": {"Old": "***", "Gone": "***"}}

    assert read(form_of(ACCOUNT), posted, stored).value["headers"] == {"Old": "***", "New": "n"}


def test_two_pairs_of_one_name_and_one_without_are_refused() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    posted = {"~rows": ["0,1,2"], "/0~key": ["a"], "/0": ["1"], "/1~key": ["a"], "/1": ["2"], "/2": ["3"]}

    assert errors(schema, posted) == {"/1": "has the name of another one", "/2": "has no name"}


def test_rows_are_added_and_removed_by_their_buttons() -> None:
    form = form_of({"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}})
    posted = texts_of(form, {"tags": ["a", "b"]})

    more = changed({**posted, "~do": ["add:/tags"]})
    less = changed({**more, "/tags/2": ["c"], "~do": ["remove:/tags/0"]})

    assert [entry.name for entry in entries_of(form, more).inside[0].inside] == ["/tags/0", "/tags/1", "/tags/2"]
    assert read(form, less).value == {"tags": ["b", "c"]}


def test_rows_are_bounded() -> None:
    form = form_of({"type": "array", "items": {"type": "string"}})
    posted = {"~rows": [",".join(map(str, range(50_000)))], **{f"/{number}": ["x"] for number in range(500)}}

    assert len(read(form, posted).value) == MAX_ROWS
    assert len(entries_of(form, changed({**posted, "~do": ["add:"]})).inside) == MAX_ROWS


@pytest.mark.parametrize(
    "text",
    ["{", "[" * 200 + "]" * 200, '"' + "x" * MAX_TEXT + '"', "NaN", "[1,]", "9" * 10_000, "[" + "[]," * 70_000 + "[]]"],
    ids=range(7),
)
def test_json_that_is_wrong_too_deep_or_too_long_is_refused_at_its_field(text: str) -> None:
    assert list(errors({"type": "object", "properties": {"free": {}}}, {"/free": [text]})) == ["/free"]


def test_a_choice_takes_only_its_values() -> None:
    schema = {"type": "object", "properties": {"colour": {"enum": ["red", 1]}}}

    assert read(form_of(schema), {"/colour": ["1"]}).value == {"colour": 1}
    assert errors(schema, {"/colour": ["red"]}) == {"/colour": "is not one of the choices"}


def test_lines_of_a_text_end_as_in_the_rest_of_the_world() -> None:
    schema = {"type": "object", "properties": {"note": {"type": "string", "maxLength": 5_000}}}

    assert read(form_of(schema), {"/note": ["a\r\nb"]}).value == {"note": "a\nb"}


def test_defaults_are_entered_before_anything_is() -> None:
    schema: Json = {
        "type": "object",
        "properties": {
            "tls": {"enum": ["on", "off"], "default": "on"},
            "way": {"const": "password"},
            "size": {"type": "integer", "default": 5},
        },
    }
    form = form_of(schema)

    assert read(form, defaults_of(form)).value == {"tls": "on", "way": "password", "size": 5}


def test_fields_know_which_choices_of_the_account_they_have() -> None:
    schema = {"type": "object", "properties": {"object": {"type": "string"}, "field": {"type": "string"}}}
    options = {"slug": "listFields", "params": {"objectType": "$this.$parent.object"}, "allowRefresh": True}
    form = form_of(schema, {"field": {"ui:widget": "IntegrationAutocompleteWidget", "ui:options": options}})

    choices = form.fields[1].choices

    assert choices is not None
    assert (choices.slug, choices.params) == ("listFields", {"objectType": "object"})
