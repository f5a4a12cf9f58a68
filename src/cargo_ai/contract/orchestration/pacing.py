"""Pacing: the stages and limits with which a batch enrols its records."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field

from cargo_ai.contract.orchestration.fields import Listed, Number
from cargo_ai.kernel.wire import Wire

MOST_STAGES = 20

StoppedBy = Literal["errorRate", "maxCredits"]


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else cast("object", value)


def _a_share(text: str) -> str:
    share(text)
    return text


def share(text: str) -> float:
    """`5%`, `5` and `0.05` are all one twentieth. ValueError when the text is no share."""
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
    """In which stages a batch enrols its records, and when it stops doing so."""

    ramp: Annotated[list[StageSize], Listed, Field(min_length=1, max_length=MOST_STAGES)] | None = Field(
        default=None,
        description="Enrol in stages of this many records, such as 1,50,500. Each waits until the runs of the one before have ended; "
        "behind the last one each is ten times as large.",
    )
    stop_on_error_rate: Share | None = Field(
        default=None,
        description="Enrol no further when more than this share of a stage's runs failed, such as 5%. Without a ramp the stages are "
        "10,100,1000.",
    )
    max_credits: Annotated[Number, Field(ge=0)] | None = Field(
        default=None,
        description="Enrol no further when this many credits are used, what is in flight included; what was enrolled finishes. They are "
        "passed by no more than the runs of one stage cost, and not at all where all costs are fixed.",
    )


class BatchPace(Wire):
    """How a batch is enrolled in stages. `stage`: how many have begun. `stoppedBy`: why it enrolled no further; resume goes on."""

    ramp: list[int]
    stop_on_error_rate: Number | None
    max_credits: Number | None
    stage: int
    stopped_by: StoppedBy | None
