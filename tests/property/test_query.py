"""The query codec: what goes in comes out, and nothing that a stranger sends breaks it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cargo_ai.kernel import query

# Scalars travel as text; a name that is a number would be a place in a list.
names = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=1, max_size=8).filter(lambda name: not name.isdigit())
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects, lists of texts and lists of objects; empty ones have no spelling in a query string."""
    objects = st.dictionaries(names, inner, min_size=1, max_size=4)
    return objects | st.lists(texts, min_size=1, max_size=4) | st.lists(objects, min_size=1, max_size=3)


documents = st.dictionaries(names, st.recursive(texts, nested, max_leaves=12), max_size=5)


@settings(deadline=None)
@given(documents)
def test_decode_undoes_encode(document: dict[str, Any]) -> None:
    spelled = query.encode(document)
    if max((len(pair.split("[")) for pair in spelled.split("&")), default=0) <= query.MAXIMUM_DEPTH:
        assert query.decode(spelled) == document


@settings(deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_sent_decodes_or_is_refused(text: str) -> None:
    for spelled in (text, quote(text, safe="=&[]%+")):
        try:
            found = query.decode(spelled)
        except query.QueryError:
            continue
        assert isinstance(found, dict)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "[", "]", "[]", "0", "1", "=", "&", "%5B", "%5D", "x"]), max_size=40).map("".join))
def test_brackets_in_any_order_decode_or_are_refused(text: str) -> None:
    with suppress(query.QueryError):
        query.decode(text)


@given(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_scalars_are_spelled_as_json_spells_them(flag: bool, whole: int, fraction: float) -> None:
    found = query.decode(query.encode({"flag": flag, "whole": whole, "fraction": fraction, "nothing": None}))
    assert found["flag"] == ("true" if flag else "false")
    assert int(found["whole"]) == whole
    assert float(found["fraction"]) == fraction
    assert "nothing" not in found


@pytest.mark.parametrize("text", ["&".join(f"k{i}=1" for i in range(query.MAXIMUM_PAIRS + 1)), "a" + "[b]" * 20 + "=1", "a=%ff"])
def test_too_many_too_deep_and_not_utf8_are_refused(text: str) -> None:
    with pytest.raises(query.QueryError):
        query.decode(text)
