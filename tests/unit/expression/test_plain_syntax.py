"""Expressions that are seen to be valid without the sandbox: what people write is, and what is not surely valid is not."""

from __future__ import annotations

import pytest

from cargo_ai.expression.plain_syntax import is_plain

PLAIN = (
    "record.size * 2",
    "Math.round(20 * Math.log10(1 + (record.revenue_millions ?? 0)))",
    "`${record.first ?? ''} ${record.last}`.trim()",
    "(record.tags || []).map(tag => tag.name).filter((name, at) => at < 3 && name !== '').join(', ')",
    "record.plan === 'pro' ? { tier: 1, 'of': [record.a, -1,], record } : !record.b;",
    "new Date(record.created_at).getTime() / 1000 > 1e3",
    'typeof record.x === "string" ? record.x?.[0]?.toUpperCase() : null',
    "(a && b) ?? c",
)
UNSURE = (
    "record.size *",
    "a ?? b || c",
    "a && b ?? c",
    "x = 1",
    "a, b",
    "/a+/.test(record.x)",
    "-a ** 2",
    "a--b",
    "a <!--b",
    "1.toFixed()",
    "08",
    "'\\u{}'",
    "(a, a) => 1",
    "x\n=> 1",
    "x => { }",
    "async x => 1",
    "await x",
    "{ __proto__: a, __proto__: b }",
    "{ true }",
    "a?.b`c`",
    "f(...x)",
    "[,]",
    "class {}",
    "#a",
    "(((",
    "return 1",
    "(" * 100 + "1" + ")" * 100,
)


@pytest.mark.parametrize("source", PLAIN)
def test_what_people_write_is_recognized(source: str) -> None:
    assert is_plain(source)


@pytest.mark.parametrize("source", UNSURE)
def test_what_is_not_surely_valid_is_left_to_the_engine(source: str) -> None:
    assert not is_plain(source)
