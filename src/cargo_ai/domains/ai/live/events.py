"""Events of an answer for its watchers: what follows a cursor, from stored steps and from the step being written.

They have the form of the AI SDK's stream of UI messages. A cursor says exactly what was sent, so that a reader who comes back with it gets
nothing twice and misses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cargo_ai.domains.ai.chats import conversation
from cargo_ai.kernel.wire import JsonObject

END = "end"
_CURSOR = re.compile(r"(\d{1,6})\.([0-9a-f]{0,32})\.(\d{1,9})\.(\d{1,9})\.([012])\.([0-9a-f]{1,64})\.([0-9a-f]{1,64})\Z")


@dataclass(frozen=True, slots=True)
class Partial:
    """The step that is being written."""

    step: int = 0
    attempt: str = ""
    text: str = ""
    thoughts: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An answer as it is now. steps: as they are stored. closing: the events of its end; none before it."""

    steps: Sequence[Mapping[str, Any]] = ()
    partial: Partial = field(default_factory=Partial)
    closing: Sequence[JsonObject] | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """What was sent: of which step, in which attempt, how many characters, whether its beginning (1) and the
    end of its texts (2), and which calls and results (as bits)."""

    step: int = 0
    attempt: str = ""
    text: int = 0
    thoughts: int = 0
    begun: int = 0
    calls: int = 0
    results: int = 0

    def __str__(self) -> str:
        return f"{self.step}.{self.attempt}.{self.text}.{self.thoughts}.{self.begun}.{self.calls:x}.{self.results:x}"


def read_cursor(text: str) -> Cursor | None:
    """The other way round; None for what is not a cursor."""
    match = _CURSOR.match(text)
    if match is None:
        return None
    step, attempt, said, thoughts, begun, calls, results = match.groups()
    return Cursor(int(step), attempt, int(said), int(thoughts), int(begun), int(calls, 16), int(results, 16))


Event = tuple[JsonObject, Cursor]


def following(cursor: Cursor, snapshot: Snapshot) -> Iterator[Event]:
    """The events after a cursor, each with the cursor after it; without those of the end."""
    while cursor.step < len(snapshot.steps):
        step = snapshot.steps[cursor.step]
        partial = Partial(cursor.step, str(step.get("attempt", "")), step["text"], step["thoughts"])
        for event, after in _written(cursor, partial):
            cursor = after
            yield event, cursor
        for event, after in _stored(cursor, step):
            cursor = after
            yield event, cursor
        if any("result" not in call for call in step["calls"]):
            return
        cursor = Cursor(cursor.step + 1)
        yield {"type": "finish-step"}, cursor
    if snapshot.partial.step == cursor.step and snapshot.partial.attempt:
        yield from _written(cursor, snapshot.partial)


def _written(cursor: Cursor, partial: Partial) -> Iterator[Event]:
    """What is after the cursor of a step's text and thoughts."""
    if cursor.attempt != partial.attempt:
        if cursor.text or cursor.thoughts:
            # It was written again, by another process or after a failure: what was said of it does not hold.
            yield {"type": "data-step-restarted", "data": {"step": cursor.step}}, (cursor := Cursor(cursor.step, begun=1))
        cursor = replace(cursor, attempt=partial.attempt)
    if not cursor.begun:
        cursor = replace(cursor, begun=1)
        yield {"type": "start-step"}, cursor
    for kind, letter, written in (("reasoning", "r", partial.thoughts), ("text", "t", partial.text)):
        position = cursor.thoughts if kind == "reasoning" else cursor.text
        if len(written) <= position:
            continue
        name = f"{cursor.step}{letter}"
        if not position:
            yield {"type": f"{kind}-start", "id": name}, cursor
        cursor = replace(cursor, thoughts=len(written)) if kind == "reasoning" else replace(cursor, text=len(written))
        yield {"type": f"{kind}-delta", "id": name, "delta": written[position:]}, cursor


def _stored(cursor: Cursor, step: Mapping[str, Any]) -> Iterator[Event]:
    """What a stored step has besides: the ends of its texts, warnings, calls and what they gave."""
    if cursor.begun < 2:
        for kind, letter, count in (("reasoning", "r", cursor.thoughts), ("text", "t", cursor.text)):
            if count:
                yield {"type": f"{kind}-end", "id": f"{cursor.step}{letter}"}, cursor
        for warning in step.get("warnings", ()):
            yield dict(warning), cursor
        cursor = replace(cursor, begun=2)
    calls: list[Mapping[str, Any]] = [call for call in step["calls"] if not call.get("unseen")]
    for number, call in enumerate(calls):
        bit = 1 << number
        wire = conversation.call_part(call)
        if not cursor.calls & bit:
            cursor = replace(cursor, calls=cursor.calls | bit)
            yield _input(call, wire), cursor
        if "result" in call and not cursor.results & bit:
            # A reader that is lost in between gets all of it again: a call's id says that it is the same.
            for part in call.get("parts", ()):
                yield dict(part), cursor
            cursor = replace(cursor, results=cursor.results | bit)
            yield _output(wire), cursor


def _input(call: Mapping[str, Any], wire: Mapping[str, Any]) -> JsonObject:
    event: JsonObject = {
        "type": "tool-input-available",
        "toolCallId": wire["toolCallId"],
        "toolName": call["name"],
        "input": wire["input"],
    }
    return event | ({"toolMetadata": wire["toolMetadata"]} if "toolMetadata" in wire else {})


def _output(wire: Mapping[str, Any]) -> JsonObject:
    if wire["state"] == "output-error":
        return {"type": "tool-output-error", "toolCallId": wire["toolCallId"], "errorText": wire["errorText"]}
    return {"type": "tool-output-available", "toolCallId": wire["toolCallId"], "output": wire["output"]}
