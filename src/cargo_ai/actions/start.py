"""`start`: hands the input record to the graph."""

from __future__ import annotations

from cargo_ai.actions.config.values import schema
from cargo_ai.engine.graph.action import Action, Call, Done

ACTION: Action[Call] = Action(
    slug="start",
    name="Start",
    description="Where the workflow begins: its output is the input record.",
    does="decides",
    category="invisible",
    icon="play",
    config_schema=schema({}),
    output_schema=schema({}),
    only_in_graphs=True,
    decide=lambda _config, scope: Done(scope.record),
)
