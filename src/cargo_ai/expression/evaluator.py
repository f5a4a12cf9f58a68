"""Evaluate expressions and scripts in the sandbox, per workspace: expressions in batches, scripts one by one."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from pydantic_core import to_json

from cargo_ai.expression.errors import ExpressionError
from cargo_ai.expression.native.values import UNDEFINED, Scope
from cargo_ai.expression.plain_syntax import is_plain
from cargo_ai.expression.plan import json_text
from cargo_ai.expression.replies import InvalidReply, parse_reply, parse_script_result
from cargo_ai.expression.request_batcher import RequestBatcher
from cargo_ai.expression.requests import AskedBy, EngineExpression, EngineRequest, EngineResult, ScriptResult
from cargo_ai.expression.sandbox.host import Child, Language, SandboxUnavailable, WorkerCrashed, refusal
from cargo_ai.expression.sandbox.pool import Limits, Pool

JAVASCRIPT = Limits(megabytes=384, cpu_seconds=3600, retire_seconds=1800, wall_seconds=10)
PYTHON = Limits(megabytes=256, cpu_seconds=20, retire_seconds=10, wall_seconds=30)
JAVASCRIPT_MEGABYTES = 64
"""Of which the engine itself says that they are used up."""
SCRIPTS_PER_WORKSPACE = 2
"""Scripts of one workspace that run at a time in this process; others wait for their turn."""

MAX_BATCHERS = 256


class Evaluator:
    """Everything that needs the sandbox in one process. Belongs to one event loop; `close` ends its children."""

    def __init__(self, *, javascript: Limits = JAVASCRIPT, python: Limits = PYTHON) -> None:
        self._javascript = Pool("javascript", javascript)
        self._python = Pool("python", python)
        self._batchers: dict[str, RequestBatcher] = {}
        self._busy: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(SCRIPTS_PER_WORKSPACE))

    async def warm(self) -> None:
        """Start the JavaScript sandbox now, so that the first expression need not wait for it. Raises nothing."""
        with contextlib.suppress(SandboxUnavailable):
            await self._javascript.warm()

    def left(self, language: Language) -> list[str]:
        """What of the host the sandbox of a language has left behind, while it runs: namespaces by their names, and `root`."""
        return (self._javascript if language == "javascript" else self._python).left()

    async def evaluate(self, workspace: uuid.UUID | str, requests: Sequence[EngineRequest]) -> list[list[EngineResult]]:
        """The answers to all questions of all requests, in order; requests that come at the same time share a round trip.

        Raises nothing: a question that fails has an answer with an error.
        """
        batcher = self._batcher(str(workspace))
        futures = [batcher.ask(request) for request in requests]
        return [await future for future in futures]

    async def ask(
        self, workspace: uuid.UUID | str, scope: Scope, questions: Sequence[EngineExpression], asked_by: AskedBy | None = None
    ) -> dict[EngineExpression, EngineResult]:
        """The answers to the questions of one config. asked_by: the run that has them, if a run has."""
        asked = tuple(question for question in questions if question.schema is None)
        answers = dict(zip(asked, await self._batcher(str(workspace)).ask(EngineRequest(scope, asked)), strict=True)) if asked else {}
        instructions = [question for question in questions if question.schema is not None]
        if instructions:
            given = await asyncio.gather(*(_instruct(workspace, question, asked_by) for question in instructions))
            answers |= dict(zip(instructions, given, strict=True))
        return answers

    async def check(self, workspace: uuid.UUID | str, questions: Sequence[EngineExpression]) -> dict[EngineExpression, ExpressionError]:
        """The syntax errors of the questions, without evaluating any; where no engine can run, that is the error of each."""
        if refusal("javascript") is None:
            # To start the sandbox takes longer than most requests that have expressions checked.
            questions = [question for question in questions if not is_plain(question.source)]
        return await self._batcher(str(workspace)).check(tuple(questions)) if questions else {}

    async def script(self, workspace: uuid.UUID | str, source: str, scope: Scope) -> ScriptResult:
        """Run a JavaScript script over `nodes` and `parentNodes`: what it returns, or its last value."""
        libraries = re.search(r"\brequire\b", source) is not None
        header = {"script": source, "libraries": libraries, "seconds": self._javascript.limits.wall_seconds / 2}
        # The libraries are loaded once, in the zygote: a child has them for one script, which must not leave traces for another.
        run = _ScriptRun(self._javascript, (str(workspace), "script"), single=libraries)
        return await self._script(workspace, run, header, scope)

    async def python(self, workspace: uuid.UUID | str, source: str, scope: Scope) -> ScriptResult:
        """Run a Python script over `nodes` and `parentNodes`: what it leaves in `result`."""
        key = (str(workspace), hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest())
        megabytes = self._python.limits.megabytes
        return await self._script(workspace, _ScriptRun(self._python, key), {"code": source}, scope, megabytes)

    async def _script(
        self, workspace: uuid.UUID | str, run: _ScriptRun, header: dict[str, Any], scope: Scope, megabytes: int = JAVASCRIPT_MEGABYTES
    ) -> ScriptResult:
        try:
            texts = [b"{}" if (value := scope.get(name, UNDEFINED)) is UNDEFINED else json_text(value) for name in ("nodes", "parentNodes")]
            message = to_json(header | {"lengths": [len(text) for text in texts]})
        except ValueError as error:
            return ScriptResult(error=f"The script or its data is not JSON: {error}")
        async with self._busy[str(workspace)]:
            try:
                return parse_script_result(await run.answer(message, texts), _script_limits(run.seconds / 2, megabytes))
            except SandboxUnavailable as refused:
                return ScriptResult(error=f"Scripts cannot run on this server: {refused}.")
            except WorkerCrashed as died:
                return ScriptResult(error=f"The script {_cause(died, run.seconds)} and was stopped.")
            except InvalidReply:
                return ScriptResult(error="The script's process sent no valid result.")

    def _batcher(self, workspace: str) -> RequestBatcher:
        batcher = self._batchers.get(workspace)
        if batcher is None:
            if len(self._batchers) >= MAX_BATCHERS:
                self._batchers = {key: batcher for key, batcher in self._batchers.items() if batcher.is_busy}
            batcher = self._batchers[workspace] = RequestBatcher(self._javascript, workspace)
        return batcher

    async def close(self) -> None:
        """End all children."""
        for batcher in self._batchers.values():
            await batcher.close()
        self._batchers.clear()
        await self._javascript.close()
        await self._python.close()


Instruct = Callable[[uuid.UUID, str, str, AskedBy | None], Awaitable[object]]
"""(workspace, instruction, JSON Schema as text, the run that asks) → a value that holds to it. ExpressionError where there is no such
answer."""
_instructor: list[Instruct] = []


def instruct_with(instruct: Instruct) -> None:
    """Have fields that are filled by AI answered by this; the server does it when it composes a process."""
    _instructor[:] = [instruct]


async def _instruct(workspace: uuid.UUID | str, question: EngineExpression, asked_by: AskedBy | None) -> EngineResult:
    if not _instructor:
        return EngineResult(error=ExpressionError("This process asks no language model.", question.source))
    try:
        given = await _instructor[0](uuid.UUID(str(workspace)), question.source, question.schema or "{}", asked_by)
        return EngineResult(given)
    except ExpressionError as error:
        return EngineResult(error=error)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, Evaluator] = WeakKeyDictionary()


def shared() -> Evaluator:
    """The evaluator of the running event loop: a process has one sandbox of each language for all callers."""
    loop = asyncio.get_running_loop()
    evaluator = _shared.get(loop)
    if evaluator is None:
        evaluator = _shared[loop] = Evaluator()
    return evaluator


async def close_shared() -> None:
    """End the running loop's evaluator, if it was ever asked for."""
    evaluator = _shared.pop(asyncio.get_running_loop(), None)
    if evaluator is not None:
        await evaluator.close()


