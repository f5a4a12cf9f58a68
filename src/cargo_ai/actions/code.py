"""Code in nodes: what `script` and `python` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cargo_ai.actions.config import schema
from cargo_ai.engine.graph.action import Call, Category, Done, Failed, NativeAction, Outcome, Scope
from cargo_ai.expression import evaluator
from cargo_ai.expression.sandbox.host import Language, refusal

LONGEST_SCRIPT = 256 * 1024
CONFIG_SCHEMA = schema({"script": {"type": "string", "maxLength": LONGEST_SCRIPT}}, ("script",))
_SHOWN = 500  # characters of what a script printed that a warning quotes


class Code(NativeAction):
    """An action that runs the config's `script`, written in `language`, in the sandbox of the run's workspace."""

    language: ClassVar[Language]
    category: Category = "code"
    icon = "code"
    config_schema = CONFIG_SCHEMA
    output_schema = schema({"result": {}}, ("result",))
    children_count = 1

    def children_of(self, config: Mapping[str, Any]) -> tuple[int, ...]:
        """Always one."""
        return (1,)

    def check(self, config: Mapping[str, Any]) -> str | None:
        """A sentence when the script is none, or none of this language can run on this server; a missing one is told when it runs."""
        fault = script_fault(config) if "script" in config else None
        reason = refusal(self.language)
        return fault or (f"This server cannot run it: {reason}." if reason else None)

    def decide(self, config: dict[str, Any], scope: Scope) -> Outcome:
        """Never in the interpreter: code of users is run in a sandbox."""
        return Failed(f"{self.name} is only run in a sandbox.")

    async def perform(self, call: Call) -> Outcome:
        """`{result}` of the script over the run's context; what it printed is a warning. Its errors and limits fail the node."""
        fault = script_fault(call.config)
        if fault:
            return Failed(fault)
        shared = evaluator.shared()
        run = shared.script if self.language == "javascript" else shared.python
        outcome = await run(call.workspace, str(call.config["script"]), {"nodes": call.context, "parentNodes": call.parent or {}})
        if outcome.error is not None:
            return Failed(outcome.error)
        printed = outcome.log.rstrip()
        warnings = (f"It printed: {printed if len(printed) <= _SHOWN else printed[:_SHOWN] + '…'}",) if printed else ()
        return Done({"result": outcome.value}, warnings=warnings)


def script_fault(config: Mapping[str, Any]) -> str | None:
    """A sentence when the config has no script that could be run."""
    script = config.get("script")
    if not isinstance(script, str) or not script.strip():
        return "It has no code: set `script` in its config."
    if len(script) > LONGEST_SCRIPT:
        return f"Its script has {len(script):,} characters; the limit is {LONGEST_SCRIPT:,}."
    return None
