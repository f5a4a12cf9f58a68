"""`cargo-ai ask`: answers as they are written on a terminal, one document elsewhere, streams that are lost, answers that are cancelled."""

from __future__ import annotations

import json
import os
import pty
import signal
from typing import Any

import pytest

from tests.kit.peers.fake_api import Answer, FakeApi, Request
from tests.unit.cli.cli_process import Cli

AGENT, CHAT, ANSWER = (f"0198c0de-0000-7000-8000-00000000000{digit}" for digit in "123")
STREAM = f"/v1/ai/messages/{ANSWER}/stream"
SENT = {"userMessage": {}, "assistantMessage": {"uuid": ANSWER, "chatUuid": CHAT}}
FINISH = {"type": "finish", "messageMetadata": {"status": "success", "usage": {"tokensUsedCount": 1234}}}


def _events(*events: dict[str, Any], done: bool = True, first: int = 1) -> Answer:
    text = "".join(f"id: {number}\ndata: {json.dumps(event)}\n\n" for number, event in enumerate(events, first))
    body = (": alive\n\n" + text + ("data: [DONE]\n\n" if done else "")).encode()
    return Answer(200, body=body, headers={"Content-Type": "text/event-stream"})


@pytest.fixture
def asked(api: FakeApi) -> FakeApi:
    """A server that takes the message and has the answer."""
    api.on("POST", "/v1/ai/messages", SENT)
    api.on("GET", f"/v1/ai/messages/{ANSWER}", {"message": {"uuid": ANSWER, "status": "success", "parts": []}})
    return api


def _on_terminal(cli: Cli, *args: str) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    process = cli.start(*args, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
            if b"WAITING" in shown:
                process.send_signal(signal.SIGINT)
                shown = shown.replace(b"WAITING", b"")
    except OSError:
        pass
    finally:
        os.close(ours)
    return process.wait(20), shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_text_calls_and_the_chat_are_shown(cli: Cli, asked: FakeApi) -> None:
    call = {"type": "tool-input-available", "toolCallId": "c", "toolName": "look", "input": {"domain": "acme.com"}}
    gave = {"type": "tool-output-available", "toolCallId": "c", "output": {"employees": 120}}
    text = {"type": "text-delta", "id": "t", "delta": "It is \x1b[31mlarge."}
    asked.on("GET", STREAM, _events(call, gave, text, FINISH))
    code, shown = _on_terminal(cli, "ai", "ask", "--agent-uuid", AGENT, "How", "large?", "--no-color")
    assert code == 0 and "\x1b" not in shown
    assert '→ look {"domain": "acme.com"}\n← look {"employees": 120}\nIt is  [31mlarge.\n' in shown
    assert f"(1,234 tokens; go on with --chat-uuid {CHAT})" in shown
    (sent,) = asked.sent("POST", "/v1/ai/messages")
    assert sent.json == {"agentUuid": AGENT, "parts": [{"type": "text", "text": "How large?"}]}


def test_what_an_answer_rests_on_is_shown_once_at_its_end(cli: Cli, asked: FakeApi) -> None:
    first, second = ({"type": "source-document", "sourceId": f"f#{page}", "title": f"handbook.pdf, page {page}"} for page in (3, 1))
    asked.on("GET", STREAM, _events(first, second, first, {"type": "text-delta", "id": "t", "delta": "30 days."}, FINISH))
    code, shown = _on_terminal(cli, "ask", "--agent-uuid", AGENT, "Vacation?", "--no-color")
    assert code == 0 and "30 days.\nSources: handbook.pdf, page 3; handbook.pdf, page 1\n(1,234 tokens" in shown


def test_elsewhere_one_document_is_printed_and_an_error_exits_with_1(cli: Cli, asked: FakeApi) -> None:
    asked.on("GET", STREAM, _events(FINISH))
    result = cli("ask", "--chat-uuid", CHAT, "-", stdin=b"Who?\n")
    assert (result.code, result.json["message"]["uuid"]) == (0, ANSWER)
    asked.on("GET", f"/v1/ai/messages/{ANSWER}", {"message": {"uuid": ANSWER, "status": "error"}})
    assert cli("ask", "--chat-uuid", CHAT, "Who?").code == 1
    assert cli("ask", "--agent-uuid", AGENT, stdin=b" ").code == 2
    assert cli("ask", "Who?").code == 2


def test_a_lost_stream_goes_on_behind_its_last_event(cli: Cli, asked: FakeApi) -> None:
    def answer(request: Request) -> Answer:
        last = request.headers.get("last-event-id") or request.headers.get("Last-Event-ID")
        one, two = ({"type": "text-delta", "id": "t", "delta": delta} for delta in ("One ", "two."))
        return _events(two, FINISH, first=2) if last == "1" else _events(one, done=False)

    asked.on("GET", STREAM, answer)
    code, shown = _on_terminal(cli, "ask", "--agent-uuid", AGENT, "Count", "--quiet")
    assert (code, shown) == (0, "One two.\n")


def test_an_interrupted_answer_is_cancelled_on_the_server(cli: Cli, asked: FakeApi) -> None:
    asked.on("GET", STREAM, _events({"type": "text-delta", "id": "t", "delta": "WAITING"}, done=False))
    asked.on("POST", "/v1/ai/messages/cancel", {"count": 1})
    code, _ = _on_terminal(cli, "ask", "--agent-uuid", AGENT, "Wait")
    assert code == 130
    assert [sent.json for sent in asked.sent("POST", "/v1/ai/messages/cancel")] == [{"uuids": [ANSWER]}]