def _script_limits(seconds: float, megabytes: int) -> dict[str, str]:
    return {"time": f"more than {seconds:g} seconds of CPU time", "memory": f"more than {megabytes} MB of memory"}


def _cause(died: WorkerCrashed, seconds: float) -> str:
    if died.by_limit:
        return "used too much CPU time"
    return f"took longer than {seconds:.0f} seconds" if died.signal == 9 else "ended its process, or used too much memory,"


class _ScriptRun:
    """One script on its way: which child, how long."""

    def __init__(self, pool: Pool, key: Hashable, *, single: bool = False) -> None:
        self._pool, self._key, self._single = pool, key, single
        self.seconds = pool.limits.wall_seconds

    async def answer(self, message: bytes, texts: list[bytes]) -> object:
        """The JSON of the script's answer; it is run once more where others ended its child. Raises WorkerCrashed, SandboxUnavailable."""
        try:
            return await self._exchange(message, texts)
        except WorkerCrashed as died:
            if not died.from_outside:
                raise
            return await self._exchange(message, texts)

    async def _exchange(self, message: bytes, texts: list[bytes]) -> object:
        """Send, wait, and keep the child or end it; the reply's JSON. Raises InvalidReply, too."""
        loop = asyncio.get_running_loop()
        child: Child = await self._pool.take(("once", object()) if self._single else self._key)
        kept = False
        began = loop.time()
        try:
            await child.send(message, texts)
            reply = await child.receive(self.seconds)
            child.calls += 1
            child.seconds += loop.time() - began
            parsed: object = parse_reply(reply)
            kept = not self._single
            return parsed
        finally:
            if kept:
                self._pool.give_back(self._key, child)
            else:
                self._pool.end(child)
