"""The query codec, by the examples of its documentation."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.kernel import query


@pytest.mark.parametrize(
    ("spelled", "document"),
    [
        ("ids[]=1&ids[]=2", {"ids": ["1", "2"]}),
        ("filter[a][0]=b&filter[a][1]=c", {"filter": {"a": ["b", "c"]}}),
        ("sort[0][kind]=asc&sort[1][kind]=desc", {"sort": [{"kind": "asc"}, {"kind": "desc"}]}),
        ("limit=10&kind=tool", {"limit": "10", "kind": "tool"}),
    ],
)
def test_both_directions(spelled: str, document: dict[str, Any]) -> None:
    assert query.decode(spelled) == document
    assert query.decode(query.encode(document)) == document


def test_of_a_repeated_plain_key_the_last_one_counts() -> None:
    assert query.decode("a=1&a=2") == {"a": "2"}


def test_brackets_may_be_percent_encoded_and_spaces_plus() -> None:
    assert query.decode("ids%5B%5D=a+b") == {"ids": ["a b"]}


def test_numbered_keys_with_a_gap_stay_an_object() -> None:
    assert query.decode("a[1]=x&a[3]=y") == {"a": {"1": "x", "3": "y"}}


def test_broken_brackets_are_a_plain_key() -> None:
    assert query.decode("a[b=1&[c]=2&d[e]f=3") == {"a[b": "1", "[c]": "2", "d[e]f": "3"}


def test_a_query_string_with_too_many_fields_says_how_many_it_may_have() -> None:
    with pytest.raises(query.QueryError, match=r"more than 5,000 fields"):
        query.decode("a=1&" * 5_001)
    with pytest.raises(query.QueryError, match="not UTF-8"):
        query.decode("a=%ff")
