"""Ask a language model for an answer that holds to a JSON Schema: which model, how often it is tried, and one repair."""

from __future__ import annotations

import asyncio
import json
import math
import re
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents import daily_limit, language_model
from cargo_ai.domains.ai.asking import charging, usage
from cargo_ai.domains.connection import public as connection
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import AccountHalted, ServiceError, Throttled
from cargo_ai.kernel import ids
from cargo_ai.kernel.operation import Operation
from cargo_ai.kernel.schemas import json_schema
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import OUTPUT, NoAnswer, Question, Step, ToolResult, Turn, ask

Json = Any
Reason = Literal["languageModelMissing", "failedToAskLanguageModel"]
Check = Callable[[JsonObject], Awaitable[str | None]]
"""What is wrong with an answer that holds to the schema; None: nothing."""
Keep = Callable[[AsyncSession, JsonObject], Awaitable[None]]
"""Stores an answer that can be used, in the transaction that charges it."""

ATTEMPTS = 3
LONGEST_WAIT = 600.0
"""Seconds between attempts that a service may ask for."""
AT_ONCE = 32
"""Questions of one workspace that this process asks at a time; others wait for their turn."""
REQUEST_SECONDS = 120.0
"""How long a person who waits for the reply is kept waiting."""
_FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)
_NO_OUTPUT = f"Give the answer as arguments of the tool {OUTPUT}, and nothing else."


class Unanswered(Exception):
    """There is no answer; the message is for people. `languageModelMissing`: none is connected, or the named one cannot be asked."""

    def __init__(self, message: str, reason: Reason = "failedToAskLanguageModel") -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. schema: JSON Schema of the answer, an object. check: what else has to be right about it. named: the language
    model; what it leaves out is the workspace's default. seconds: how long it may take in all. keep: stores the answer.
    purpose: what its tokens are for; None: for nothing but the workspace."""

    instructions: str
    text: str
    schema: JsonObject
    check: Check | None = None
    named: language_model.Named = language_model.ANY
    temperature: float | None = 0.0
    seconds: float = REQUEST_SECONDS
    keep: Keep | None = None
    purpose: charging.Purpose | None = None


@dataclass(frozen=True, slots=True)
class Structured:
    """The answer, and what it took."""

    value: JsonObject
    usage: JsonObject


class _Turns:
    """Whose turn it is; one per process."""

    def __init__(self) -> None:
        self.of: defaultdict[uuid.UUID, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))


async def answer(services: Services, workspace: uuid.UUID, wish: Wish) -> Structured:
    """The answer to a wish. Unanswered where none holds to the schema, after one repair."""
    try:
        async with asyncio.timeout(wish.seconds), services.once(_Turns, _Turns).of[workspace]:
            return await _answer(services, workspace, wish)
    except TimeoutError:
        raise Unanswered(f"The language model did not answer within {wish.seconds:.0f} seconds.") from None


async def _answer(services: Services, workspace: uuid.UUID, wish: Wish) -> Structured:
    choice = await _choose(services, workspace, wish.named)
    try:
        model = await connection.language_model_service(services, workspace, choice.integration_slug, choice.connector_uuid)
    except connection.NotConnected as error:
        raise Unanswered(f"{error} {await language_model.set_up(services)}", "languageModelMissing") from None
    except (WrongKey, InvalidConfig) as error:
        raise Unanswered(f"The connector of the language model cannot be used: {error}", "languageModelMissing") from None
    question_uuid = ids.new()
    purpose = charging.Purpose(workspace, question_uuid, question_uuid)
    if wish.purpose is not None:
        purpose = replace(wish.purpose, charged=question_uuid)
    turns: list[Turn] = [Turn(wish.text)]
    took: JsonObject = {}
    for last in (False, True):
        question = Question(
            model.protocol, choice.language_model_slug, wish.instructions, turns, output=wish.schema, temperature=wish.temperature
        )
        try:
            async with services.database.session(workspace) as db:
                await charging.check(db, workspace, model)
        except charging.NoCreditsLeft as error:
            raise Unanswered(str(error)) from None
        step, refusal = await _step(question, model)
        credits = model.credits(step.usage.sent + step.usage.received)
        took = usage.added(took, step.usage, choice.language_model_slug, model.connector, credits)
        value, problem = (None, refusal) if refusal is not None else await _value(step, wish)
        async with services.database.session(workspace) as db:
            if wish.keep is not None and problem is None and value is not None:
                await wish.keep(db, value)
            if purpose.agent is not None:
                tokens = step.usage.sent + step.usage.received
                await daily_limit.count(db, workspace, purpose.agent, question_uuid, tokens, credits)
            await charging.charge(db, purpose, model, int(last) + 1, credits)
            await db.commit()
        if problem is None and value is not None:
            return Structured(value, took)
        if refusal is not None:
            raise Unanswered(refusal)
        if last:
            raise Unanswered(f"The language model gave nothing that can be used, also when it was corrected: {problem}")
        turns = _with_problem(turns, step, str(problem))
    raise AssertionError


async def _choose(services: Services, workspace: uuid.UUID, named: language_model.Named) -> language_model.Choice:
    async with services.database.session(workspace) as db:
        choice = await language_model.choose(services, db, workspace, named)
    if choice is None:
        which = named.connector_uuid or named.integration_slug
        missing = "No language model is connected." if which is None else f"This workspace has no language models of {which}."
        raise Unanswered(f"{missing} {await language_model.set_up(services)}", "languageModelMissing")
    if not choice.language_model_slug:
        listed = f"`cargo-ai connection connector get-language-models {choice.connector_uuid or 'UUID'}`"
        raise Unanswered(f"{choice.integration_slug} has no usual language model: name one of {listed}.", "languageModelMissing")
    return choice


async def _step(question: Question, model: connection.LanguageModelService) -> tuple[Step, str | None]:
    """What the model gives, and why that is of no use where it refuses: its tokens count all the same."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await ask(question, model.ask), None
        except Throttled as error:
            await _wait(error.seconds, f"{model.name} takes no more calls now: {error.reason}")
        except ServiceError as error:
            if not error.transient or attempt == ATTEMPTS:
                raise Unanswered(f"{model.name}: {error}") from None
            await _wait(error.retry_after or 2.0**attempt, f"{model.name}: {error}")
        except AccountHalted as error:
            raise Unanswered(f"The connector of {model.name} does not work now: {error}", "languageModelMissing") from None
        except NoAnswer as error:
            if error.step is None:
                raise Unanswered(str(error)) from None
            return error.step, str(error)
    raise Unanswered(f"{model.name} takes no more calls now; try again later.")


