"""Answers: the parts of a message as blocks that a page shows, those that are stored and those that are being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from cargo_ai.console.markdown import rendered
from cargo_ai.kernel.wire import JsonObject

FINAL = frozenset({"success", "error", "cancelled"})
MAX_LIVE = 20_000
"""Characters of a text that is rendered again while it grows; a longer one is shown as it is written until it is complete."""
_SAID_OTHERWISE = frozenset({"step-start", "data-output"})


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a message. kind: prose (markup), thoughts, tool, file, output, note."""

    kind: str
    markup: Markup = field(default_factory=Markup)
    text: str = ""
    part: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it is shown: its blocks, and the sources that it cites, each once."""

    message: JsonObject
    blocks: Sequence[Block]
    sources: Sequence[str]

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes."""
        return self.message["status"] in FINAL


@dataclass(slots=True)
class Live:
    """What was heard of the step that is being written, and is not stored yet."""

    text: str = ""
    thoughts: str = ""

    def take(self, events: Sequence[JsonObject]) -> bool:
        """Hear some events. True: what is stored has changed, and has to be read."""
        changed = False
        for event in events:
            kind = str(event["type"])
            if kind == "text-delta":
                self.text += str(event["delta"])
            elif kind == "reasoning-delta":
                self.thoughts += str(event["delta"])
            elif kind == "start-step":
                self.text = self.thoughts = ""
            elif not kind.endswith("-start"):
                self.text = self.thoughts = ""
                changed = True
        return changed

    def blocks(self) -> list[Block]:
        """What it adds to the stored blocks."""
        thoughts = [Block("thoughts", text=self.thoughts)] if self.thoughts else []
        return [*thoughts, *([Block("prose", _prose(self.text, MAX_LIVE))] if self.text else [])]


def shown(message: JsonObject, live: Live | None = None) -> Shown:
    """A message with what is being written of it."""
    is_user = message["type"] == "user"
    blocks: list[Block] = []
    sources: dict[str, None] = {}
    for part in message["parts"]:
        kind = str(part.get("type", ""))
        if kind == "text":
            text = str(part.get("text", ""))
            blocks.append(Block("said", text=text) if is_user else Block("prose", _prose(text)))
        elif kind == "reasoning":
            blocks.append(Block("thoughts", text=str(part.get("text", ""))))
        elif kind.startswith("tool-"):
            blocks.append(Block("tool", text=kind.removeprefix("tool-"), part=part))
        elif kind == "source-document":
            sources[str(part.get("title") or part.get("filename") or "")] = None
        elif kind == "s3File":
            blocks.append(Block("file", text=str(part.get("name", ""))))
        elif kind == "data-output":
            blocks.append(Block("output", part={"data": part.get("data")}))
        elif kind not in _SAID_OTHERWISE:
            blocks.append(Block("note", part=part))
    blocks += live.blocks() if live is not None else []
    return Shown(message, blocks, [source for source in sources if source])


def waits_for_person(message: JsonObject) -> bool:
    """Whether a call of the message has no result yet: what is stored may change without a word."""
    return any(part.get("state") in ("approval-requested", "input-available") for part in message["parts"])


def _prose(text: str, most: int | None = None) -> Markup:
    if most is not None and len(text) > most:
        return Markup('<pre class="plain-text">') + escape(text) + Markup("</pre>")
    return rendered(text)
