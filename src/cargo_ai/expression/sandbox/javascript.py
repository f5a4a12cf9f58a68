"""JavaScript in a child: expressions in one frozen context that is kept, scripts each in a context of its own.

A message is a JSON header (its length before it) and texts after it. What headers ask for, and what goes back:
`{"define": {set: [[names], [[source, body], ...]]}, "run": [[set, length, rows], [set, [lengths], lines], ...]}`: messages of arrays, one
for each request in order, of its results. The text of a run has that many requests as rows, each with a value for every name:
`[[value, ...], ...]`. Larger data comes as several texts for one request, with lines that say what they are;
`{"check": [[[names], source, body], ...]}`: an array of errors or nulls;
`{"script": source, "libraries": bool, "seconds": n, "lengths": [..]}`: one result.
A result is a text, a number, a boolean or null as it is, `{"v": value}`, `{"u": 1}` for undefined, `{"n": "NaN"}` or
`{"e": {name, message, line, column}}`, with sentences in `"w"` and what a script logged in `"log"`.
"""

from __future__ import annotations

import importlib
import json
import re
import signal
import struct
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

from cargo_ai.expression.rewrite import changes, rewrite, strip_semicolons
from cargo_ai.expression.sandbox import syscalls
from cargo_ai.expression.sandbox.frames import Channel

Context = Any
"""A context of the binding, which has no types."""

quickjs: Any = importlib.import_module("quickjs")
CALLS = syscalls.JAVASCRIPT
MEMORY = 64 * 1024 * 1024
"""Bytes of one context."""

STACK = 512 * 1024
EXPRESSION_SECONDS = 0.5
CHECK_SECONDS = 2.0
GRACE = 2.0
"""The kernel ends a child after this multiple of a limit: some native loops of the engine cannot be interrupted."""

MAX_COMPILED = 4096
FLUSH_BYTES, FLUSH_SECONDS = 64 * 1024, 0.005
_TIME, _MEMORY = "LimitError: time", "LimitError: memory"
_POSITION = re.compile(r"<input>:(\d+):(\d+)")
_HERE = Path(__file__).parent
_LIBRARIES = (("lodash", "lodash-4.18.1.min.js", "_"), ("date-fns", "date-fns-4.4.0.min.js", "window.dateFns"))

_sources: dict[str, str] = {}
_ready: dict[str, Any] = {}

_FAILURES: tuple[type[Exception], ...] = (quickjs.JSException, quickjs.StackOverflow, RuntimeError, TypeError, ValueError, MemoryError)
"""What the binding raises: of JavaScript, of its own for values that it cannot hand over, of a full heap."""

Result = str
"""JSON text."""


def prepare() -> None:
    """Read all sources and make a context of each kind, which children inherit ready to use."""
    for name in ("locale.js", "web.js", "kernel.js", "freeze.js", "script.js"):
        _sources[name] = (_HERE / name).read_text("utf-8")
    for name, file, _ in _LIBRARIES:
        _sources[name] = (_HERE.parent / "vendor" / file).read_text("utf-8")
    _ready["expressions"] = Expressions()
    _ready["script"] = _script_context(libraries=False)
    _ready["libraries"] = _script_context(libraries=True)


