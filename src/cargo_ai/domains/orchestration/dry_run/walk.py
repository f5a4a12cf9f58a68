"""Walk a record through a graph without acting: effects answer from earlier runs, or every child is followed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

from cargo_ai.context.process import TokenBounds
from cargo_ai.domains.orchestration.dry_run.node_costs import Costs, NodePrices
from cargo_ai.domains.orchestration.dry_run.ranges import NodeKey, Range, either
from cargo_ai.domains.orchestration.dry_run.unknowns import UNKNOWN, fence
from cargo_ai.engine.graph import group
from cargo_ai.engine.graph.action import Call, Done, Failed, Outcome, Scope
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import Graph, InvalidGraph, compile_graph, is_group
from cargo_ai.engine.graph.interpret import advance, begin, settle
from cargo_ai.engine.graph.tool_graph import ToolMissing
from cargo_ai.engine.graph.walk import Act, EngineAnswers, Evaluate, Pause, Walk
from cargo_ai.expression import evaluator
from cargo_ai.kernel import ids

MAX_WAYS = 64
"""How many ways of one record are followed one by one; beyond that, every node that can be reached is possible."""

NO_CONFIG: Mapping[str, Any] = {}
TOKENS = (
    "Tokens of agents are counted as if each answer were as long as language models write at most, and each byte that they read a token; "
    "of agents with tools nothing bounds them."
)

Recall = Callable[[str, Mapping[str, Any]], Awaitable[Done | None]]
"""(slug, resolved config) → what the node answered an earlier run on this record that asked the same; None when none did."""


class _Way(NamedTuple):
    """One way on from a node: its outcome, whether its output is known, and how likely it is, where that is known."""

    outcome: Outcome
    known: bool = True
    share: float | None = None


async def without_recall(_slug: str, _config: Mapping[str, Any]) -> Done | None:
    """Recall nothing: for records without an id."""
    return None


@dataclass(slots=True)
class DryRun:
    """Walks records. Counts how many answers were remembered and how many unknown; `notes` are sentences about what was assumed, `seen` the
    nodes that were walked over."""

    workspace: uuid.UUID
    actions: Actions
    now: int
    remembered: int = 0
    unknown: int = 0
    notes: set[str] = field(default_factory=set[str])
    seen: dict[NodeKey, Mapping[str, Any]] = field(default_factory=dict[NodeKey, Mapping[str, Any]])
    prices: NodePrices | None = None
    token_bounds: TokenBounds = field(default_factory=dict[str, Callable[[Mapping[str, Any]], int]])
    _ways: int = 0
    _programs: dict[str, Graph | str] = field(default_factory=dict[str, Graph | str])
    _fences: dict[tuple[int, frozenset[str]], tuple[Graph, Graph]] = field(
        default_factory=dict[tuple[int, frozenset[str]], tuple[Graph, Graph]]
    )

    async def record(self, walk: Walk, recall: Recall = without_recall) -> Range:
        """What a run does that is where this walk is: at its start, or where the journal of an earlier one left it."""
        self._ways = 0
        return await _Explorer(self, walk.program, recall).go(walk, frozenset())

    def fence(self, program: Graph, unknown: frozenset[str]) -> Graph:
        """The program as it can be walked while these outputs are unknown."""
        key = (id(program), unknown)
        cached = self._fences.get(key)
        if cached is None or cached[0] is not program:
            cached = self._fences[key] = (program, fence(program, unknown))
        return cached[1]

    def costs_of(self, node: Mapping[str, Any], config: Mapping[str, Any] = NO_CONFIG) -> Costs:
        """What an execution of a node costs by itself; with this config, as far as it is known."""
        costs = Costs() if self.prices is None else self.prices.of_node(node)
        bound = self.token_bounds.get(str(node["uuid"])) if costs.most is None else None
        if bound is None or self.prices is None or not self.prices.token_prices:
            return costs
        self.notes.add(TOKENS)
        return self.prices.of_tokens(bound(config))

    @property
    def fee(self) -> float:
        """What each execution costs besides, also one that fails."""
        return 0.0 if self.prices is None else self.prices.fee

    def load(self, key: str, nodes: Sequence[Mapping[str, Any]]) -> Graph | str:
        """A graph inside of another, loaded once; a sentence when it cannot be walked."""
        if key not in self._programs:
            try:
                self._programs[key] = compile_graph(nodes, self.actions)
            except (InvalidGraph, KeyError, TypeError, AttributeError) as error:
                self._programs[key] = f"The nodes inside cannot be walked: {error}"
        return self._programs[key]

    def split(self, ways: int) -> bool:
        """Whether this many more ways can be followed one by one."""
        self._ways += ways
        return self._ways <= MAX_WAYS


@dataclass(slots=True)
class _Explorer:
    """One graph of a record's walk. `above`: what is unknown of the graphs around it; `prefix`: the way to it."""

    all: DryRun
    base: Graph
    recall: Recall
    above: frozenset[str] = frozenset()
    prefix: str = ""
    depth: int = 0

    async def go(self, walk: Walk, unknown: frozenset[str]) -> Range:
        """To the end of the walk, on every way that is possible."""
        total = Range()
        self._fence(walk, unknown)
        while True:
            step = advance(walk, self.all.now) if walk.status is None else None
            self._count(walk, total)
            if step is None:
                total.failed = total.failed_most = int(walk.status != "success")
                total.output, total.error = walk.output(), walk.error
                total.known = walk.last is None or walk.last.slug not in unknown
                return total
            if isinstance(step, Pause):
                total.wait(step.seconds, step.seconds)
            elif isinstance(step, Evaluate):
                answers = await evaluator.shared().ask(self.all.workspace, step.scope, step.questions)
                walk.answered = EngineAnswers({**step.before, **answers}, step.now)
            else:
                ways = await self._ways(walk, step, unknown, total)
                if len(ways) > 1:
                    return total.end(await self._every(walk, step, ways, unknown))
                unknown = self._take(walk, step, ways[0], unknown)

    def _fence(self, walk: Walk, unknown: frozenset[str]) -> None:
        walk.program = self.all.fence(self.base, unknown | self.above)
        walk.node = walk.program.nodes.get(walk.node.uuid) if walk.node else None

    def _count(self, walk: Walk, total: Range) -> None:
        for entry in walk.entries:
            place = NodeKey(self.prefix + entry.slug, entry.node, entry.slug)
            node = self.base.nodes[entry.node]
            self.all.seen[place] = node.raw
            total.visit(place)
            total.spend(self.all.fee, self.all.fee)
            if entry.status == "success" and not node.action.has_effects:
                total.spend(*self.all.costs_of(node.raw))
        walk.entries = []

    def _take(self, walk: Walk, act: Act, way: _Way, unknown: frozenset[str]) -> frozenset[str]:
        settle(walk, act.node, act.config, way.outcome, act.warnings, act.started, self.all.now)
        slug = act.node.slug
        after = unknown - {slug} if way.known else unknown | {slug}
        self._fence(walk, after)
        return after

    async def _every(self, walk: Walk, act: Act, ways: Sequence[_Way], unknown: frozenset[str]) -> Range:
        if not self.all.split(len(ways)):
            self.all.notes.add(f"Where more than {MAX_WAYS} ways of one record are possible, every node after them is counted as possible.")
            return self._reachable(act)
        ranges: list[Range] = []
        for way in ways:
            other = replace(walk, context=dict(walk.context), visits=dict(walk.visits), entries=[])
            ranges.append(await self.go(other, self._take(other, act, way, unknown)))
        shares = [way.share for way in ways if way.share is not None]
        return either(ranges, shares if len(shares) == len(ways) else None)

    def _reachable(self, act: Act) -> Range:
        total, ahead = Range(known=False, failed_most=1), [act.node.uuid]
        seen = set[str]()
        while ahead:
            node = self.base.nodes.get(ahead.pop())
            if node is None or node.uuid in seen:
                continue
            seen.add(node.uuid)
            place = NodeKey(self.prefix + node.slug, node.uuid, node.slug)
            self.all.seen[place] = node.raw
            total.most[place] += 1
            total.unsure.add(place)
            most = self.all.costs_of(node.raw).most
            total.spend(0.0, None if node.action.runs_children or most is None else most + self.all.fee)
            ahead += [child for child in (*node.children, node.fallback_child) if child is not None]
        return total

    async def _ways(self, walk: Walk, act: Act, unknown: frozenset[str], total: Range) -> list[_Way]:
        """What may become of a node that the interpreter alone cannot tell. Adds what it costs, and what it does below, to `found`."""
        action = self.base.nodes[act.node.uuid].action
        if act.node.action is UNKNOWN:
            return await self._open(act, unknown, total)
        if action.shares is not None:
            return self._by_chance(walk, act, action.shares)
        if is_group(act.node.raw):
            return [await self._group(walk, act, unknown, total)]
        if action.runs_children:
            return [await self._tool(act, act.config, frozenset(), total)]
        if action.does == "computes":
            return [_Way(await action.execute(self._call(walk, act)))]
        known = await self.recall(self.prefix + act.node.slug, act.config)
        if known is not None:
            self.all.remembered += 1
            total.spend(*self.all.costs_of(self.base.nodes[act.node.uuid].raw, act.config))
            return [_Way(known)]
        return self._guess(act, total)

    def _by_chance(self, walk: Walk, act: Act, shares_of: Callable[[Mapping[str, Any]], Sequence[float]]) -> list[_Way]:
        """A split, which goes by a hash of the run: one that repeats another goes as that did, of a new one only the shares are known."""
        node = self.base.nodes[act.node.uuid]
        assert node.action.decide is not None
        decided = node.action.decide(
            act.config, Scope(walk.record, walk.split_seed or walk.run, node.uuid, walk.visits.get(node.uuid, 0) + 1)
        )
        if walk.split_seed or not isinstance(decided, Done):
            return [_Way(decided)]
        shares = shares_of(act.config)
        first = f"{100 * shares[0]:g} % of the runs go the first way on from {self.prefix}{node.slug}"
        self.all.notes.add(f"{first}, as a hash of each run decides: executionsExpected counts with that share.")
        return [_Way(Done({**decided.output, "child": at}, child=at), share=share) for at, share in enumerate(shares) if share > 0]

    def _guess(self, act: Act, total: Range) -> list[_Way]:
        """An effect whose answer is not known: it is assumed to succeed, on any of its ways."""
        self.all.unknown += 1
        config = NO_CONFIG if act.node.action is UNKNOWN else act.config
        total.spend(*self.all.costs_of(self.base.nodes[act.node.uuid].raw, config))
        return [_Way(Done(None, child=at), known=False) for at in range(max(1, len(act.node.children)))]

    async def _open(self, act: Act, unknown: frozenset[str], total: Range) -> list[_Way]:
        """A node that depends on what is unknown."""
        node = self.base.nodes[act.node.uuid]
        if node.action.chooses:
            routes = node.action.routes_of(cast("Mapping[str, Any]", node.raw.get("config") or {}))
            return [_Way(Done(None, child=at), known=False) for at in routes.choices(len(node.children))]
        if not node.action.has_effects:
            return [_Way(Done(None), known=False)]
        if is_group(node.raw):
            self.all.notes.add(f"How many items {self.prefix}{node.slug} has depends on an answer that is not known: they are not counted.")
            total.spend(0.0, None)
            return [_Way(Done(None), known=False)]
        if node.action.runs_children:
            return [await self._tool(act, {}, unknown | {"start"}, total)]
        return self._guess(act, total)

    def _call(self, walk: Walk, act: Act) -> Call:
        run = ids.parse(walk.run) or ids.new()
        return Call(
            workspace=self.all.workspace,
            workflow=None,
            run=run,
            batch=None,
            trace=run,
            node=act.node.raw,
            config=act.config,
            context=walk.context,
            key=act.key,
            attempt=act.attempt,
            meta=act.meta,
            parent=walk.parent,
        )

    def _inside(self, act: Act, base: Graph, above: frozenset[str]) -> _Explorer:
        return _Explorer(self.all, base, self.recall, above, f"{self.prefix}{act.node.slug}.", self.depth + 1)

    async def _group(self, walk: Walk, act: Act, unknown: frozenset[str], total: Range) -> _Way:
        records = group.read_items(act.config)
        if isinstance(records, Failed):
            return _Way(records)
        if self.depth >= group.MAXIMUM_DEPTH:
            return _Way(Failed(group.TOO_DEEP))
        nodes: list[dict[str, Any]] = cast("dict[str, Any]", act.node.raw.get("config") or {}).get("_nodes") or []
        program = self.all.load(f"{self.prefix}{act.node.uuid}", nodes)
        if isinstance(program, str):
            return _Way(Failed(program))
        results: dict[int, group.ItemResult] = {}
        slowest = slowest_most = 0.0
        known = True
        for item, record in enumerate(records):
            inner = begin(str(ids.new()), program, record, walk.context)
            inside = await self._inside(act, program, unknown | self.above).go(inner, frozenset())
            total.add(inside)
            slowest, slowest_most = max(slowest, inside.seconds), max(slowest_most, inside.seconds_most)
            known = known and inside.known and inside.failed == inside.failed_most
            results[item] = group.ItemResult("error" if inside.failed else "success", inside.output, inside.error)
            await asyncio.sleep(0)
        total.wait(slowest, slowest_most)
        outcome = group.collect_results(results, len(records), fail_fast=group.fails_fast(act.config))
        return _Way(outcome, known or isinstance(outcome, Failed))

    async def _tool(self, act: Act, record: Mapping[str, Any], unknown: frozenset[str], total: Range) -> _Way:
        if self.depth >= group.MAXIMUM_DEPTH:
            return _Way(Failed(group.TOO_DEEP))
        if self.all.actions.tools is None:
            return _Way(Failed("This server has no tools."))
        try:
            tool = await self.all.actions.tools(self.all.workspace, act.node.raw)
        except ToolMissing as error:
            return _Way(Failed(str(error)))
        program = self.all.load(f"tool:{tool.workflow}:{tool.release}:{act.node.raw.get('templateSlug')}", tool.nodes)
        if isinstance(program, str):
            return _Way(Failed(program))
        inner = begin(str(ids.new()), program, dict(record))
        inside = await self._inside(act, program, frozenset()).go(inner, frozenset({"start"}) if unknown else frozenset())
        total.add(inside)
        if act.node.raw.get("waitUntilFinished") is False:
            return _Way(Done(None), known=False)
        total.wait(inside.seconds, inside.seconds_most)
        if inside.failed:
            return _Way(Failed(inside.error or "The tool failed."))
        return _Way(Done(inside.output), inside.known and not inside.failed_most)
