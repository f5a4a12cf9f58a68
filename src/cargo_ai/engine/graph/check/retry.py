"""Check the retry rule of a node and what it does when it has failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from cargo_ai.engine.graph.check.finding import Finding, show
from cargo_ai.engine.graph.graph import LONGEST_RETRY, MAX_ATTEMPTS

Json = Any


def check_retry(retry: Mapping[str, Json]) -> Iterator[Finding]:
    """Numbers that no rule can have are errors; those that are brought within bounds are doubts."""
    attempts, interval, backoff = (retry.get(name) for name in ("maximumAttempts", "initialInterval", "backoffCoefficient"))
    if attempts is not None and not attempts >= 1:
        yield Finding(
            "retry.maximumAttempts", f"`retry.maximumAttempts` is {show(attempts)}; it counts the first attempt, so it must be at least 1."
        )
    elif attempts is not None and (attempts > MAX_ATTEMPTS or attempts != int(attempts)):
        taken = int(min(attempts, MAX_ATTEMPTS))
        yield Finding("retry.maximumAttempts", f"`retry.maximumAttempts` is {show(attempts)}; {taken} is taken instead.", doubt=True)
    if interval is not None and not interval >= 0:
        yield Finding(
            "retry.initialInterval", f"`retry.initialInterval` is {show(interval)}; it is in milliseconds and must not be negative."
        )
    elif interval is not None and interval > LONGEST_RETRY * 1000:
        yield Finding("retry.initialInterval", "`retry.initialInterval` is in milliseconds; an hour, the longest, is used.", doubt=True)
    if backoff is not None and not backoff >= 0:
        yield Finding("retry.backoffCoefficient", f"`retry.backoffCoefficient` is {show(backoff)}; it must be at least 1.")
    elif backoff is not None and backoff < 1:
        taken = "1" if backoff else "2"
        yield Finding("retry.backoffCoefficient", f"`retry.backoffCoefficient` is {show(backoff)}; {taken} is taken instead.", doubt=True)


def check_fallback(node: Mapping[str, Json]) -> Iterator[Finding]:
    """A doubt where a node is to continue when it fails, and has nowhere to."""
    children = cast("Sequence[str | None]", node.get("childrenUuids") or ())
    if node.get("fallbackOnFailure") and node.get("fallbackChildUuid") is None and (not children or children[0] is None):
        yield Finding("fallbackOnFailure", "`fallbackOnFailure` has no effect: there is no first child to continue with.", doubt=True)
