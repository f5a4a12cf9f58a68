"""Requests to the JavaScript engine, and its results."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import NamedTuple

from cargo_ai.expression.errors import ExpressionError
from cargo_ai.expression.native.values import UNDEFINED, Scope


class EngineExpression(NamedTuple):
    """An expression for the engine, without braces; with `body` it may be statements that return.

    With a `schema` it is not one, but an instruction to a language model: the JSON Schema, as text, of the field that it fills.
    """

    source: str
    body: bool = False
    schema: str | None = None


class AskedBy(NamedTuple):
    """The run whose expressions are evaluated, for what its instructions to language models cost. began_ms: when it began."""

    began_ms: int
    workflow: uuid.UUID
    trace: uuid.UUID
    batch: uuid.UUID | None = None
    user: uuid.UUID | None = None


class EngineResult(NamedTuple):
    """What the engine made of a question: a JSON value or UNDEFINED, and sentences about missing paths; or what failed."""

    value: object = UNDEFINED
    warnings: tuple[str, ...] = ()
    error: ExpressionError | None = None


class EngineRequest(NamedTuple):
    """Questions over the same data: all that one config asks at one moment."""

    scope: Scope
    questions: tuple[EngineExpression, ...]


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """What a script gave: a JSON value (None where it gave nothing), or a sentence that says what failed; and what it printed."""

    value: object = None
    error: str | None = None
    log: str = ""
