"""What the imitation has to answer, and what a test may order. It is not a model: it says what its rules say, or repeats the question."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from tests.simulators.faults import Orders

Json = Any
KEY = "sk-test-5f4dcc3b5aa765d61d8327deb882cf99"
MODELS = ("gpt-4.1-mini", "gpt-4o", "o4-mini", "text-embedding-3-small", "text-embedding-3-large")
CLAUDES = ("claude-sonnet-5", "claude-haiku-4-5")


@dataclass(frozen=True)
class Said:
    """A request, in a form that is the same for both interfaces.

    texts: (role, text) in order; tools: what each takes, by name, and descriptions: in words; results: (name of the tool, what it gave).
    schema: of the answer, where one is asked for.
    """

    model: str
    system: str
    texts: list[tuple[str, str]]
    tools: dict[str, Json]
    results: list[tuple[str, str]]
    schema: Json = None
    descriptions: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def last(self) -> str:
        """The last text of a user."""
        return next((text for role, text in reversed(self.texts) if role == "user"), "")


@dataclass(frozen=True)
class Reply:
    """An answer: a text, calls of tools (name, arguments), or both. delay: seconds before it."""

    text: str = ""
    calls: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    refusal: bool = False


Rule = Callable[[Said], Reply | None]
"""What to answer to a request; None: the next rule decides."""


class Control(Orders):
    """Rules in order, and keys. Without a rule that fits it says the question back, and fills a schema with values of its types.

    heard: set by the first request. seconds: how long each answer takes. embedded: the texts that were turned into vectors.
    """

    def reset(self) -> None:
        """Back to no rules."""
        super().reset()
        self.keys = {KEY}
        self.rules: list[Rule] = []
        self.said: list[Said] = []
        self.embedded: list[str] = []
        self.seconds = 0.0
        self.heard = threading.Event()

    def answer(self, said: Said) -> Reply:
        """The answer to a request."""
        self.said.append(said)
        self.heard.set()
        for rule in self.rules:
            reply = rule(said)
            if reply is not None:
                return reply
        return Reply(f"You said: {said.last}")


def entries(value: Json) -> list[dict[str, Json]]:
    """A list of objects; none for null."""
    return cast("list[dict[str, Json]]", value) if isinstance(value, list) else []


def fields(value: Json) -> dict[str, Json]:
    """An object; {} for null."""
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}


def filled(schema: Json) -> Json:
    """A value that holds to a plain schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = str(schema.get("type"))
    if kind == "object":
        names = fields(schema.get("propertyNames")).get("enum", [])[: int(schema.get("minProperties", 0))]
        return dict.fromkeys(names, "text") | {name: filled(inner) for name, inner in fields(schema.get("properties")).items()}
    if kind == "array":
        return [filled(fields(schema.get("items"))) for _ in range(int(schema.get("minItems", 0)))]
    examples: dict[str, Json] = {"number": 1, "integer": 1, "boolean": True, "null": None}
    return examples.get(kind, "text")


def _searched(schema: Json, question: str) -> dict[str, Json]:
    return {"query": question} if "query" in fields(schema.get("properties")) else {}


def use_tools(said: Said) -> Reply | None:
    """A rule: call each tool once, searching for what was asked, then say what they gave. What needs the uuid of something is left out."""
    tools = {
        name: schema
        for name, schema in said.tools.items()
        if not name.startswith("final_result") and not any(str(required).endswith("Uuid") for required in schema.get("required", ()))
    }
    if not tools:
        return None
    if not said.results:
        return Reply(calls=[(name, filled(schema) | _searched(schema, said.last)) for name, schema in tools.items()])
    return Reply("; ".join(f"{name} gave {result}" for name, result in said.results))
