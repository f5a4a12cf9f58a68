"""OpenAI's interface: models and chat completions, also as a stream of events."""

from __future__ import annotations

import json
from typing import Any

from tests.simulators.language_models.control import MODELS, Control, Reply, Said, entries, fields, filled
from tests.simulators.serving import Refused

Json = Any


def refused(status: int, code: str, message: str) -> Refused:
    """A refusal in OpenAI's form."""
    return Refused(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})


def models(_control: Control) -> Json:
    """The list of models."""
    return {"object": "list", "data": [{"id": slug, "object": "model", "created": 1_700_000_000, "owned_by": "openai"} for slug in MODELS]}


def complete(control: Control, body: Json) -> Json | str:
    """A completion: JSON, or the text of a stream."""
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
    messages = entries(body.get("messages"))
    if not messages:
        raise refused(400, "invalid_messages", "'messages' is a required property.")
    called: dict[str, str] = {}
    texts: list[tuple[str, str]] = []
    results: list[tuple[str, str]] = []
    system = ""
    for message in messages:
        text = _text(message.get("content"))
        if message["role"] in ("system", "developer"):
            system += text
        elif message["role"] == "tool":
            if message["tool_call_id"] not in called:
                raise refused(400, "invalid_messages", "A message of the role tool must follow its tool_calls.")
            results.append((called[message["tool_call_id"]], text))
        else:
            called |= {call["id"]: call["function"]["name"] for call in entries(message.get("tool_calls"))}
            texts.append((message["role"], text))
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in entries(body.get("tools"))}
    form = fields(body.get("response_format"))
    schema: Json = form["json_schema"]["schema"] if form.get("type") == "json_schema" else None
    descriptions = {tool["function"]["name"]: tool["function"].get("description", "") for tool in entries(body.get("tools"))}
    return Said(body["model"], system, texts, tools, results, schema, descriptions)


def _text(content: Json) -> str:
    parts = entries(content)
    return "".join(part.get("text", "") for part in parts) if parts else str(content or "")


def _usage(body: Json, reply: Reply) -> Json:
    sent = len(json.dumps(body["messages"])) // 4
    received = max(1, (len(reply.text) + len(json.dumps(reply.calls))) // 4)
    return {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}


def _calls(reply: Reply) -> list[Json]:
    return [
        {"id": f"call_{number}_{name}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for number, (name, arguments) in enumerate(reply.calls)
    ]


def _finish(reply: Reply) -> str:
    return "content_filter" if reply.refusal else "tool_calls" if reply.calls else "stop"


def _whole(body: Json, reply: Reply) -> Json:
    message: dict[str, Json] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(reply)}],
        "usage": _usage(body, reply),
    }


def _stream(body: Json, reply: Reply) -> str:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": body["model"]}
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": reply.text[start : start + 8]} for start in range(0, len(reply.text), 8)]
    deltas += [{"tool_calls": [{"index": number, **call}]} for number, call in enumerate(_calls(reply))]
    events: list[Json] = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]})
    events.append({**head, "choices": [], "usage": _usage(body, reply)})
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
