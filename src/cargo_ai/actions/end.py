"""`end`: ends the run; its variables are the run's output."""

from __future__ import annotations

from cargo_ai.actions.config import variables
from cargo_ai.actions.config.values import schema
from cargo_ai.engine.graph.action import Action, Call, Routes

ACTION: Action[Call] = Action(
    slug="end",
    name="End",
    description="Where the workflow ends: the variables are the output of the run.",
    does="decides",
    category="logic",
    icon="flag",
    config_schema=variables.CONFIG_SCHEMA,
    output_schema=schema({}),
    routes=Routes(()),
    only_in_graphs=True,
    check=variables.check,
    outputs=variables.outputs,
    decide=lambda config, _scope: variables.evaluate(config, child=None),
)
