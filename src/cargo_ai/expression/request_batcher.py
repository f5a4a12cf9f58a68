"""Batch the expressions of one workspace for its sandbox process: all that wait go in one message."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from pydantic_core import to_json

from cargo_ai.expression.errors import ExpressionError, quote
from cargo_ai.expression.native.values import UNDEFINED
from cargo_ai.expression.plan import LargeData, RequestPlan, encode_data, plan_of
from cargo_ai.expression.replies import InvalidReply, expression_error, limit_error, parse_answers, parse_reply, results_of
from cargo_ai.expression.requests import EngineExpression, EngineRequest, EngineResult
from cargo_ai.expression.sandbox.host import Child, SandboxUnavailable, WorkerCrashed
from cargo_ai.expression.sandbox.pool import Pool
from cargo_ai.kernel import clock, tasks

MAX_REQUESTS = 1_000
MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS_BYTES = 256 * 1024
MAX_DEFINITIONS = 4096
_ENDED = "more CPU time or memory than an expression may"


@dataclass(slots=True, eq=False)
class _PendingRequest:
    """A request that waits for its answers."""

    questions: tuple[EngineExpression, ...]
    plan: RequestPlan
    data: bytes | LargeData
    future: asyncio.Future[list[EngineResult]]
    again: bool = False
    """It was being answered when its child was ended by others, which happens once without being held against it."""
    alone: bool = False
    """It was in a message whose child ended: next time it goes by itself, so that the one to blame is known."""

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return self.data.size if isinstance(self.data, LargeData) else len(self.data)


class RequestBatcher:
    """The queue of one workspace."""

    def __init__(self, pool: Pool, workspace: str) -> None:
        self._pool, self._key = pool, (workspace, "expressions")
        self._waiting: deque[_PendingRequest] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits for an answer."""
        return self._task is not None

    def ask(self, request: EngineRequest) -> asyncio.Future[list[EngineResult]]:
        """The answers to the request's questions, in order; none of them is an exception."""
        future: asyncio.Future[list[EngineResult]] = asyncio.get_running_loop().create_future()
        planned = plan_of(request)
        try:
            data = encode_data(request, planned)
        except ValueError as error:
            future.set_result([_error_result(f"reads data that is not JSON ({error})", question) for question in request.questions])
            return future
        self._waiting.append(_PendingRequest(request.questions, planned, data, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="expressions")
        return future

    async def check(self, questions: tuple[EngineExpression, ...]) -> dict[EngineExpression, ExpressionError]:
        """The syntax errors of the questions. Where no engine can run each question has an error that says so."""
        header = to_json({"check": [[["nodes", "parentNodes"], question.source, question.body] for question in questions]})
        key = (*self._key, "check")
        try:
            child = await self._pool.take(key)
        except SandboxUnavailable as refused:
            return {question: _needs_engine(refused, question) for question in questions}
        try:
            await child.send(header, [])
            errors = zip(parse_reply(await child.receive(self._pool.limits.wall_seconds)), questions, strict=True)
            problems = {question: expression_error(fields, question) for fields, question in errors if fields is not None}
        except (WorkerCrashed, InvalidReply, TypeError, ValueError):
            self._pool.end(child)  # an expression that cannot even be read fails when it is evaluated
            return {}
        self._pool.give_back(key, child)
        return problems

    async def _work(self) -> None:
        child: Child | None = None
        try:
            while self._waiting:
                batch = self._batch()
                try:
                    child = child or await self._pool.take(self._key)
                except SandboxUnavailable as refused:
                    for asked in batch:
                        _settle(asked, [_refused_result(refused, question) for question in asked.questions])
                    continue
                child = await self._exchange(child, batch)
                if child is not None and child.seconds > self._pool.limits.retire_seconds:
                    self._pool.end(child)
                    child = None
        except BaseException:
            for asked in self._waiting:
                asked.future.cancel()
            self._waiting.clear()
            raise
        finally:
            self._task = None
            if child is not None:
                self._pool.give_back(self._key, child)

    def _batch(self) -> list[_PendingRequest]:
        first = self._waiting.popleft()
        batch, size = [first], first.size
        while self._waiting and not first.alone and len(batch) < MAX_REQUESTS and size < MAX_BYTES and not self._waiting[0].alone:
            batch.append(self._waiting.popleft())
            size += batch[-1].size
        return batch

    async def _exchange(self, child: Child, batch: list[_PendingRequest]) -> Child | None:
        """Have the batch answered; the child if it can be used again. What got no answer waits again, alone."""
        answered = 0
        began = clock.seconds()
        try:
            await child.send(*_message(child, batch))
            while answered < len(batch):
                reply = child.buffered() or await child.receive(self._pool.limits.wall_seconds)
                for answer in parse_answers(reply, len(batch) - answered):
                    _settle(batch[answered], results_of(answer, batch[answered].questions))
                    answered += 1
            child.seconds += clock.seconds() - began
            return child
        except InvalidReply:
            self._pool.end(child)
        except WorkerCrashed as died:
            # Late is not a fault of an expression either: its CPU time would have been over long before.
            first = batch[answered]
            if (died.from_outside or died.late) and not first.again:
                first.again = True
                self._waiting.extendleft(reversed(batch[answered:]))
                return None
        except BaseException:
            self._pool.end(child)
            self._waiting.extendleft(reversed(batch[answered:]))
            raise
        missing = batch[answered:]
        if missing[0].alone or len(batch) == 1:
            _settle(missing[0], [EngineResult(UNDEFINED, (), limit_error(_ENDED, question)) for question in missing[0].questions])
            missing = missing[1:]
        for asked in reversed(missing):
            asked.alone = True
            self._waiting.appendleft(asked)
        return None

    async def close(self) -> None:
        """Stop working; all that wait are cancelled."""
        if self._task is not None:
            await tasks.cancel(self._task)


def _message(child: Child, batch: list[_PendingRequest]) -> tuple[bytes, list[bytes]]:
    """The header and the texts of a batch. Requests that ask the same go together, as rows of one text."""
    define: dict[str, object] = {}
    run: list[object] = []
    texts: list[bytes] = []
    if len(child.known) + len(batch) > MAX_DEFINITIONS:
        child.known.clear()
    at = 0
    while at < len(batch):
        asked = batch[at]
        number = child.known.get(asked.plan)
        if number is None:
            number = child.known[asked.plan] = len(child.known)
            define[str(number)] = asked.plan.definition
        if isinstance(asked.data, LargeData):
            run.append([number, [len(text) for text in asked.data.texts], asked.data.lines])
            texts += asked.data.texts
            at += 1
            continue
        rows = _rows_from(batch, at)
        text = b"[%b]" % b",".join(rows)
        run.append([number, len(text), len(rows)])
        texts.append(text)
        at += len(rows)
    return to_json({"define": define, "run": run}), texts


def _rows_from(batch: list[_PendingRequest], first: int) -> list[bytes]:
    """The rows of requests that ask the same, from this one on."""
    plan, size, rows = batch[first].plan, 0, list[bytes]()
    for asked in batch[first:]:
        row = asked.data
        if isinstance(row, LargeData) or asked.plan is not plan or (rows and size + len(row) > MAX_ROWS_BYTES):
            break
        rows.append(row)
        size += len(row)
    return rows


def _settle(asked: _PendingRequest, results: list[EngineResult]) -> None:
    if not asked.future.done():
        asked.future.set_result(results)


def _error_result(what: str, question: EngineExpression) -> EngineResult:
    return EngineResult(UNDEFINED, (), ExpressionError(f"The expression {quote(question.source)} {what}.", question.source))


def _refused_result(refused: SandboxUnavailable, question: EngineExpression) -> EngineResult:
    return EngineResult(UNDEFINED, (), _needs_engine(refused, question))


def _needs_engine(refused: SandboxUnavailable, question: EngineExpression) -> ExpressionError:
    sentence = f"The expression {quote(question.source)} needs the JavaScript engine, which cannot run on this server: {refused}."
    return ExpressionError(sentence, question.source)
