"""Packages: what each domain adds to the server, as one value that the server collects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cargo_ai.context.downloads.exports import Producer
from cargo_ai.context.events import Event, Subscriber
from cargo_ai.context.extractors import NativeExtractor
from cargo_ai.context.process import Hooks, Services
from cargo_ai.engine.dispatch.credits import EstimateRun
from cargo_ai.engine.dispatch.enumerate import Source
from cargo_ai.engine.dispatch.queue import Task
from cargo_ai.engine.dispatch.timers.schedule import Fire
from cargo_ai.engine.graph.action import Action, Call
from cargo_ai.engine.graph.action_registry import FindOwn, LoadActions
from cargo_ai.engine.graph.tool_graph import FindTool
from cargo_ai.expression.evaluator import Instruct

RunChore = Callable[[Services], Awaitable[None]]
"""What one of the workers does about once an hour; several may do it at once, as when another one takes over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a domain adds to the server. `domains/<domain>/package.py` has one, named PACKAGE.

    module: the domain's package, in whose modules the functions marked by `@handles` are found.
    actions: what nodes can do, bound to a process's services when it starts.
    extractors: native extractors, as models name them.
    sources: where the records of a batch come from, by the kind of its data.
    jobs: jobs of the queue, by name. schedules: what starts what is due, by kind. Both names are stored.
    chores: what one of the workers does about once an hour, by name.
    background: what runs in each worker beside the queue, until it is cancelled.
    tools: what tool nodes run. own_actions: actions that only one workspace has.
    load_actions: the actions of integrations, loaded when a node names one.
    run_costs: what a run of a graph may cost.
    downloads: what produces the rows of a download, by its kind, which is part of its URL.
    instruct: what fills fields of nodes by a language model.
    subscribers: functions that react to events, with the kind of the event.
    hooks: what it does for the domains below it.
    """

    module: str
    actions: Sequence[Action[Call]] = ()
    extractors: Sequence[NativeExtractor] = ()
    sources: Mapping[str, Callable[[Services], Source]] = field(default_factory=dict[str, Callable[[Services], Source]])
    jobs: Mapping[str, Callable[[Services], Task]] = field(default_factory=dict[str, Callable[[Services], Task]])
    schedules: Mapping[str, Callable[[Services], Fire]] = field(default_factory=dict[str, Callable[[Services], Fire]])
    chores: Mapping[str, RunChore] = field(default_factory=dict[str, RunChore])
    background: Sequence[Callable[[Services], Coroutine[Any, Any, None]]] = ()
    tools: Callable[[Services], FindTool] | None = None
    run_costs: Callable[[Services], EstimateRun] | None = None
    load_actions: Callable[[Services], LoadActions] | None = None
    own_actions: Callable[[Services], FindOwn] | None = None
    instruct: Callable[[Services], Instruct] | None = None
    downloads: Mapping[str, Producer] = field(default_factory=dict[str, Producer])
    subscribers: Sequence[tuple[type[Event], Subscriber[Any]]] = ()
    hooks: Hooks = field(default_factory=Hooks)
