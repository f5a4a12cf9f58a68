"""Write-backs: what is written, by which key, in which order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.integrations.kit import InvalidConfig
from cargo_ai.integrations.kit.writes import MAX_MAPPINGS, WRITTEN, Assignment, assigned, key_of, rounds, with_output, written


def test_null_and_empty_are_left_out_unless_they_shall_clear() -> None:
    mappings: dict[str, Any] = {"a": 1, "b": None, "c": "", "d": False, "e": 0}
    assert assigned(mappings, write_nulls=False) == {"a": 1, "d": False, "e": 0}
    assert assigned(mappings, write_nulls=True) == mappings
    listed = [Assignment(property_name=name, value=value) for name, value in mappings.items()]
    assert assigned(listed, write_nulls=False) == {"a": 1, "d": False, "e": 0}


def test_a_property_is_named_once_and_not_too_many_are() -> None:
    with pytest.raises(InvalidConfig, match="twice"):
        assigned([Assignment(property_name="a", value=1)] * 2, write_nulls=False)
    with pytest.raises(InvalidConfig, match="at most"):
        assigned({f"p{number}": 1 for number in range(MAX_MAPPINGS + 1)}, write_nulls=False)


@pytest.mark.parametrize(("value", "key"), [("a", "a"), (" a ", "a"), (4711, "4711"), (0, "0")])
def test_keys_are_texts(value: Any, key: str) -> None:
    assert key_of(value) == key


@pytest.mark.parametrize("value", ["", " ", None, True, [], {}])
def test_what_is_no_key_is_refused(value: Any) -> None:
    with pytest.raises(InvalidConfig, match="matchingValue"):
        key_of(value)


@given(st.lists(st.sampled_from("abc")))
def test_rounds_hold_each_position_once_no_key_twice_and_keep_the_order_of_a_key(keys: list[str]) -> None:
    split = rounds(keys)
    assert sorted(position for positions in split for position in positions) == list(range(len(keys)))
    for positions in split:
        assert len({keys[position] for position in positions}) == len(positions)
    for key in set(keys):
        order = [position for positions in split for position in positions if keys[position] == key]
        assert order == sorted(order)


def test_the_result_of_a_row_says_what_was_done_and_why_not() -> None:
    done = written("skipped", "7", reason="The record exists.", more={"recordIds": ["7"]})
    assert done.title == "skipped 7 (The record exists.)"
    assert done.output == {"operation": "skipped", "recordId": "7", "url": None, "reason": "The record exists.", "recordIds": ["7"]}
    extended = with_output(recordIds={"type": "array"})
    assert extended["properties"].keys() - WRITTEN["properties"].keys() == {"recordIds"}
