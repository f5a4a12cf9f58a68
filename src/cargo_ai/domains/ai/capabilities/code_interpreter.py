"""The capability `codeInterpreter`: Python that the language model writes, in the sandbox of the workspace."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.ai.chats.calling.offer import BuiltIn, Given, Offer, Opening
from cargo_ai.expression import evaluator
from cargo_ai.expression.sandbox.host import refusal
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Tool

LONGEST = 50_000
"""Characters of code."""
_TOOL = Tool(
    "run_python",
    "Runs Python 3 with the standard library, without files or network, for some seconds. What it leaves in the variable `result` (JSON) "
    "and what it prints come back. Nothing is kept between calls: put the data that it needs into the code.",
    {
        "type": "object",
        "properties": {"code": {"type": "string", "minLength": 1, "maxLength": LONGEST}},
        "required": ["code"],
        "additionalProperties": False,
    },
)


async def offer(opening: Opening, _db: AsyncSession) -> Offer:
    """The tool, where this server can run Python."""
    if "codeInterpreter" not in opening.plan.capabilities:
        return Offer()
    reason = refusal("python")
    if reason:
        return Offer(problems=[f"Python cannot be run on this server: {reason}."])

    async def perform(arguments: JsonObject, _key: str) -> Given:
        outcome = await evaluator.shared().python(opening.workspace, arguments["code"], {"nodes": {}, "parentNodes": {}})
        printed = {"printed": outcome.log} if outcome.log.strip() else {}
        if outcome.error is not None:
            return Given({"error": outcome.error} | printed, failed=True)
        return Given({"result": outcome.value} | printed)

    return Offer([BuiltIn(_TOOL, perform)])
