"""Code in nodes: what `script` and `python` have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cargo_ai.actions.config import schema
from cargo_ai.engine.action import Call, Done, Failed, Outcome
from cargo_ai.expression import ScriptOutcome
from cargo_ai.expression.sandbox.host import Language, refusal

LONGEST_SCRIPT = 256 * 1024
CONFIG_SCHEMA = schema({"script": {"type": "string", "maxLength": LONGEST_SCRIPT}}, ("script",))
OUTPUT_SCHEMA = schema({"result": {}}, ("result",))
_SHOWN = 500  # characters of what a script printed that a warning quotes


def check(config: Mapping[str, Any], language: Language) -> str | None:
    """A sentence when the script is none, or none of this language can run on this server; a missing one is told when it runs."""
    fault = script_fault(config) if "script" in config else None
    reason = refusal(language)
    return fault or (f"This server cannot run it: {reason}." if reason else None)


def script_fault(config: Mapping[str, Any]) -> str | None:
    """A sentence when the config has no script that could be run."""
    script = config.get("script")
    if not isinstance(script, str) or not script.strip():
        return "It has no code: set `script` in its config."
    if len(script) > LONGEST_SCRIPT:
        return f"Its script has {len(script):,} characters; the limit is {LONGEST_SCRIPT:,}."
    return None


async def perform(call: Call, run: Callable[[str, Mapping[str, Any]], Awaitable[ScriptOutcome]]) -> Outcome:
    """`{result}` of the config's script over the run's context; what it printed is a warning."""
    fault = script_fault(call.config)
    if fault:
        return Failed(fault)
    outcome = await run(str(call.config["script"]), {"nodes": call.context, "parentNodes": call.parent or {}})
    if outcome.error is not None:
        return Failed(outcome.error)
    printed = outcome.log.rstrip()
    warnings = (f"It printed: {printed if len(printed) <= _SHOWN else printed[:_SHOWN] + '…'}",) if printed else ()
    return Done({"result": outcome.value}, warnings=warnings)
