"""Interpret a graph: from its journal entries to what comes next. Pure, so it also serves replay, estimates and property tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from cargo_ai.engine.graph import price, row_result, unknown_outcome
from cargo_ai.engine.graph.action import OUTCOME_UNKNOWN, Done, Failed, Json, Later, Outcome, Scope, Usage
from cargo_ai.engine.graph.graph import MAXIMUM_VISITS, Graph, Node
from cargo_ai.engine.graph.walk import Act, Attempt, EngineAnswers, Evaluate, Execution, Pause, Status, Walk
from cargo_ai.expression import ExpressionError, NeedsEngine
from cargo_ai.kernel import clock

MAXIMUM_OUTPUT = 4 * 1024 * 1024
MAXIMUM_CONTEXT = 16 * 1024 * 1024
MAXIMUM_THROTTLES = 1_000
SAYS_LENGTH = 300
MAX_ATTEMPTS = 20
"""How many of the attempts that failed are kept, the last ones."""
MAXIMUM_PAUSE = 366 * 24 * 3600.0
MAXIMUM_NESTING = 200
"""Levels of nesting that can be read back: what is deeper could be written but never resumed."""
TITLE_LENGTH = 160


def begin(run: str, program: Graph, record: Json, parent: Json = None) -> Walk:
    """A run that has not taken a step. `parent`: the context that its expressions know as `parentNodes`."""
    return Walk(run, program, record, program.start, parent)


def resume(walk: Walk, entries: Iterable[Mapping[str, Any]], pending: Mapping[str, Any] | None) -> Walk:
    """Bring a fresh walk to where its journal left it: the context is the fold of its executions, in order of `seq`."""
    row: Mapping[str, Any] | None = None
    for row in entries:
        walk.seq = int(row["seq"]) + 1
        node = str(row["node_uuid"])
        walk.visits[node] = int(row["visit"])
        text: bytes | str = row["output"]
        output = text.encode() if isinstance(text, str) else text
        walk.context[str(row["node_slug"])] = from_json(output)
        walk.size += len(output)
        walk.credits += float(row["credits"])
        walk.is_unknown = walk.is_unknown or row.get("reason") == OUTCOME_UNKNOWN
        walk.last = walk.program.nodes.get(node)
    if row is not None:
        following = row["next_node_uuid"]
        walk.node = walk.program.nodes.get(str(following)) if following else None
        if walk.node is None:
            if row["status"] == "error" and not following:
                _end(walk, "error", f"{row['node_slug']}: {row['error_message']}")
            else:
                _end(walk, "success", None)
    # Its run may have gone on after the node at which it was parked, and was not parked again.
    if pending and pending.get("seq", walk.seq) == walk.seq:
        walk.attempt, walk.throttled = int(pending["attempt"]), int(pending["throttled"])
        walk.meta, walk.resumed, walk.began = pending["meta"], bool(pending["resumed"]), pending.get("began")
        walk.earlier = [Attempt(*attempt) for attempt in pending.get("earlier", ())]
    return walk


def advance(walk: Walk, now: int) -> Act | Evaluate | Pause | None:
    """Walk over pure nodes until there is an effect to perform (Act), something to ask the JavaScript engine (Evaluate), time to wait
    (Pause) or nothing left (None)."""
    scope = _scope(walk, now)
    while (node := walk.node) is not None:
        visit = walk.visits.get(node.uuid, 0) + 1
        warnings: list[str] = []
        outcome: Outcome
        try:
            if walk.answered is not None or node.resolver.engine:
                config: Any = _with_engine(walk, node, warnings, now)
                if isinstance(config, Evaluate):
                    return config
            else:
                config = node.resolver(scope, warnings)
        except NeedsEngine:
            walk.answered = EngineAnswers({}, now)
            continue
        except ExpressionError as error:
            outcome, config = Failed(str(error)), {}
        else:
            if walk.seq >= MAXIMUM_VISITS:
                outcome = Failed(f"The run visited {MAXIMUM_VISITS} nodes; that is the limit.")
            elif node.action.decide is None:
                return Act(node, config, f"{walk.run}:{node.uuid}:{visit}", walk.attempt, walk.meta, warnings, now)
            else:
                outcome = node.action.decide(config, Scope(walk.record, walk.split_seed or walk.run, node.uuid, visit, walk.resumed))
        pause = settle(walk, node, config, outcome, warnings, now, now)
        if pause is not None:
            return pause
    return None


def _scope(walk: Walk, now: int) -> dict[str, Json]:
    return {"nodes": walk.context, "parentNodes": walk.parent, "now": _wire(now)}


@lru_cache(maxsize=16)
def _wire(now: int) -> str:
    """The moment as expressions know it. Many runs of a shard advance within one millisecond."""
    return clock.to_iso(datetime.fromtimestamp(now / 1000, UTC))


def _with_engine(walk: Walk, node: Node, warnings: list[str], now: int) -> Json | Evaluate:
    """The node's config with the engine's answers, or what it must be asked first. Raises ExpressionError."""
    answers, asked = walk.answered or EngineAnswers({}, now)
    walk.answered = None
    scope = _scope(walk, asked)
    questions = node.resolver.questions(scope, answers)
    if questions:
        return Evaluate(node, scope, questions, asked, answers)
    return node.resolver(scope, warnings, answers)


def settle(walk: Walk, node: Node, config: Json, outcome: Outcome, warnings: list[str], started: int, finished: int) -> Pause | None:
    """Take the outcome of the node in: move on, prepare another attempt (Pause), or end the run."""
    # A node that has waited started when it was first asked.
    asked, started = started, started if walk.began is None else walk.began
    walk.began = started
    if isinstance(outcome, Done):
        output = _json(outcome.output)
        problem = output if isinstance(output, str) else _too_big(walk, node, len(output))
        if problem is None and isinstance(output, bytes):
            warnings.extend(outcome.warnings)
            target = node.child(outcome.child)
            when = (started, finished)
            # What an effect gave is kept as it will be read back, so that a resumed run sees the same.
            remembered = outcome.output if node.action.does == "decides" else from_json(output)
            credits = (
                outcome.credits + price.of_success(node.action.costs, config, remembered) if node.action.is_priced else outcome.credits
            )
            usage = _usage(node, outcome) if credits else None
            _record(
                walk,
                node,
                config,
                remembered,
                output,
                outcome.title,
                None,
                warnings,
                outcome.child,
                target,
                credits,
                when,
                usage,
                outcome.connector,
            )
            _keep_log(walk, outcome.log)
            _add_charged(walk, outcome.charged)
            _move(walk, target)
            return None
        outcome = Failed(problem or "", credits=outcome.credits if node.action.runs_children else 0.0, charged=outcome.charged)
    if isinstance(outcome, Later):
        meta = _json(outcome.meta)
        if isinstance(meta, bytes):
            walk.meta, walk.resumed = from_json(meta), True
            walk.waits = {"for": outcome.waits_for, "reason": outcome.reason} if outcome.waits_for else None
            walk.says = outcome.reason[:SAYS_LENGTH]
            return _pause(outcome.seconds, outcome.reason)
        outcome = Failed(f"The state that the node keeps until it goes on cannot be stored. {meta}")
    return _failed(walk, node, config, outcome, warnings, (asked, started, finished))


def cancel(walk: Walk) -> None:
    """End the run as cancelled at this node boundary."""
    stop(walk, "cancelled", None)


def stop(walk: Walk, status: Status, error: str | None) -> None:
    """End the run at its present node without a word in the journal."""
    walk.stopped_at, walk.node = walk.node, None
    _end(walk, status, error)


def refuse_output(walk: Walk, number: int, message: str) -> None:
    """End the run in error at the execution of this number among `entries`, whose output cannot be kept. What came after it is left out:
    only nodes without effects are evaluated before an output is kept."""
    output = to_json({"errorMessage": message})
    refused = walk.entries[number]._replace(status="error", title=f"❌ {message}", error=message, output=output, child=None, next=None)
    walk.entries = [*walk.entries[:number], refused]
    if walk.status != "cancelled":
        stop(walk, "error", message)


def fail(walk: Walk, message: str, now: int) -> None:
    """End the run in error at its present node, for a reason outside of the node."""
    node, message = walk.node, _text(message)
    if node is not None:
        output = {"errorMessage": message}
        _record(walk, node, {}, output, to_json(output), f"❌ {message}", message, [], None, None, 0.0, (now, now))
    stop(walk, "error", message)


def _failed(walk: Walk, node: Node, config: Json, failed: Failed, warnings: list[str], times: tuple[int, int, int]) -> Pause | None:
    """`times`: when this attempt was begun, when the first one was, and when it failed."""
    asked, started, finished = times
    walk.waits, walk.says = None, ""
    idempotency = node.action.idempotency
    if unknown_outcome.is_final(failed, idempotency):
        failed = replace(failed, transient=False, retry_after=None)
    if failed.retry_after is not None and walk.throttled < MAXIMUM_THROTTLES:
        walk.throttled += 1
        return _pause(failed.retry_after, "the service asked to wait")
    if failed.transient and walk.attempt < node.retry.maximum_attempts:
        walk.attempt += 1
        walk.earlier = [*walk.earlier[1 - MAX_ATTEMPTS :], Attempt(asked, finished, _text(failed.message)[:SAYS_LENGTH])]
        return Pause(node.retry.seconds_before(walk.attempt), "retry")
    target = node.fallback_child or (node.child(0) if node.fallback_on_failure else None)
    child = node.children.index(target) if target in node.children else None
    failed = unknown_outcome.explain(failed, idempotency, walk.run)
    message = _text(failed.message)
    output = {"errorMessage": message}
    when = (started, finished)
    credits = failed.credits
    if node.action.is_priced and failed.reason == OUTCOME_UNKNOWN:
        credits += price.of_unknown(node.action.costs, config)
    usage = _usage(node, failed) if credits else None
    _record(
        walk,
        node,
        config,
        output,
        to_json(output),
        f"❌ {message}",
        message,
        warnings,
        child,
        target,
        credits,
        when,
        usage,
        failed.connector,
    )
    walk.entries[-1] = walk.entries[-1]._replace(reason=failed.reason)
    _keep_log(walk, failed.log)
    _add_charged(walk, failed.charged)
    walk.is_unknown = walk.is_unknown or failed.reason == OUTCOME_UNKNOWN
    if target is not None:
        _move(walk, target)
    else:
        walk.node = None
        _end(walk, "error", f"{node.slug}: {message}")
    return None


def _record(
    walk: Walk,
    node: Node,
    config: Json,
    output: Json,
    output_json: bytes,
    title: str,
    error: str | None,
    warnings: list[str],
    child: int | None,
    target: str | None,
    credit: float,
    when: tuple[int, int],
    usage: Usage | None = None,
    connector: uuid.UUID | None = None,
) -> None:
    visit = walk.visits.get(node.uuid, 0) + 1
    walk.visits[node.uuid] = visit
    walk.context[node.slug] = output
    walk.size += len(output_json)
    if credit:
        credit = price.round_credits(credit)
        walk.credits += credit
    walk.last = node
    config_json = _json(config)
    title = _text(title)
    if walk.attempt > 1:
        warnings = [*warnings, f"It took {walk.attempt} attempts."]
    walk.entries.append(
        Execution(
            walk.seq,
            node.uuid,
            node.slug,
            visit,
            "error" if error is not None else "success",
            child,
            target,
            title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…",
            error,
            tuple(_text(warning) for warning in warnings),
            output_json,
            config_json if isinstance(config_json, bytes) else b"{}",
            credit,
            *when,
            node.action.has_effects,
            node.action.runs_children,
            result=row_result.of(node.action, output, error),
            service=(node.action.integration, connector or node.raw.get("connectorUuid")) if node.action.integration else None,
            usage=usage if credit else None,
            agent=node.raw.get("agentUuid") if node.action.kind == "agent" else None,
            attempts=walk.attempt,
            earlier=tuple(walk.earlier),
        )
    )
    walk.seq += 1
    if walk.earlier:
        walk.earlier = []
    walk.attempt, walk.throttled, walk.meta, walk.resumed, walk.waits, walk.says, walk.began = 1, 0, None, False, None, "", None


def _keep_log(walk: Walk, log: str) -> None:
    if log:
        walk.entries[-1] = walk.entries[-1]._replace(log=_text(log))


def _add_charged(walk: Walk, credits: float) -> None:
    """Add to the last execution, and to the run, what was charged before it ended."""
    if credits:
        entry = walk.entries[-1]
        walk.entries[-1] = entry._replace(credits=price.round_credits(entry.credits + credits), charged=credits)
        walk.credits += credits


def _usage(node: Node, outcome: Done | Failed) -> Usage | None:
    """Of an execution that cost credits: what for. What runs below cost is charged for their own nodes."""
    return None if node.action.runs_children else node.action.usage(outcome.connector)


def _move(walk: Walk, target: str | None) -> None:
    walk.node = walk.program.nodes.get(target) if target is not None else None
    if walk.node is None:
        _end(walk, "success", None)


def _end(walk: Walk, status: Status, error: str | None) -> None:
    walk.status, walk.error = status, error


def _pause(seconds: float, reason: str) -> Pause:
    """A pause of what others asked for, within bounds; NaN counts as 0."""
    return Pause(min(max(0.0, seconds), MAXIMUM_PAUSE), reason)


def _text(text: str) -> str:
    """The text as it can be written: half of a character (a lone surrogate) becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _json(value: Json) -> bytes | str:
    """JSON bytes that can be read back, or a sentence that says why there are none."""
    try:
        document = to_json(value, inf_nan_mode="null")
        if len(document) > 2 * MAXIMUM_NESTING and document.count(b"[") + document.count(b"{") > MAXIMUM_NESTING:
            from_json(document)
        return document
    except (PydanticSerializationError, UnicodeEncodeError, ValueError, RecursionError) as error:
        return f"The output is not JSON: {str(error)[:120]}"


def _too_big(walk: Walk, node: Node, size: int) -> str | None:
    if size > MAXIMUM_OUTPUT:
        return f"The output of {node.slug} has {size:,} bytes; the limit is {MAXIMUM_OUTPUT:,}."
    if walk.size + size > MAXIMUM_CONTEXT:
        return f"With the output of {node.slug} ({size:,} bytes) the run's context passes its limit of {MAXIMUM_CONTEXT:,} bytes."
    return None
