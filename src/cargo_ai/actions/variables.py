"""`variables`: names values, so that later nodes can read them as `{{nodes.<slug>.<name>}}`."""

from __future__ import annotations

from cargo_ai.actions.config import variables
from cargo_ai.actions.config.values import schema
from cargo_ai.engine.graph.action import Action, Call

ACTION: Action[Call] = Action(
    slug="variables",
    name="Variables",
    description="Names values and gives them a type, for the nodes that follow.",
    does="decides",
    category="logic",
    icon="variable",
    config_schema=variables.CONFIG_SCHEMA,
    output_schema=schema({}),
    check=variables.check,
    outputs=variables.outputs,
    decide=lambda config, _scope: variables.evaluate(config, child=0),
)
