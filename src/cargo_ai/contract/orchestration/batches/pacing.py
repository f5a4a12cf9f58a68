"""Pacing: the stages and limits with which a batch enrols its records."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field

from cargo_ai.contract.orchestration.fields import Listed, Number
from cargo_ai.kernel.wire import Wire

MAX_STAGES = 20

StoppedBy = Literal["errorRate", "maxCredits", "notEnoughCredits"]


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else cast("object", value)


def _a_share(text: str) -> str:
    share(text)
    return text


def share(text: str) -> float:
    """A share from 0 to 1: `5%`, `5` and `0.05` are all 0.05. ValueError for anything else."""
    bare = text.strip()
    try:
        value = float(bare.removesuffix("%"))
    except ValueError:
        raise ValueError("give a share such as 5% or 0.05") from None
    found = value / 100 if bare.endswith("%") or value > 1 else value
    if not 0 <= found <= 1:
        raise ValueError("give a share between 0% and 100%")
    return found


Share = Annotated[str, BeforeValidator(_as_text), AfterValidator(_a_share)]
StageSize = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Paced(Wire):
    """The stages in which a batch enrols its records, and the limits at which it stops."""

    ramp: Annotated[list[StageSize], Listed, Field(min_length=1, max_length=MAX_STAGES)] | None = Field(
        default=None,
        description="Enrol the records in stages of these sizes, such as 1,50,500. A stage starts when all runs of the previous "
        "one have ended; each stage after the last size is ten times as large as the one before. All at once by default.",
    )
    stop_on_error_rate: Share | None = Field(
        default=None,
        description="Stop enrolling when more than this share of a stage's runs failed, such as 5% or 0.05: looked at while a stage "
        "runs, so that at most 100 more are enrolled. Without --ramp the stages are 10,100,1000. orchestration batch resume continues.",
    )
    max_credits: Annotated[Number, Field(ge=0)] | None = Field(
        default=None,
        description="Stop enrolling when the batch has used this many credits, runs in flight included; enrolled runs still finish. "
        "The limit is exceeded by at most the cost of one stage, and never where all costs are fixed.",
    )


class BatchPace(Wire):
    """How a batch enrols its records in stages. `stage`: the number of stages started. `stoppedBy`: the limit that stopped enrolling;
    `batch resume` continues."""

    ramp: list[int]
    stop_on_error_rate: Number | None
    max_credits: Number | None
    stage: int
    stopped_by: StoppedBy | None
