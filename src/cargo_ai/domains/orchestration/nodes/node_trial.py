"""Trials: walk a graph in this process, without a journal, for one node that is tried, with its group or tool."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from pydantic_core import from_json

from cargo_ai.contract.orchestration.nodes import node_trial as contract
from cargo_ai.domains.orchestration.runs.run_response import number
from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import InvalidGraph, compile_graph, is_group
from cargo_ai.engine.graph.interpret import advance, begin, settle
from cargo_ai.engine.graph.tool_graph import ToolMissing
from cargo_ai.engine.graph.walk import Act, EngineAnswers, Evaluate, Pause, Walk
from cargo_ai.expression import evaluator
from cargo_ai.kernel import clock, ids, log

LONGEST_PAUSE = 2.0
MAX_ITEMS = 1_000
ITEMS_AT_ONCE = 10

_log = log.get(__name__)


class Waits(Exception):
    """The node waits for longer than a trial does; the message says for what."""


class Graph(NamedTuple):
    """Whose nodes are walked: a workflow's, and of which release, if of any."""

    workflow: uuid.UUID
    release: uuid.UUID | None


@dataclass(slots=True)
class Trial:
    """One try. `items`: what became of the items of the group that is tried: the item, its walk, and what went wrong. `walks`: every walk,
    also those of items and tools, with the graph that its nodes count for."""

    workspace: uuid.UUID
    graph: Graph
    run: uuid.UUID
    actions: Actions
    items: list[tuple[Any, Walk, str | None]] = field(default_factory=list[tuple[Any, Walk, str | None]])
    walks: list[tuple[Graph, Walk]] = field(default_factory=list[tuple[Graph, Walk]])

    async def go(self, walk: Walk, graph: Graph | None = None, depth: int = 0) -> None:
        """Walk to the end. Raises Waits at a pause above two seconds."""
        graph = graph or self.graph
        self.walks.append((graph, walk))
        step = advance(walk, _now())
        while step is not None:
            if isinstance(step, Pause):
                if step.seconds > LONGEST_PAUSE:
                    raise Waits(f"It waits {step.seconds:,.0f} seconds ({step.reason}), which only a run does.")
                await asyncio.sleep(step.seconds)
                step = advance(walk, _now())
            elif isinstance(step, Evaluate):
                answers = await evaluator.shared().ask(self.workspace, step.scope, step.questions)
                walk.answered = EngineAnswers({**step.before, **answers}, step.now)
                step = advance(walk, _now())
            else:
                outcome = await self._act(walk, step, graph, depth)
                now = _now()
                step = settle(walk, step.node, step.config, outcome, step.warnings, step.started, now) or advance(walk, now)

    async def _act(self, walk: Walk, act: Act, graph: Graph, depth: int) -> Outcome:
        if is_group(act.node.raw):
            return await self._group(walk, act, graph, depth)
        if act.node.action.runs_children:
            return await self._tool(act, depth)
        call = Call(
            workspace=self.workspace,
            workflow=graph.workflow,
            run=self.run,
            batch=None,
            trace=self.run,
            node=act.node.raw,
            config=act.config,
            context=walk.context,
            key=act.key,
            attempt=act.attempt,
            meta=act.meta,
            parent=walk.parent,
        )
        try:
            return await act.node.action.execute(call)
        except TimeoutError:
            raise
        except Exception as error:
            _log.exception("an action raised", node=act.node.slug, action=act.node.action.slug)
            return Failed(f"The action broke ({type(error).__name__}); the server's log has the details.")

    async def _group(self, walk: Walk, act: Act, graph: Graph, depth: int) -> Outcome:
        records = group.read_items(act.config)
        if isinstance(records, Failed):
            return records
        if len(records) > MAX_ITEMS:
            return Failed(f"The group has {len(records):,} items; tried by itself, a node takes {MAX_ITEMS:,}. Have a run do it.")
        if depth >= group.MAXIMUM_DEPTH:
            return Failed(group.TOO_DEEP)
        nodes = cast("dict[str, Any]", act.node.raw.get("config") or {}).get("_nodes")
        try:
            program = compile_graph(cast("list[dict[str, Any]]", nodes), self.actions)
        except (InvalidGraph, TypeError, KeyError, AttributeError) as error:
            return Failed(f"The nodes inside the group cannot be walked: {error}")
        gate = asyncio.Semaphore(ITEMS_AT_ONCE)
        walks = [begin(str(ids.new()), program, record, walk.context) for record in records]

        async def one(inner: Walk) -> None:
            async with gate:
                await self._item(inner, graph, depth + 1)

        async with asyncio.TaskGroup() as tasks:
            for inner in walks:
                tasks.create_task(one(inner))
        if depth == 0:
            items = cast("list[Any]", act.config["items"])
            self.items = [(item, inner, inner.error) for item, inner in zip(items, walks, strict=True)]
        return group.collect_results(
            {at: _result(inner) for at, inner in enumerate(walks)}, len(walks), fail_fast=group.fails_fast(act.config)
        )

    async def _item(self, walk: Walk, graph: Graph, depth: int) -> None:
        try:
            await self.go(walk, graph, depth)
        except Waits as wait:
            walk.status, walk.error = "error", str(wait)

    async def _tool(self, act: Act, depth: int) -> Outcome:
        if depth >= group.MAXIMUM_DEPTH:
            return Failed(group.TOO_DEEP)
        if self.actions.tools is None:
            return Failed("This server has no tools to run.")
        try:
            tool = await self.actions.tools(self.workspace, act.node.raw)
            program = compile_graph(tool.nodes, self.actions)
        except (ToolMissing, InvalidGraph) as error:
            return Failed(str(error))
        inner = begin(str(ids.new()), program, act.config)
        await self.go(inner, Graph(tool.workflow, tool.release), depth + 1)
        if inner.status == "success":
            return Done(inner.output(), credits=inner.credits)
        return Failed(inner.error or "The tool failed.", credits=inner.credits)


def _result(walk: Walk) -> group.ItemResult:
    return group.ItemResult(walk.status or "error", walk.output(), walk.error, walk.credits)


def item_of(item: Any, walk: Walk, problem: str | None) -> contract.GroupItem:
    """An item and what its nodes made of it, on the wire; of a node that was visited often, the last time."""
    executions: dict[str, contract.ItemExecution] = {}
    configs: dict[str, contract.ItemConfig] = {}
    for entry in walk.entries:
        spent = number(entry.credits)
        config = from_json(entry.config)
        if entry.error is not None:
            executions[entry.slug] = contract.ItemExecution(
                outcome="notExecuted", reason="actionFailed", message=entry.error, credits_used_count=spent
            )
        else:
            more: dict[str, Any] = {} if entry.child is None else {"child_index": entry.child}
            executions[entry.slug] = contract.ItemExecution(
                outcome="executed", data=from_json(entry.output), credits_used_count=spent, **more
            )
        if entry.error is not None and config == {} and walk.program.nodes[entry.node].raw.get("config"):
            configs[entry.slug] = contract.ItemConfig(outcome="notComputed", error_message=entry.error)
        else:
            shown: dict[str, Any] = cast("dict[str, Any]", config) if isinstance(config, dict) else {"value": config}
            configs[entry.slug] = contract.ItemConfig(outcome="computed", computed_config=shown)
    return contract.GroupItem(item=item, executions=executions, computed_configs=configs, error=problem)


def _now() -> int:
    return clock.now_ms()
