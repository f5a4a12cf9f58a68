"""Validate the replies of a sandbox process, and word errors for the author of the expression."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import from_json

from cargo_ai.expression.errors import ExpressionError, quote, unknown_name
from cargo_ai.expression.native.number import as_double
from cargo_ai.expression.native.values import UNDEFINED, is_number
from cargo_ai.expression.requests import EngineExpression, EngineResult, ScriptResult
from cargo_ai.kernel.schemas import json_limits

MAX_REPLY_ITEMS = 1_500_000
MAX_WARNINGS = 20
MAX_TEXT = 600  # characters of a sentence that a child may send
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

EXPRESSION_LIMITS = {"time": "more than 0.5 seconds of CPU time", "memory": "more than 64 MB of memory"}


class InvalidReply(ValueError):
    """A child sent something that no child of ours sends."""


def parse_reply(reply: bytes) -> Any:
    """The JSON of a reply. Raises InvalidReply, also for one whose values would take long to make."""
    if len(reply) > MAX_REPLY_ITEMS and json_limits.measure(reply).items > MAX_REPLY_ITEMS:
        raise InvalidReply
    try:
        try:
            return from_json(reply, allow_inf_nan=False)
        except ValueError:  # half a character in an escape, which only the other parser takes
            return json.loads(reply)
    except (ValueError, RecursionError):
        raise InvalidReply from None


def parse_answers(reply: bytes, most: int) -> list[object]:
    """What a child answered to `most` requests or fewer, in order: for `results_of`. Raises InvalidReply."""
    answers = parse_reply(reply)
    if not isinstance(answers, list) or not 0 < len(cast("list[object]", answers)) <= most:
        raise InvalidReply
    return cast("list[object]", answers)


def results_of(answer: object, questions: tuple[EngineExpression, ...]) -> list[EngineResult]:
    """One result per question, in order. Raises InvalidReply."""
    if not isinstance(answer, list) or len(cast("list[object]", answer)) != len(questions):
        raise InvalidReply
    results = cast("list[object]", answer)
    return [
        EngineResult(result) if isinstance(result, str) else _parse_result(result, question)
        for result, question in zip(results, questions, strict=True)
    ]


def _parse_result(result: object, question: EngineExpression) -> EngineResult:
    if not isinstance(result, dict):
        if isinstance(result, list):
            raise InvalidReply
        return EngineResult(as_double(result) if is_number(result) else result)
    fields = cast("dict[str, Any]", result)
    warnings = _warnings(fields["w"]) if "w" in fields else ()
    if "v" in fields:
        value = fields["v"]
        return EngineResult(as_double(value) if is_number(value) else value, warnings)
    if "u" in fields:
        return EngineResult(UNDEFINED, warnings)
    if fields.get("n") in _NUMBERS:
        return EngineResult(_NUMBERS[fields["n"]], warnings)
    return EngineResult(UNDEFINED, warnings, expression_error(_mapping(fields.get("e")), question))


def _warnings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidReply
    return tuple(_text(warning) for warning in cast("list[object]", value)[:MAX_WARNINGS])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidReply
    return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidReply
    return cast("Mapping[str, Any]", value)


def expression_error(error: Mapping[str, Any], question: EngineExpression) -> ExpressionError:
    """The error of an expression, in words, with its position where that is known."""
    name, message = _text(error.get("name")), _text(error.get("message"))
    source = question.source
    if name == "LimitError":
        return limit_error(EXPRESSION_LIMITS.get(message, message), question)
    if name == "SyntaxError" and error.get("line") is not None:
        return _syntax(message, error, source)
    if name == "ReferenceError" and message.endswith(" is not defined"):
        return unknown_name(message.removesuffix(" is not defined").strip("'"), source)
    return ExpressionError(f"The expression {quote(source)} failed: {name}: {message}.", source)


def _syntax(message: str, error: Mapping[str, Any], source: str) -> ExpressionError:
    position = _position(error.get("line"), error.get("column"), source)
    if position is None or position >= len(source):
        position, message = len(source), "it ends too early"
    sentence = f"The expression {quote(source)} is not valid JavaScript: {message} (character {position + 1})."
    return ExpressionError(sentence, source, position)


def _position(line: object, column: object, source: str) -> int | None:
    """The offset of a line and a column that count from 1; None after the source's end."""
    if not isinstance(line, int) or not isinstance(column, int):
        return None
    lines = source.split("\n")
    if not 1 <= line <= len(lines):
        return None
    return sum(len(above) + 1 for above in lines[: line - 1]) + min(max(column, 1), len(lines[line - 1]) + 1) - 1


def limit_error(what: str, question: EngineExpression) -> ExpressionError:
    """The error of an expression that took more than it may."""
    return ExpressionError(f"The expression {quote(question.source)} used {what} and was stopped.", question.source)


def parse_script_result(reply: object, limits: Mapping[str, str]) -> ScriptResult:
    """What a script gave, from its parsed reply. Raises InvalidReply."""
    fields = _mapping(reply)
    printed = fields.get("log", "")
    log = printed[: 64 * 1024] if isinstance(printed, str) else ""
    if "v" in fields:
        return ScriptResult(fields["v"], log=log)
    if "u" in fields:
        return ScriptResult(log=log)
    if "n" in fields:
        return ScriptResult(log=log)
    error = _mapping(fields.get("e"))
    name, message, line = _text(error.get("name")), _text(error.get("message")), error.get("line")
    place = f" (line {line})" if isinstance(line, int) else ""
    if name == "MemoryError" or (name, message) == ("LimitError", "memory"):
        less = "Keep less in it at once: only the fields that it needs, or fewer items in each call."
        return ScriptResult(error=f"The script used {limits['memory']} and was stopped{place}. {less}", log=log)
    if name == "LimitError":
        return ScriptResult(error=f"The script used {limits.get(message, message)} and was stopped.", log=log)
    return ScriptResult(error=f"{name}: {message}{place}" if message else f"{name}{place}", log=log)