def serve(channel: Channel) -> None:
    """Answer until the other side closes. A run that its engine cannot stop ends the process (SIGPROF)."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    expressions = cast("Expressions", _ready["expressions"])
    while True:
        message = channel.receive()
        (length,) = struct.unpack_from("<I", message)
        header = json.loads(message[4 : 4 + length])
        position = 4 + length
        if "script" in header:
            texts, _ = _texts(message, position, header["lengths"])
            _guard(header["seconds"])
            channel.add(run_script(header["script"], texts, libraries=header["libraries"], seconds=header["seconds"]).encode())
        elif "check" in header:
            _guard(CHECK_SECONDS)
            channel.add(json.dumps([check(names, strip_semicolons(source), body) for names, source, body in header["check"]]).encode())
        else:
            _guard(CHECK_SECONDS)
            expressions.define(header["define"])
            flushed = time.monotonic()
            for number, length, more in header["run"]:
                of_set, is_rows = str(number), isinstance(length, int)
                texts, position = _texts(message, position, [length] if is_rows else length)
                running = expressions.run_rows(of_set, texts[0], more) if is_rows else expressions.run_one(of_set, more, texts)
                # After a limit a set is evaluated once more, one by one, up to the expression that meets it again.
                most = EXPRESSION_SECONDS * (1 if expressions.count(of_set) == 1 else 2)
                _guard(most)
                for results in running:
                    if (results and channel.add(results.encode()) > FLUSH_BYTES) or time.monotonic() > flushed + FLUSH_SECONDS:
                        channel.flush()
                        flushed = time.monotonic()
                    _guard(most)
        signal.setitimer(signal.ITIMER_PROF, 0)
        channel.flush()
        if "script" in header and "script" not in _ready:  # the next one finds its context made
            _ready["script"] = _script_context(libraries=False)


def _guard(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, GRACE * seconds)


def _texts(message: bytes, position: int, lengths: list[int]) -> tuple[list[str], int]:
    texts: list[str] = []
    for length in lengths:
        texts.append(message[position : position + length].decode("utf-8", "surrogatepass"))
        position += length
    return texts, position


def _context(*files: str) -> Context:
    context: Context = quickjs.Context()
    context.set_memory_limit(MEMORY)
    context.set_max_stack_size(STACK)
    for file in files:
        context.eval(_sources[file])
    return context


class Expressions:
    """The context that expressions share: everything in it is frozen, so that nothing of one reaches another."""

    def __init__(self) -> None:
        self._sets: dict[str, tuple[list[str], list[tuple[str, bool]]]] = {}
        self._renew()

    def _renew(self) -> None:
        self._context = _context("locale.js", "web.js")
        self._context.set("kernel", self._context.eval(_sources["kernel.js"]))
        self._compile, self._run = self._context.eval("kernel.compile"), self._context.eval("kernel.run")
        self._take, self._more = self._context.eval("kernel.take"), self._context.eval("kernel.more")
        self._context.eval("delete globalThis.kernel")
        self._context.eval(_sources["freeze.js"])
        self._context.set_time_limit(EXPRESSION_SECONDS)
        self._ids: dict[tuple[tuple[str, ...], str, bool], str | int] = {}
        self._plans: dict[str, list[int | str]] = {}
        self._good: dict[str, tuple[str, int]] = {}
        """Of each set, the expressions that compile, as the kernel takes them, and how many they are."""

    def define(self, sets: dict[str, Any]) -> None:
        """Learn sets of expressions: what later runs name by a number."""
        for number, (names, questions) in sets.items():
            self._sets[number] = (names, [(strip_semicolons(source), body) for source, body in questions])
            self._plans.pop(number, None)
            self._good.pop(number, None)

    def count(self, number: str) -> int:
        """How many expressions a set has."""
        return len(self._sets[number][1])

    def run_one(self, number: str, lines: str, texts: list[str]) -> Generator[Result]:
        """The results of one request, as JSON text of an array of arrays."""
        yield f"[{self.run(number, lines, texts)}]"

    def run_rows(self, number: str, text: str, count: int) -> Generator[Result]:
        """The results of as many requests of one set, in one or more texts of arrays of arrays; an empty one says that a limit was met.

        They share a call, which ends after a moment; the rows of one that meets a limit are evaluated each by itself.
        """
        plan = self._plan(number)
        good, ready = self._good_of(number, plan)
        done = 0
        if ready == len(plan) and count > 1:
            context = self._context
            try:
                self._take(text)
                # What is left behind may have cost the context, and with it the rows that wait in it.
                while done < count and context is self._context:
                    rows, _, results = self._more(good).partition(" ")
                    self._settle()
                    done += int(rows)
                    yield results
            except _FAILURES as error:
                if _limit(error) != _TIME:
                    self._renew()
                yield ""
        lines = "\n".join(self._sets[number][0])
        for texts in _values(text)[done:] if done < count else ():
            yield f"[{self.run(number, lines, texts)}]"

    def _good_of(self, number: str, plan: list[int | str]) -> tuple[str, int]:
        good = self._good.get(number)
        if good is None:
            entries = [self._entry(number, index, planned) for index, planned in enumerate(plan) if isinstance(planned, int)]
            good = self._good[number] = ",".join(entries), len(entries)
        return good

    def run(self, number: str, lines: str, texts: list[str]) -> Result:
        """The results of all expressions of a set, as JSON text of an array."""
        plan = self._plan(number)
        good = self._good_of(number, plan)
        try:
            text = self._run(good[0], lines, *texts) if good[1] else "[]"
            self._settle()
        except _FAILURES as error:
            if self.count(number) > 1:
                return self._one_by_one(number, lines, texts, _limit(error))
            self._renew()
            return f"[{_error(_limit(error) or f'Error: {error}')}]"
        if good[1] == len(plan):
            return text
        results = iter(json.loads(text))
        return "[" + ",".join(planned if isinstance(planned, str) else json.dumps(next(results)) for planned in plan) + "]"

    def _entry(self, number: str, index: int, compiled: int) -> str:
        return f"{compiled}!" if changes(self._sets[number][1][index][0]) else str(compiled)

    def _one_by_one(self, number: str, lines: str, texts: list[str], first: str | None) -> Result:
        """After a limit: find the expression that met it. What stands after it is not evaluated; its node fails anyway."""
        results: list[Result] = []
        if first != _TIME:
            self._renew()
        failed: str | None = None
        for index in range(len(self._sets[number][1])):
            if failed is not None:
                results.append(failed)
                continue
            planned = self._plan(number)[index]
            if isinstance(planned, str):
                results.append(planned)
                continue
            try:
                text = self._run(self._entry(number, index, planned), lines, *texts)
                self._settle()
                results.append(text[1:-1])
            except _FAILURES as error:
                failed = _error(_limit(error) or f"Error: {error}")
                results.append(failed)
                self._renew()
        return "[" + ",".join(results) + "]"

    def _settle(self) -> None:
        """Run what promises have left behind, so that it does not pile up; nothing can see its outcome."""
        for _ in range(1000):
            try:
                if not self._context.execute_pending_job():
                    return
            except _FAILURES:
                continue
        self._renew()

    def _plan(self, number: str) -> list[int | str]:
        """The ids of the set's compiled expressions; in the place of one that does not compile, its result."""
        plan = self._plans.get(number)
        if plan is None:
            if len(self._ids) > MAX_COMPILED:
                self._renew()
            names, questions = self._sets[number]
            plan = self._plans[number] = [self._compiled(tuple(names), *question) for question in questions]
        return plan

    def _compiled(self, names: tuple[str, ...], source: str, body: bool) -> int | str:
        key = (names, source, body)
        compiled = self._ids.get(key)
        if compiled is None:
            compiled = self._ids[key] = self._compile_first(names, source, body)
        return compiled

    def _compile_first(self, names: tuple[str, ...], source: str, body: bool) -> int | str:
        problem = check(list(names), source, body)
        if problem is not None:
            return json.dumps({"e": problem})
        last = "Error: it cannot be compiled"
        for text in (rewrite(source, names), source):
            for wrapped in wrappings(list(names), text, body) if text is not None else ():
                try:
                    return int(self._compile(wrapped))
                except _FAILURES as error:
                    last = str(error)
        return _error(last)


