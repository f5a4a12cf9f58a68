"""Code in nodes: check and run the `script` of a config, for the actions `script` and `python`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cargo_ai.actions.config.values import output, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome
from cargo_ai.expression import evaluator
from cargo_ai.expression.sandbox.host import Language, refusal

LONGEST_SCRIPT = 256 * 1024
LONGEST_LOG = 64 * 1024
CONFIG_SCHEMA = schema({"script": {"type": "string", "minLength": 1, "maxLength": LONGEST_SCRIPT}}, ("script",))
OUTPUT_SCHEMA = output({"result": {}}, ("result",))
_QUOTED = 500  # characters of what a script printed that a warning quotes


def action(language: Language, *, slug: str, name: str, description: str) -> Action[Call]:
    """An action that runs the config's `script`, written in `language`, in the sandbox of the run's workspace."""

    async def perform(call: Call) -> Outcome:
        return await run(language, call)

    return Action(
        slug=slug,
        name=name,
        description=description,
        does="computes",
        category="code",
        icon="code",
        config_schema=CONFIG_SCHEMA,
        output_schema=OUTPUT_SCHEMA,
        verbatim=frozenset({"script"}),
        code={"script": language},
        check=lambda config: check(language, config),
        perform=perform,
        idempotency="reads",
    )


def check(language: Language, config: Mapping[str, Any]) -> str | None:
    """A sentence when there is no code to run, or this server cannot run the language; a missing script is reported when it runs."""
    problem = _problem(config) if "script" in config else None
    reason = refusal(language)
    return problem or (f"This server cannot run it: {reason}." if reason else None)


async def run(language: Language, call: Call) -> Outcome:
    """`{result}` of the script over the run's context; what it printed is a warning. Its errors and limits fail the node."""
    problem = _problem(call.config)
    if problem:
        return Failed(problem)
    shared = evaluator.shared()
    execute = shared.script if language == "javascript" else shared.python
    outcome = await execute(call.workspace, str(call.config["script"]), {"nodes": call.context, "parentNodes": call.parent or {}})
    printed = outcome.log.rstrip()
    if len(printed) >= LONGEST_LOG:
        printed = f"{printed[:LONGEST_LOG]}\n… (a log keeps {LONGEST_LOG:,} characters)"
    if outcome.error is not None:
        return Failed(outcome.error, log=printed)
    warnings = (f"It printed: {printed if len(printed) <= _QUOTED else printed[:_QUOTED] + '…'}",) if printed else ()
    return Done({"result": outcome.value}, warnings=warnings, log=printed)


def _problem(config: Mapping[str, Any]) -> str | None:
    script = config.get("script")
    if not isinstance(script, str) or not script.strip():
        return "It has no code: set `script` in its config."
    if len(script) > LONGEST_SCRIPT:
        return f"Its script has {len(script):,} characters; the limit is {LONGEST_SCRIPT:,}."
    return None
