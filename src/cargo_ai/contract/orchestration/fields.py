"""Field types that several nouns of orchestration share: texts, pages, lists, statuses."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticKnownError

from cargo_ai.kernel.wire import Timestamp, Wire

NodeKind = Literal["native", "connector", "tool", "agent"]
"""What carries out a node: the platform itself, a service, another workflow, or an AI agent."""

MAXIMUM_NODES: Final = 500


def _items(value: Any) -> Any:
    """`a,b` and a lone `a` mean a list, as on the command line."""
    if not isinstance(value, str):
        return cast("object", value)
    return [item.strip() for item in value.split(",") if item.strip()]


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A name for people: one to 200 characters, not only spaces."""

Text = Annotated[str, Field(max_length=10_000)]
"""A longer text for people."""

Word = Annotated[str, Field(max_length=500)]
"""A short text: an id of the user's, a slug, a title."""


def _finite(value: float) -> float:
    # Pydantic's own rule against infinity breaks at whole numbers that no float can hold.
    if not abs(value) <= sys.float_info.max:
        raise PydanticKnownError("finite_number")
    return value


Number = Annotated[int | float, AfterValidator(_finite)]
"""A finite number; whole numbers stay whole: 0 is not sent as 0.0."""

Limit = Annotated[int, Field(ge=1, le=1_000, description="How many at most, 1 to 1,000.")]
Offset = Annotated[int, Field(ge=0, le=2_147_483_647, description="How many to skip.")]
Listed = BeforeValidator(_items)
"""On a list field: a comma-separated text is accepted as the list."""

RunStatus = Literal["idle", "pending", "running", "success", "error", "cancelling", "cancelled", "skipped"]
RunStatusWanted = Literal["idle", "pending", "running", "success", "error", "cancelling", "cancelled", "skipped", "finished"]
"""A status to filter by; `finished` means that the run has ended, however it ended."""

BatchStatus = Literal["pending", "syncing", "skipped", "querying", "running", "success", "cancelling", "error", "cancelled"]
BatchRunsStatus = Literal["healthy", "unhealthy"]
ExecutionStatus = Literal["pending", "success", "error"]
RecordStatus = Literal["pending", "running", "success", "error", "cancelled", "cancelling"]
ChangeKind = Literal["added", "updated", "removed", "unchanged"]

FINAL: Final = frozenset({"success", "error", "cancelled", "skipped"})
"""The statuses that end a run or a batch."""


class WaitsForReview(Wire):
    """People whose decision runs wait for, at most three. `expiresAt`: when the first review times out. `fix`: lists the reviews."""

    count: int
    assignees: list[str]
    expires_at: Timestamp | None
    sentence: str
    fix: str
