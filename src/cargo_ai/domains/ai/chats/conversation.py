"""Conversations: what a language model is asked with: the messages of a chat, and the steps of answers, as they are stored."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.untrusted import unmarked, untrusted, untrusted_json
from cargo_ai.domains.ai.tables import Message
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import ToolResult, Turn

Json = Any
MAX_TURNS = 50
"""Older messages of a chat are not sent any more."""
MAX_BYTES = 4 * 1024 * 1024
"""Of the messages of a chat as they are stored; those before them are not sent any more either. No language model reads so much."""


def new_step(response: JsonObject, text: str, thoughts: str, calls: Sequence[JsonObject]) -> JsonObject:
    """A step as it is stored. calls: `{id, name, arguments}`; what they give is added when it is there: `run`, `runs`, `result`,
    `failed`, `parts` (further parts of the answer), `ours` (the result is a sentence of ours, not what a tool gave). Besides:
    `attempt`, by which it was heard while it was written; `warnings`, parts of the answer that say what was unusual."""
    return {"response": response, "text": text, "thoughts": thoughts, "calls": list(calls)}


def turn_of(text: str, steps: Sequence[Mapping[str, Any]]) -> Turn:
    """A message and the steps of its answer. A last step whose calls have not all ended is left out."""
    walked: list[tuple[JsonObject, Sequence[ToolResult]]] = []
    for step in steps:
        calls = step["calls"]
        if any("result" not in call for call in calls):
            break
        walked.append((step["response"], [_result_of(call) for call in calls]))
    return Turn(text, walked)


def _result_of(call: Mapping[str, Any]) -> ToolResult:
    """What a call gave, marked as data unless it is a sentence of ours."""
    ours = call.get("unseen") or call.get("ours")
    return ToolResult(call["id"], call["name"], call["result"] if ours else untrusted_json(call["result"]), bool(call.get("failed")))


def text_of(message_parts: Sequence[Mapping[str, Any]]) -> str:
    """The texts of a message, and those of the files that came with it; what others have written stands between marks."""
    texts = [
        untrusted(str(part["text"])) if part.get("isUntrusted") else str(part.get("text", ""))
        for part in message_parts
        if part.get("type") == "text"
    ]
    texts += [
        f"The file {untrusted(str(part['name']))}:\n{untrusted(str(part.get('text', '')))}"
        for part in message_parts
        if part.get("type") == "s3File"
    ]
    return "\n\n".join(texts)


async def turns_before(db: AsyncSession, chat: uuid.UUID, answer: uuid.UUID) -> list[Turn]:
    """The turns of a chat up to this answer, whose own is the last and has no steps yet."""
    latest = (
        select(Message.uuid, Message.type, Message.parts, Message.steps)
        .where(Message.chat_uuid == chat, Message.uuid < answer, Message.deleted_at.is_(None))
        .order_by(Message.uuid.desc())
        .limit(2 * MAX_TURNS)
        .subquery()
    )
    size = func.octet_length(cast(latest.c.parts, Text)) + func.octet_length(cast(latest.c.steps, Text))
    number = func.row_number().over(order_by=latest.c.uuid.desc()).label("number")
    counted = select(latest, func.sum(size).over(order_by=latest.c.uuid.desc()).label("size"), number).subquery()
    query = (
        select(counted.c.type, counted.c.parts, counted.c.steps)
        .where(or_(counted.c.size <= MAX_BYTES, counted.c.number == 1))
        .order_by(counted.c.uuid.desc())
    )
    turns: list[Turn] = []
    steps: Sequence[Mapping[str, Any]] = ()
    for kind, message_parts, message_steps in await db.execute(query):
        if kind == "assistant":
            steps = message_steps
        else:
            turns.append(turn_of(text_of(message_parts), steps))
            steps = ()
    return turns[::-1]


def parts_of(steps: Sequence[Mapping[str, Any]], answer: Json = None) -> list[JsonObject]:
    """The parts of an answer on the wire. answer: what holds to the schema that was asked for."""
    shown: list[JsonObject] = []
    for step in steps:
        shown.append({"type": "step-start"})
        if step["thoughts"]:
            shown.append({"type": "reasoning", "text": step["thoughts"], "state": "done"})
        if step["text"]:
            # Models repeat the marks that they read.
            shown.append({"type": "text", "text": unmarked(step["text"]), "state": "done"})
        shown += step.get("warnings", ())
        for call in step["calls"]:
            if not call.get("unseen"):
                shown += [call_part(call), *call.get("parts", ())]
    if answer is not None:
        shown.append({"type": "data-output", "data": answer})
    return shown


def call_part(call: Mapping[str, Any]) -> JsonObject:
    """The part of a call on the wire, as far as it has come."""
    part: JsonObject = {"type": f"tool-{call['name']}", "toolCallId": call["id"], "input": call["arguments"]}
    if "run" in call:
        part["toolMetadata"] = {"runUuid": call["run"]}
    if "runs" in call:
        part["toolMetadata"] = {"runUuids": call["runs"]}
    if "message" in call:
        part["toolMetadata"] = {"messageUuid": call["message"]}
    approval = _approval(call)
    if approval is not None:
        part["approval"] = approval
    if "result" not in call:
        asked = approval is not None and "approved" not in approval
        return part | {"state": "approval-requested" if asked else "input-available"}
    if approval is not None and not approval.get("approved", True):
        return part | {"state": "output-denied"}
    result = unmarked(call["result"])
    if call.get("failed"):
        error = result
        return part | {"state": "output-error", "errorText": error["error"] if isinstance(error, dict) else str(error)}
    return part | {"state": "output-available", "output": result}


def _approval(call: Mapping[str, Any]) -> JsonObject | None:
    """The decision of a person on a call, or the review that waits for one."""
    noted = call.get("approval")
    if noted is None:
        return None
    shown = {name: noted[name] for name in ("approved", "reason") if name in noted}
    return {"id": noted.get("review", noted["run"])} | shown


def runs_awaited_in(steps: Sequence[Mapping[str, Any]]) -> list[uuid.UUID]:
    """The runs that calls without a result wait for."""
    calls = [call for step in steps[-1:] for call in step["calls"] if "result" not in call]
    names = [run for call in calls for run in call.get("runs") or [call.get("run") or call.get("approval", {}).get("run")]]
    return [uuid.UUID(name) for name in names if name is not None]
