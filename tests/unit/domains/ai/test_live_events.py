"""Events of answers: anyone who comes back with a cursor gets the rest, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cargo_ai.domains.ai.live.events import Cursor, Partial, Snapshot, following, read_cursor
from cargo_ai.kernel.wire import JsonObject

CALL = {"id": "c1", "name": "double", "arguments": {"n": 1}}


def _step(text: str, *calls: JsonObject, **more: Any) -> JsonObject:
    return {"text": text, "thoughts": "", "calls": list(calls), "attempt": "a", **more}


def _walk() -> Iterator[Snapshot]:
    """An answer of two steps, as it grows."""
    text = "First I look it up. "
    for length in range(0, len(text) + 1, 5):
        yield Snapshot([], Partial(0, "a", text[:length], "Hm" if length else ""))
    first = _step(text, CALL, thoughts="Hm")
    yield Snapshot([first], Partial(0, "a", text, "Hm"))
    done = _step(text, {**CALL, "result": 2}, thoughts="Hm")
    yield Snapshot([done], Partial(0, "a", text, "Hm"))
    yield Snapshot([done], Partial(1, "b", "It is", ""))
    yield Snapshot([done, _step("It is 2.", attempt="b")])


def _shown(events: list[JsonObject]) -> str:
    return "".join(str(event["delta"]) for event in events if str(event["type"]).endswith("-delta"))


@given(st.lists(st.booleans(), min_size=8, max_size=8), st.integers(0, 30))
def test_with_any_breaks_of_the_connection_all_is_said_once(seen: list[bool], cut: int) -> None:
    cursor, events, snapshot = Cursor(), list[JsonObject](), Snapshot()
    for looks, snapshot in zip([*seen, True], _walk(), strict=True):
        if not looks:
            continue
        for count, (event, after) in enumerate(following(cursor, snapshot)):
            events.append(event)
            assert read_cursor(str(after)) == after
            cursor = after
            if count == cut:
                break
    events += [event for event, _ in following(cursor, snapshot)]
    assert _shown(events) == "HmFirst I look it up. It is 2."
    kinds = [event["type"] for event in events]
    assert kinds.count("start-step") == kinds.count("finish-step") == 2
    assert kinds.count("tool-input-available") == kinds.count("tool-output-available") == 1


def test_what_was_written_again_is_taken_back() -> None:
    cursor = Cursor()
    for _, after in following(cursor, Snapshot([], Partial(0, "a", "Hello Bo", ""))):
        cursor = after
    events = [event for event, _ in following(cursor, Snapshot([], Partial(0, "b", "Hell", "")))]
    assert [event["type"] for event in events] == ["data-step-restarted", "text-start", "text-delta"]
    assert _shown(events) == "Hell"


@pytest.mark.parametrize("text", ["", "x", "1", "1.a.0.0.3.0.0", "1.a.0.0.1.0." + "f" * 65, "-1.a.0.0.1.0.0", "1.a.0.0.1.0.0\n"])
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert read_cursor(text) is None
