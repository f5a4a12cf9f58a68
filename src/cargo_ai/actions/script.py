"""`script`: JavaScript over the outputs of earlier nodes, in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from cargo_ai.actions import code
from cargo_ai.engine.action import Call, Category, Failed, NativeAction, Outcome, Scope
from cargo_ai.expression import evaluator


class Script(NativeAction):
    """Runs JavaScript: what it returns, or its last value, is the result."""

    slug = "script"
    name = "Script"
    description = "Runs JavaScript with `nodes` and `parentNodes`; lodash and date-fns can be required. What it returns is `result`."
    category: Category = "code"
    icon = "code"
    config_schema = code.CONFIG_SCHEMA
    output_schema = code.OUTPUT_SCHEMA
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """Whether there is a script and this server can run it."""
        return code.check(config, "javascript")

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """Never in the interpreter: code of users is run in a sandbox."""
        return Failed("A script is only run in a sandbox.")

    async def perform(self, call: Call) -> Outcome:
        """`{result}`; an error of the script, or a limit that it met, fails the node."""
        return await code.perform(call, partial(evaluator.shared().script, call.workspace))


ACTION: NativeAction = Script()
