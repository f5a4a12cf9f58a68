"""Expressions that a language model writes: each is compiled and tried with the sample before anyone sees it, and repaired once."""

from __future__ import annotations

import json
from typing import Any, cast

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import Preparation, handles
from cargo_ai.contract.ai.message import MessageUsage
from cargo_ai.contract.expression import expression as contract
from cargo_ai.contract.storage.columns import Expression
from cargo_ai.domains.ai.asking import structured
from cargo_ai.domains.ai.asking.structured import Structured, Unanswered, Wish
from cargo_ai.domains.ai.chats.untrusted import RULE, untrusted_json
from cargo_ai.domains.ai.prompts.prompt import named
from cargo_ai.domains.expression import public as expressions
from cargo_ai.kernel.wire import JsonObject

Json = Any
MAX_SAMPLE = 30_000
"""Characters of the variables that the language model sees; it is tried with all of them."""
_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["templateExpression", "jsExpression"]},
        "expression": {"type": "string", "minLength": 1, "maxLength": 20_000},
    },
    "required": ["kind", "expression"],
}
_INSTRUCTIONS = f"""You write expressions for workflows: complete modern JavaScript that reads variables and has no other effect.
`jsExpression`: one JavaScript expression, or a body with `return`. `templateExpression`: a text with {{{{ expression }}}} in it;
exactly one {{{{...}}}} and nothing else gives the raw value. Take jsExpression for values, templateExpression for texts with values
in them. The variables in scope are those of the sample, and no others; `nodes.<slug>` is the output of a node. Missing paths are
undefined, so guard with ?. and ??. There is no network, file, require or await. Dates are ISO texts. Give the expression alone,
without comments. {RULE}"""


async def _write(prepared: Preparation, request: contract.GenerateExpression) -> Structured | str:
    workspace = prepared.who.workspace_uuid
    attempts: list[tuple[JsonObject, expressions.Tried]] = []

    async def check(value: JsonObject) -> str | None:
        tried = await expressions.evaluate(workspace, value, request.variables)
        attempts.append((value, tried))
        if tried.error is not None:
            return f"With the sample it fails: {tried.error}"
        # A path that is not there gives nothing: most often the name is wrong.
        return f"With the sample: {'; '.join(tried.warnings[:5])}" if tried.warnings and tried.value is None else None

    sample = json.dumps(request.variables, ensure_ascii=False)
    shown = sample if len(sample) <= MAX_SAMPLE else f"{sample[:MAX_SAMPLE]}…"
    text = f"What the expression is to give: {request.prompt}\n\nThe variables, as a sample: {untrusted_json(shown)}"
    wish = Wish(_INSTRUCTIONS, text, _SCHEMA, check, named(request))
    try:
        given = await structured.answer(prepared.services, workspace, wish)
    except Unanswered as error:
        if not attempts:
            structured.refuse(contract.generate, error)
        value, tried = attempts[-1]
        problem = tried.error or "; ".join(tried.warnings[:3])
        return f"No expression was found that works; the last one was {value['expression']}. {problem}"
    _, tried = attempts[-1]
    return Structured({"expression": given.value, "result": tried.value, "warnings": tried.warnings}, given.usage)


@handles(contract.generate, before=_write)
async def generate(ctx: Context, _request: contract.GenerateExpression) -> contract.GeneratedExpression:
    """The expression with what it gave, or what went wrong."""
    if isinstance(ctx.prepared, str):
        return contract.GeneratedExpression(error_message=ctx.prepared)
    given = cast("Structured", ctx.prepared)
    for warning in given.value["warnings"]:
        ctx.warn(warning)
    written = given.value["expression"]
    return contract.GeneratedExpression(
        data=Expression(kind=written["kind"], expression=written["expression"]),
        result=given.value["result"],
        usage=MessageUsage.model_validate(given.usage),
    )