_decoder = json.JSONDecoder()


def _values(rows: str) -> list[list[str]]:
    """The texts of the values in each row of `[[value, ...], ...]`, which has no spaces between them."""
    found: list[list[str]] = []
    at = 1
    while rows[at] == "[":
        texts: list[str] = []
        at += 1
        while rows[at] != "]":
            _, end = _decoder.raw_decode(rows, at)
            texts.append(rows[at:end])
            at = end + (rows[end] == ",")
        found.append(texts)
        at += 1 + (rows[at + 1] == ",")
    return found


def wrappings(names: list[str], source: str, body: bool) -> list[str]:
    """The functions that the source may stand for, the likeliest first: an expression, with `body` also statements that return."""
    head = f"(function($path$,$owner$){{'use strict';return function({','.join(names)}){{"
    expression = f"{head}return (\n{source}\n)}}}})"
    return [expression, f"{head}\n{source}\n}}}})"] if body else [expression]


_syntax: dict[str, Any] = {}


def check(names: list[str], source: str, body: bool) -> dict[str, Any] | None:
    """The syntax error of a source that cannot be compiled, None where it can.

    An expression must fit between round and between square brackets alike: what closes our bracket itself does not.
    """
    context = _syntax.get("context")
    if context is None:
        context = _syntax["context"] = _context()
        context.set_time_limit(EXPRESSION_SECONDS)
    problem = _parse(context, f"function f(){{'use strict';return (\n{source}\n)}}") or _parse(
        context, f"function f(){{'use strict';return [\n{source}\n]}}"
    )
    if problem is None or not body:
        return problem
    as_body = _parse(context, f"function f({','.join(names)}){{'use strict';\n{source}\n}}")
    if as_body is None:
        return None
    return as_body if re.search(r"\breturn\b", source) else problem


def _parse(context: Context, text: str) -> dict[str, Any] | None:
    try:
        context.eval(text)
    except _FAILURES as error:
        return _to_error(str(error))
    return None


def _limit(error: Exception) -> str | None:
    text = str(error)
    return _TIME if "interrupted" in text else _MEMORY if "memory" in text else None


def _error(text: str) -> Result:
    return json.dumps({"e": _to_error(text)})


def _to_error(text: str) -> dict[str, Any]:
    """`Name: message` and a stack, as an error of the protocol; lines count from 1 and are those of the source."""
    first, _, stack = text.partition("\n")
    name, separator, message = first.partition(": ")
    place = _POSITION.search(stack or text)
    line, column = (int(place[1]) - 1, int(place[2])) if place else (None, None)
    return {"name": name, "message": message, "line": line, "column": column} if separator else {"name": "Error", "message": first}


def _script_context(*, libraries: bool) -> Context:
    context = _context("locale.js", "web.js")
    if libraries:
        context.eval("globalThis.window = {}")
        for name, _, _ in _LIBRARIES:
            context.eval(_sources[name])
        entries = ",".join(f"{json.dumps(name)}:{expression}" for name, _, expression in _LIBRARIES)
        context.eval(f"globalThis.__libraries = {{{entries}}}; delete globalThis.window; delete globalThis._")
    return context


def run_script(source: str, texts: list[str], *, libraries: bool, seconds: float) -> Result:
    """The result of one script over the texts of nodes and parentNodes, within this many CPU seconds."""
    kind = "libraries" if libraries else "script"
    context = _ready.pop(kind, None) or _script_context(libraries=libraries)
    context.set_time_limit(seconds)
    try:
        outcome = context.eval(_sources["script.js"])(source, *texts)
        end = time.process_time() + seconds
        result = outcome()
        while result is None:
            if not context.execute_pending_job():
                return _error("Error: its promise never settles: a script has no timers and nothing to wait for")
            if time.process_time() > end:
                return _error(_TIME)
            result = outcome()
    except _FAILURES as error:
        return _error(_limit(error) or str(error))
    return cast("str", result)
