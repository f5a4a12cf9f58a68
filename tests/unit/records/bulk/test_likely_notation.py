"""Texts that would be numbers or dates, were it said how they are written."""

from __future__ import annotations

import pytest

from cargo_ai.records.bulk.likely_notation import likely
from cargo_ai.records.bulk.notation import PLAIN, Notation


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.234,50", "7"], ("number", ",")),
        (["12,5", ""], ("number", ",")),
        (["1,234.50", "7"], ("number", ".")),
        (["1,234"], None),
        (["192.168.100.200"], None),
        (["1.234,50", "Ulm"], None),
        (["31.12.2024", "1.2.99"], ("date", "dmy")),
        (["1.2.2024"], ("date", "dmy")),
        (["12/31/2024", "1/2/2024"], ("date", "mdy")),
        (["1/2/2024"], None),
        (["31/31/2024"], None),
        (["", " "], None),
        ([], None),
    ],
)
def test_texts_are_taken_for_what_only_one_way_of_writing_makes_of_them(texts: list[str], expected: tuple[str, str] | None) -> None:
    assert likely(texts, PLAIN) == expected


def test_an_option_that_is_given_is_not_proposed() -> None:
    assert likely(["1.234,50"], Notation(decimal=".")) is None
    assert likely(["31.12.2024"], Notation(dates="mdy")) is None
