"""Suggestions: the prompt by which a language model proposes next messages of a user, and which actions it may suggest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cargo_ai.domains.ai.agents import language_model
from cargo_ai.domains.ai.asking.structured import REQUEST_SECONDS, Wish
from cargo_ai.domains.ai.chats.untrusted import RULE, untrusted
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Turn

MAX = 4
MAX_TALK = 20_000
"""Characters of the conversation that are looked at: the last ones."""
_INSTRUCTIONS = f"""You suggest what a user could say next to an agent: short messages in the user's words and language, each a different
and useful next step that this agent can do with what it has. Name in `actions` the actions that it would use for that.
Do not repeat what was asked already. {RULE}"""


def wish(
    about: str, talk: str, actions: Sequence[Mapping[str, Any]], named: language_model.Named, seconds: float = REQUEST_SECONDS
) -> Wish:
    """What is asked. about: the agent and what it may use; talk: the conversation so far."""
    slugs = sorted({str(action["slug"]) for action in actions})
    one: JsonObject = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 300},
            "actions": {"type": "array", "maxItems": 10, "items": {"type": "string", "enum": slugs} if slugs else {"type": "string"}},
        },
        "required": ["text"],
    }
    schema: JsonObject = {
        "type": "object",
        "properties": {"suggestions": {"type": "array", "minItems": 1, "maxItems": MAX, "items": one}},
        "required": ["suggestions"],
    }
    text = f"The agent:\n{about}" + (f"\n\nThe conversation so far:\n{untrusted(talk[-MAX_TALK:])}" if talk else "")
    return Wish(_INSTRUCTIONS, text, schema, named=named, temperature=None, seconds=seconds)


def suggestions(value: JsonObject, actions: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """The suggestions on the wire, each once; of actions only those that there are."""
    known = {str(action["slug"]) for action in actions}
    by_text: dict[str, list[str]] = {}
    for suggestion in value["suggestions"]:
        slugs: list[str] = suggestion.get("actions") or []
        by_text.setdefault(suggestion["text"].strip(), [slug for slug in slugs if slug in known])
    return [{"text": text, "actions": [{"slug": slug} for slug in dict.fromkeys(slugs)]} for text, slugs in by_text.items() if text]


def about(
    system_prompt: str, actions: Sequence[Mapping[str, Any]], resources: Sequence[Mapping[str, Any]], capabilities: Iterable[str]
) -> str:
    """The agent in words."""
    lines = [system_prompt[:20_000] or "(no instructions)"]
    for kind, entries in (("Action", actions), ("Resource", resources)):
        lines += [f"{kind} {entry['slug']}: {entry.get('description') or entry.get('name') or entry['kind']}" for entry in entries]
    lines += [f"Capability {slug}" for slug in capabilities]
    return "\n".join(lines)


def talk_of(turns: Sequence[Turn]) -> str:
    """A conversation in words, without what tools gave."""
    lines: list[str] = []
    for turn in turns:
        lines.append(f"User: {turn.text}")
        texts = [part["content"] for response, _ in turn.steps for part in response.get("parts", []) if part.get("part_kind") == "text"]
        if texts:
            lines.append(f"Agent: {' '.join(texts)}")
    return "\n".join(lines)
