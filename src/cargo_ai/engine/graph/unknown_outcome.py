"""Unknown outcomes: decide what happens to a node whose service may have acted although no answer came.

By the action's idempotency: what is an upsert, only reads, or looks first is repeated freely and fails like any other node; with a `key`,
the attempts of one run are harmless, but another run has another key; without anything (`none`) it is never repeated. A failure gets the
reason `outcomeUnknown` exactly where doing it again in another run could do it twice, which is then a person's decision.
"""

from __future__ import annotations

from dataclasses import replace

from cargo_ai.engine.graph.action import OUTCOME_UNKNOWN, Failed, Idempotency

AT_RISK: frozenset[Idempotency] = frozenset({"key", "none"})
MAYBE = "The service may have done it all the same"
DIED = Failed("The worker died while this was in progress.", sent=True)


def is_final(failed: Failed, idempotency: Idempotency) -> bool:
    """Whether no retry rule may repeat it."""
    return failed.sent and idempotency == "none"


def explain(failed: Failed, idempotency: Idempotency, run: str) -> Failed:
    """The failure as the journal keeps it: where repeating it is not harmless, with the reason and a sentence that says how to look."""
    if not failed.sent or idempotency not in AT_RISK:
        return failed
    if MAYBE in failed.message:
        # It is that of a run below, which names itself.
        return replace(failed, reason=OUTCOME_UNKNOWN)
    message = failed.message if failed.message.endswith((".", "!", "?")) else f"{failed.message}."
    look = f"look there before you repeat it; `cargo-ai orchestration run explain {run}` has the command."
    return replace(failed, message=f"{message} {MAYBE}: {look}", reason=OUTCOME_UNKNOWN)
