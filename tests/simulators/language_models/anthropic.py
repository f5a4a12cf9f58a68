"""Anthropic's interface: models and messages."""

from __future__ import annotations

import json
from typing import Any

from tests.simulators.language_models.control import CLAUDES, Control, Reply, Said, entries, fields, filled
from tests.simulators.serving import Refused

Json = Any


def refused(status: int, kind: str, message: str) -> Refused:
    """A refusal in Anthropic's form."""
    return Refused(status, {"type": "error", "error": {"type": kind, "message": message}})


def models(_control: Control) -> Json:
    """The list of models."""
    data = [{"type": "model", "id": slug, "display_name": slug.title(), "created_at": "2025-09-29T00:00:00Z"} for slug in CLAUDES]
    return {"data": data, "has_more": False, "first_id": CLAUDES[0], "last_id": CLAUDES[-1]}


def answer(control: Control, body: Json) -> Json | str:
    """A message: JSON, or the text of a stream."""
    said = _said(body)
    reply = control.answer(said)
    output = _output(body, said)
    if output and not reply.calls and reply.text == f"You said: {said.last}":
        reply = Reply(calls=[(output, filled(said.tools[output]))])
    return _stream(body, reply) if body.get("stream") else _message(body, reply)


def _output(body: Json, said: Said) -> str | None:
    choice = fields(body.get("tool_choice"))
    if choice.get("type") == "tool":
        return choice["name"]
    return next((name for name in said.tools if name.startswith("final_result")), None)


def _said(body: Json) -> Said:
    if body.get("model") not in CLAUDES:
        raise refused(404, "not_found_error", f"model: {body.get('model')}")
    if not isinstance(body.get("max_tokens"), int):
        raise refused(400, "invalid_request_error", "max_tokens: Field required")
    called: dict[str, str] = {}
    texts: list[tuple[str, str]] = []
    results: list[tuple[str, str]] = []
    for message in body["messages"]:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else entries(content):
            if part["type"] == "tool_use":
                called[part["id"]] = part["name"]
            elif part["type"] == "tool_result":
                if part["tool_use_id"] not in called:
                    raise refused(400, "invalid_request_error", "unexpected tool_use_id found in tool_result blocks")
                inner = part.get("content") or ""
                results.append(
                    (called[part["tool_use_id"]], inner if isinstance(inner, str) else "".join(one.get("text", "") for one in inner))
                )
            else:
                texts.append((message["role"], part.get("text", "")))
    return Said(
        body["model"],
        _text(body.get("system")),
        texts,
        {tool["name"]: tool["input_schema"] for tool in entries(body.get("tools"))},
        results,
    )


def _text(content: Json) -> str:
    parts = entries(content)
    return "".join(part.get("text", "") for part in parts) if parts else str(content or "")


def _content(reply: Reply) -> list[Json]:
    parts: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
    return parts + [
        {"type": "tool_use", "id": f"toolu_{number}_{name}", "name": name, "input": arguments}
        for number, (name, arguments) in enumerate(reply.calls)
    ]


def _message(body: Json, reply: Reply) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": _content(reply),
        "stop_reason": "refusal" if reply.refusal else "tool_use" if reply.calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": len(json.dumps(body["messages"])) // 4, "output_tokens": max(1, len(json.dumps(_content(reply))) // 4)},
    }


def _stream(body: Json, reply: Reply) -> str:
    message = _message(body, reply)
    events: list[Json] = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}]
    for index, part in enumerate(message["content"]):
        if part["type"] == "text":
            start: Json = {"type": "text", "text": ""}
            deltas: list[Json] = [{"type": "text_delta", "text": part["text"][at : at + 8]} for at in range(0, len(part["text"]), 8)]
        else:
            start = {**part, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(part["input"])}]
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append(
        {"type": "message_delta", "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None}, "usage": message["usage"]}
    )
    events.append({"type": "message_stop"})
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
