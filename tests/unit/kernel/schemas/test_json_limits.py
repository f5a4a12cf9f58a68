"""The shape of JSON before it is parsed."""

from __future__ import annotations

import json
import random
import time
from typing import cast

import pytest

from cargo_ai.kernel.schemas.json_limits import MAX_DEPTH, MAX_ITEMS, measure

MEGABYTES = 10 * 1024 * 1024


def _shape(value: object) -> tuple[int, int]:
    """(objects, arrays and commas; depth), the slow way."""
    if not isinstance(value, (dict, list)):
        return 0, 0
    items = cast("dict[str, object]", value).values() if isinstance(value, dict) else cast("list[object]", value)
    inner = [_shape(item) for item in items]
    return 1 + max(len(inner) - 1, 0) + sum(count for count, _ in inner), 1 + max((depth for _, depth in inner), default=0)


def _random_value(source: random.Random, depth: int) -> object:
    kind = source.randrange(6 if depth else 4)
    if kind < 3:
        return "".join(source.choice('a,"\\[]{}: ü\n') for _ in range(source.randrange(6)))
    if kind == 3:
        return source.choice([1, -2.5, True, None])
    items = [_random_value(source, depth - 1) for _ in range(source.randrange(4))]
    return items if kind == 4 else {f"{number}{_random_value(source, 0)}": item for number, item in enumerate(items)}


def test_items_and_depth_are_those_of_the_parsed_value_whatever_its_texts_hold() -> None:
    source = random.Random(7)
    for _ in range(2_000):
        value = _random_value(source, 5)
        for escaped in (True, False):
            shape = measure(json.dumps(value, ensure_ascii=escaped).encode())
            assert (shape.items, shape.depth) == _shape(value), value


@pytest.mark.parametrize(("depth", "measured"), [(MAX_DEPTH, MAX_DEPTH), (MAX_DEPTH + 1, MAX_DEPTH + 1), (5_000, MAX_DEPTH + 1)])
def test_depth_is_measured_up_to_its_limit(depth: int, measured: int) -> None:
    assert measure(b"[" * depth + b"]" * depth).depth == measured


@pytest.mark.parametrize(
    ("text", "measured"),
    [("{", 1), ('{"a":[{"b":1}', 3), ("{}}", 1), ("][", 1), ("[" * 5_000, MAX_DEPTH + 1), ("[" * 5_000 + "]", MAX_DEPTH + 1)],
)
def test_text_that_is_cut_off_is_no_deeper_than_it_is(text: str, measured: int) -> None:
    assert measure(text.encode()).depth == measured


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"{}," * (MEGABYTES // 3) + b"{}]",
        b"[" + b'"",' * (MEGABYTES // 3) + b'""]',
        b"[" + b'",",' * (MEGABYTES // 4) + b'""]',
        b'["' + b'\\"' * (MEGABYTES // 2) + b'"]',
        b"[" * MEGABYTES,
        b"[" + b",".join([b"[" * 90 + b"]" * 90] * 2_700) + b"]",
        b"[" + b'"a,b",' * (MAX_ITEMS - 10) + b"1]",
    ],
    ids=lambda raw: raw[:12].decode(),
)
def test_the_largest_body_is_measured_fast(raw: bytes) -> None:
    seconds: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        measure(raw)
        seconds.append(time.thread_time() - began)
    assert min(seconds) < 0.25
