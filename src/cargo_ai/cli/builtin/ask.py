"""`cargo-ai ask`: talk to an agent: on a terminal the answer appears while it is written, else one JSON document is printed."""

from __future__ import annotations

import sys

from cargo_ai.cli import output
from cargo_ai.cli.builtin.answer_view import AnswerView
from cargo_ai.cli.client.api import Api, new_key
from cargo_ai.cli.client.events import events
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import DONE, FAILED, INTERRUPTED, UNFINISHED, Failure, failure, shell_line, usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["ask"],
    "aliases": [["ai", "ask"]],
    "summary": "Talk to an agent. Without a text, on a terminal, it goes on until Ctrl-D; Ctrl-C cancels an answer.",
    "examples": [
        'cargo-ai ask --agent-uuid UUID "Who is the buyer at Acme?"',
        "cargo-ai ask --agent-uuid UUID",
        "cargo-ai ask --chat-uuid UUID - < question.txt",
    ],
    "writes": True,
    "args": [
        {
            "wire": "text",
            "in": "cli",
            "type": "texts",
            "flags": [],
            "positional": True,
            "help": "What to say; - reads it from standard input.",
        },
        {
            "wire": "agentUuid",
            "in": "body",
            "type": "string",
            "flags": ["--agent-uuid"],
            "help": "The agent: its deployed release answers.",
            "noun": "ai.agent",
        },
        {
            "wire": "chatUuid",
            "in": "body",
            "type": "string",
            "flags": ["--chat-uuid"],
            "help": "Go on in this chat.",
            "noun": "ai.chat",
        },
        {"wire": "continue", "in": "cli", "type": "boolean", "flags": ["--continue"], "help": "Go on in the agent's last chat."},
        {"wire": "dir", "in": "cli", "type": "string", "flags": ["--dir"], "hidden": True},
        {"wire": "print", "in": "cli", "type": "boolean", "flags": ["--print"], "help": "Print the answer as a JSON document."},
    ],
}


def run(parsed: Parsed) -> int:
    """Ask once, or until the input ends. Exit code 1 where the answer is an error, 130 where it was interrupted."""
    from cargo_ai.cli.arguments.names import replace_names

    if parsed.options.get("dir"):
        raise usage("invalidValue", "There is no agent that works in a folder of this machine: name one of the workspace by --agent-uuid.")
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    api = Api(settings, settings.need_token())
    replace_names(parsed, api)
    agent, chat = parsed.get("agentUuid"), parsed.get("chatUuid")
    if not agent and not chat:
        raise usage("missingFlag", "Name whom to ask: --agent-uuid, or --chat-uuid to go on in a chat.", "cargo-ai ai agent list")
    if parsed.options.get("continue") and not chat:
        chat = _last_chat(api, str(agent))
    is_live = output.is_terminal(sys.stdout) and form.is_plain and not parsed.options.get("print")
    talk = Talk(api, None if agent is None else str(agent), None if chat is None else str(chat), None if is_live else form)
    text = _text(parsed)
    if text is not None:
        return talk.say(text, parsed.options.get("idempotency-key"))
    return talk.go_on()


def _text(parsed: Parsed) -> str | None:
    """What to say; None where a person types it."""
    words: list[str] = parsed.options.get("text") or []
    if words == ["-"] or (not words and not output.is_terminal(sys.stdin)):
        text = parsed.stdin.read("-")
    elif words:
        text = " ".join(words)
    else:
        return None
    if not text.strip():
        raise usage("missingArgument", "There is nothing to ask: give a text.", shell_line(["ask", "--help"]))
    return text


def _last_chat(api: Api, agent: str) -> str | None:
    from urllib.parse import quote

    listed = api.call("GET", "/v1/ai/chats/list", query=f"agentUuid={quote(agent, safe='')}&limit=1").check().document()
    chats = output.as_object(listed).get("chats")
    return str(output.as_object(chats[0]).get("uuid")) if output.is_list(chats) and chats else None


class Talk:
    """A conversation. form: how an answer is printed once it has ended; None: it is shown while it is written."""

    def __init__(self, api: Api, agent: str | None, chat: str | None, form: Form | None) -> None:
        self._api, self._agent, self._chat, self._form = api, agent, chat, form

    def go_on(self) -> int:
        """Ask what a person types, line by line, until the input ends; the exit code of the last answer."""
        code = DONE
        while True:
            try:
                text = input("> ")
            except EOFError:
                output.say("")
                return code
            if text.strip():
                try:
                    code = self.say(text)
                except Failure as refusal:
                    # Interrupting an answer, or being refused, ends the answer and not the talk.
                    output.say(f"error: {refusal.document.get('errorMessage')}")
                    code = refusal.code

    def say(self, text: str, key: str | None = None) -> int:
        """Ask and show the answer; the exit code."""
        document: dict[str, Any] = {"parts": [{"type": "text", "text": text}]}
        document |= {"chatUuid": self._chat} if self._chat else {"agentUuid": self._agent}
        sent = (
            self._api.call("POST", "/v1/ai/messages", document=document, headers={"Idempotency-Key": key or new_key()}).check().document()
        )
        answer = str(output.dig(sent, "assistantMessage.uuid"))
        self._chat = str(output.dig(sent, "assistantMessage.chatUuid"))
        try:
            status = self._watch(answer)
        except KeyboardInterrupt:
            self._cancel(answer)
            raise failure(INTERRUPTED, "interrupted", "The answer was cancelled.", uuid=answer, chatUuid=self._chat) from None
        return DONE if status == "success" else FAILED

    def _watch(self, answer: str) -> str:
        """Show the answer until it ends; its status."""
        view = AnswerView(self._api.settings) if self._form is None else None
        status = ""
        for event in events(self._api, f"/v1/ai/messages/{answer}/stream"):
            if view is not None:
                view.show(event)
            if event.get("type") == "finish":
                status = str(output.dig(event, "messageMetadata.status") or "")
        if not status and self._api.settings.timeout:
            again = shell_line(["ai", "message", "get", answer, *self._api.settings.again])
            sentence = f"The answer has not ended within {self._api.settings.timeout:g} s; it goes on. Find it again with: {again}"
            raise failure(UNFINISHED, "timeout", sentence, again, uuid=answer, chatUuid=self._chat)
        if view is not None:
            view.end(self._chat or "")
        if self._form is None:
            return status
        document = self._api.call("GET", f"/v1/ai/messages/{answer}").check().document()
        self._form.print(None, document)
        return str(output.dig(document, "message.status"))

    def _cancel(self, answer: str) -> None:
        """Cancel it on the server; what cannot be cancelled any more has ended."""
        try:
            self._api.call("POST", "/v1/ai/messages/cancel", document={"uuids": [answer]}, headers={"Idempotency-Key": new_key()}).check()
        except Failure as refusal:
            output.say(f"error: it could not be cancelled: {refusal.document.get('errorMessage')}")