async def _wait(seconds: float, said: str) -> None:
    if seconds > LONGEST_WAIT:
        raise Unanswered(
            f"{said.rstrip('.')}. It is to be asked again in {math.ceil(seconds / 60)} minutes, which is too long to wait for."
        )
    await asyncio.sleep(seconds)


async def _value(step: Step, wish: Wish) -> tuple[JsonObject | None, str | None]:
    """The answer of a step, and what is wrong with it."""
    value = step.output.arguments if step.output is not None else _object_of(step.text)
    if value is None:
        return None, _NO_OUTPUT
    problem = "; ".join(json_schema.faults(wish.schema, value)) or None
    if problem is None and wish.check is not None:
        problem = await wish.check(value)
    return value, problem


def _object_of(text: str) -> JsonObject | None:
    """The object that a model wrote as text, which small ones do instead of calling the tool."""
    fenced = _FENCE.match(text)
    try:
        value: Json = json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _with_problem(turns: Sequence[Turn], step: Step, problem: str) -> list[Turn]:
    """The conversation in which the model hears what is wrong."""
    call = step.output
    if call is not None and call.arguments is not None:
        return [Turn(turns[0].text, [(step.response, [ToolResult(call.id, OUTPUT, problem, failed=True)])])]
    return [Turn(f"{turns[0].text}\n\n{_NO_OUTPUT}")]


def refuse(operation: Operation[Any, Any, Any], error: Unanswered) -> NoReturn:
    """Refuse a request whose question has no answer, in the operation's words for it."""
    fix = "cargo-ai connection connector list" if error.reason == "languageModelMissing" else None
    operation.refuse(error.reason, cause=error, fix=fix)
