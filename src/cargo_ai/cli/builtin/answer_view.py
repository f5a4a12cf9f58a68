"""The answer of an agent on a terminal: its text as it comes, its calls, warnings and sources as dim lines."""

from __future__ import annotations

import json

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.configuration.settings import Settings

MAX_SHOWN = 160
"""Characters of what goes into a call and comes out of it."""


class AnswerView:
    """Text on stdout, everything else on stderr. What comes from the server controls no terminal."""

    def __init__(self, settings: Settings) -> None:
        self._quiet = settings.quiet
        self._dim = output.wants_bold(settings.no_color)
        self._begun = self._in_line = False
        self._names: dict[str, str] = {}
        self._sources: dict[str, None] = {}
        self._tokens: Any = None

    def show(self, event: dict[str, Any]) -> None:
        """Show one event of the stream."""
        kind = str(event.get("type"))
        if kind == "text-delta":
            self._text(str(event.get("delta")))
        elif kind == "tool-input-available":
            name = str(event.get("toolName"))
            self._names[str(event.get("toolCallId"))] = name
            self._line(f"→ {name} {_short(event.get('input'))}")
        elif kind == "tool-output-available":
            self._line(f"← {self._name(event)} {_short(event.get('output'))}")
        elif kind == "tool-output-error":
            self._line(f"← {self._name(event)} failed: {_short(event.get('errorText'))}")
        elif kind == "source-document":
            self._sources[str(event.get("title"))] = None
        elif kind == "data-step-restarted":
            self._line("(what was said last does not hold: the answer begins again there)")
        elif kind == "data-warning":
            self._line(f"warning: {output.dig(event, 'data.message')}", always=True)
        elif kind == "data-output":
            self._text(json.dumps(event.get("data"), indent=2, ensure_ascii=False))
        elif kind == "error":
            self._line(f"error: {event.get('errorText')}", always=True)
        elif kind == "abort":
            self._line("The answer was cancelled.", always=True)
        elif kind == "finish":
            self._tokens = output.dig(event, "messageMetadata.usage.tokensUsedCount")
        elif kind == "start-step":
            self._begun = False

    def end(self, chat: str) -> None:
        """The last lines: what the answer rests on, and how to go on."""
        if self._sources:
            self._line(f"Sources: {'; '.join(self._sources)}")
            self._sources = {}
        tokens = f"{self._tokens:,} tokens; " if isinstance(self._tokens, int) else ""
        self._line(f"({tokens}go on with --chat-uuid {chat})")

    def _name(self, event: dict[str, Any]) -> str:
        return self._names.get(str(event.get("toolCallId")), "a call")

    def _text(self, text: str) -> None:
        if not self._begun and self._in_line:
            output.write(b"\n")
        shown = "".join(character if character.isprintable() or character in "\n\t" else " " for character in text)
        output.write(shown.encode("utf-8", "backslashreplace"))
        output.flush()
        self._begun, self._in_line = True, not shown.endswith("\n")

    def _line(self, text: str, *, always: bool = False) -> None:
        if self._in_line:
            output.write(b"\n")
            output.flush()
            self._in_line = False
        if always or not self._quiet:
            line = output.clean(text)
            output.say(f"\x1b[2m{line}\x1b[0m" if self._dim else line)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
