"""JSON Schemas of others: nothing is fetched, and what is wrong with a value is said."""

from __future__ import annotations

import pytest

from cargo_ai.kernel.schemas.json_schema import NoSchema, faults


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/schema", "file:///etc/hostname"])
def test_a_schema_that_refers_to_an_address_is_none(address: str) -> None:
    with pytest.raises(NoSchema):
        faults({"$ref": address}, {})


def test_a_schema_of_no_known_type_is_none() -> None:
    with pytest.raises(NoSchema):
        faults({"type": "words"}, {})


def test_each_fault_says_where_it_is() -> None:
    schema = {"properties": {"n": {"type": "number"}}, "required": ["m"]}
    assert faults(schema, {"n": "x"}) == ['"m" is a required property', 'n: "x" is not of type "number"']
    assert faults(schema, {"n": 1, "m": 2}) == []
