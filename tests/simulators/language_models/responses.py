"""OpenAI's other interface: responses, also as a stream of events."""

from __future__ import annotations

import json
from typing import Any

from tests.simulators.language_models.control import MODELS, Control, Reply, Said, entries, fields, filled
from tests.simulators.language_models.openai import refused

Json = Any


def respond(control: Control, body: Json) -> Json | str:
    """A response: JSON, or the text of a stream."""
    said = _said(body)
    reply = control.answer(said)
    if said.schema is not None and not reply.calls and reply.text == f"You said: {said.last}":
        reply = Reply(json.dumps(filled(said.schema)))
    output = [name for name in said.tools if name.startswith("final_result")]
    if output and not reply.calls and reply.text == f"You said: {said.last}":
        reply = Reply(calls=[(output[0], filled(said.tools[output[0]]))])
    return _stream(body, reply) if body.get("stream") else _whole(body, reply)


def _said(body: Json) -> Said:
    if body.get("model") not in MODELS:
        raise refused(404, "model_not_found", f"The model `{body.get('model')}` does not exist or you do not have access to it.")
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else entries(given)
    if not items:
        raise refused(400, "missing_required_parameter", "Missing required parameter: 'input'.")
    if body.get("store") is not False:
        raise refused(400, "unsupported_value", "This imitation keeps no conversations: send store=false.")
    called: dict[str, str] = {}
    texts: list[tuple[str, str]] = []
    results: list[tuple[str, str]] = []
    system = str(body.get("instructions") or "")
    for item in items:
        kind = item.get("type", "message")
        if kind == "function_call":
            called[item["call_id"]] = item["name"]
        elif kind == "function_call_output":
            if item["call_id"] not in called:
                raise refused(400, "invalid_request_error", f"No tool call found for function call output with call_id {item['call_id']}.")
            results.append((called[item["call_id"]], _text(item.get("output"))))
        elif kind == "message" and item["role"] in ("system", "developer"):
            system += _text(item.get("content"))
        elif kind == "message":
            texts.append((item["role"], _text(item.get("content"))))
    tools = [tool for tool in entries(body.get("tools")) if tool["type"] == "function"]
    form = fields(fields(body.get("text")).get("format"))
    return Said(
        body["model"],
        system,
        texts,
        {tool["name"]: tool["parameters"] for tool in tools},
        results,
        form["schema"] if form.get("type") == "json_schema" else None,
        {tool["name"]: tool.get("description", "") for tool in tools},
    )


def _text(content: Json) -> str:
    parts = entries(content)
    return "".join(part.get("text", "") for part in parts) if parts else str(content or "")


def _items(reply: Reply) -> list[Json]:
    items: list[Json] = []
    if reply.refusal:
        items.append(_message([{"type": "refusal", "refusal": "I cannot help with that."}]))
    elif reply.text:
        items.append(_message([{"type": "output_text", "text": reply.text, "annotations": []}]))
    return items + [
        {
            "type": "function_call",
            "id": f"fc_{number}_{name}",
            "call_id": f"call_{number}_{name}",
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }
        for number, (name, arguments) in enumerate(reply.calls)
    ]


def _message(content: list[Json]) -> Json:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _whole(body: Json, reply: Reply) -> Json:
    sent = len(json.dumps(body["input"])) // 4
    received = max(1, (len(reply.text) + len(json.dumps(reply.calls))) // 4)
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "model": body["model"],
        "output": _items(reply),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": received,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": sent + received,
        },
    }


def _stream(body: Json, reply: Reply) -> str:
    whole = _whole(body, reply)
    begun: Json = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        opened: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
        empty: Json = {**item, "status": "in_progress", **opened}
        events.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        if item["type"] == "function_call":
            events.append({"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]})
            done = {"type": "response.function_call_arguments.done", **at, "name": item["name"], "arguments": item["arguments"]}
            events.append(done)
        else:
            events += _of_part({**at, "content_index": 0}, item["content"][0])
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": whole})
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in numbered)


def _of_part(at: Json, part: Json) -> list[Json]:
    if part["type"] == "refusal":
        deltas: list[Json] = [
            {"type": "response.refusal.delta", **at, "delta": part["refusal"]},
            {"type": "response.refusal.done", **at, "refusal": part["refusal"]},
        ]
    else:
        pieces = [part["text"][start : start + 8] for start in range(0, len(part["text"]), 8)]
        deltas = [{"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces]
        deltas.append({"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []})
    empty = {**part, "text" if part["type"] == "output_text" else "refusal": ""}
    return [
        {"type": "response.content_part.added", **at, "part": empty},
        *deltas,
        {"type": "response.content_part.done", **at, "part": part},
    ]
