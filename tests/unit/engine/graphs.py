"""Graphs for the tests of the engine: a node in one line, effects that do as they are reported, a walk to its end without a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cargo_ai.actions import native_actions
from cargo_ai.engine.graph.action import Action, Call, Idempotency, Outcome, Perform
from cargo_ai.engine.graph.action_registry import Actions
from cargo_ai.engine.graph.graph import Graph, compile_graph
from cargo_ai.engine.graph.interpret import advance, begin, settle
from cargo_ai.engine.graph.tool_graph import FindTool
from cargo_ai.engine.graph.walk import Act, Execution, Pause, Walk
from tests.kit.graphs import node

NOW = 1_700_000_000_000
RUN = "018bcfe5-6800-7000-8000-000000000001"
Body = dict[str, Any]
Outcomes = Callable[[Act], Outcome]


def effect(slug: str, children: Sequence[str | None] = (), **more: Any) -> Body:
    """A node that acts on the world."""
    return node(slug, children=children, **({"kind": "connector", "integrationSlug": "any", "actionSlug": "any"} | more))


def variables(slug: str, values: Mapping[str, Any], children: Sequence[str | None] = (), **more: Any) -> Body:
    """A node that names values of type any."""
    listed = [{"name": name, "type": "any", "value": value} for name, value in values.items()]
    return node(slug, "variables", children, config={"variables": listed}, **more)


async def _nothing(_call: Call) -> Outcome:
    raise AssertionError("these tests settle effects by themselves")


def service(perform: Perform, idempotency: Idempotency = "key", *, awaits: bool = False) -> Action[Call]:
    """An action of the one service that these graphs call; its slug is `any`, or the idempotency where that is another than `key`, or
    `awaits`."""
    slug = "awaits" if awaits else "any" if idempotency == "key" else idempotency
    return Action(
        slug=slug,
        kind="connector",
        integration="any",
        name=slug,
        description="",
        does="acts",
        config_schema={},
        perform=perform,
        idempotency=idempotency,
        awaits=awaits,
    )


def actions(perform: Perform = _nothing, tools: FindTool | None = None) -> Actions:
    """All native actions, and one of a service for each way in which repeating it is harmless, or not."""
    of_service: list[Idempotency] = ["key", "reads", "upsert", "readback", "none"]
    by_idempotency = [service(perform, idempotency) for idempotency in of_service]
    return Actions([*native_actions(), *by_idempotency, service(perform, "none", awaits=True)], tools)


def program(nodes: Sequence[Body]) -> Graph:
    """The graph, ready to walk."""
    return compile_graph(nodes, actions())


def start(nodes: Sequence[Body], record: Any = None, run: str = RUN) -> Walk:
    """A walk that has not taken a step."""
    return begin(run, program(nodes), {} if record is None else record)


def finish(walk: Walk, reported: Outcomes | None = None, *, most_steps: int = 10_000) -> list[Act | Pause]:
    """Walk to the end, sitting out every pause at once; returns what there was to do on the way."""
    seen: list[Act | Pause] = []
    step = advance(walk, NOW)
    while step is not None:
        assert isinstance(step, Act | Pause), "these graphs need no JavaScript engine"
        seen.append(step)
        assert len(seen) < most_steps
        if isinstance(step, Act):
            assert reported is not None, f"{step.node.slug} is an effect"
            step = settle(walk, step.node, step.config, reported(step), step.warnings, step.started, NOW) or advance(walk, NOW)
        else:
            step = advance(walk, NOW)
    return seen


def scripted(*outcomes: Any) -> Outcomes:
    """Effects that give these outcomes one after another, and the last one forever."""
    left = list(outcomes)
    return lambda _act: left.pop(0) if len(left) > 1 else left[0]


def row(entry: Execution) -> Body:
    """An entry as the journal gives it back."""
    return {
        "seq": entry.seq,
        "node_uuid": entry.node,
        "node_slug": entry.slug,
        "visit": entry.visit,
        "status": entry.status,
        "next_node_uuid": entry.next,
        "error_message": entry.error,
        "reason": entry.reason,
        "output": entry.output.decode(),
        "credits": entry.credits,
    }
