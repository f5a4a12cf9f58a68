"""Pace: decide how many records the next stage of a batch enrols, or why it enrols no more. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from cargo_ai.engine.dispatch.credits import FREE, Purse, RunCosts

StopReason = Literal["errorRate", "maxCredits", "notEnoughCredits"]
GROWTH = 10
"""After the stages that were given, each is this many times as large as the one before."""
DEFAULT_RAMP = (10, 100, 1_000)
"""The stages of a batch that is to stop at errors and was given no stages."""
UNLIMITED = 10**12


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace that was asked for. `ramp`: sizes of the first stages; `stop_above`: a share of failed runs, 0 to 1; `most_per_run`: credits
    that no run exceeds, above 0; None where that is not known."""

    ramp: tuple[int, ...] = ()
    stop_above: float | None = None
    max_credits: float | None = None
    most_per_run: float | None = None

    @property
    def staged(self) -> bool:
        """Whether the batch is enrolled in stages at all."""
        return bool(self.ramp) or self.stop_above is not None or self.max_credits is not None

    def to_stored(self) -> dict[str, Any]:
        """As the batch's row has it."""
        return {
            "ramp": list(self.ramp),
            "stopAbove": self.stop_above,
            "maxCredits": self.max_credits,
            "mostPerRun": self.most_per_run,
        }


def parse_pace(stored: Mapping[str, Any]) -> Pace:
    """The pace that a batch's row has."""
    return Pace(tuple(cast("Sequence[int]", stored["ramp"])), stored["stopAbove"], stored["maxCredits"], stored["mostPerRun"])


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch between two stages, when everything that it enrolled has ended. `stage`: stages so far; `size`: how many records the last one
    had; `executed`, `failed`: runs of that stage; `credits`: used by all; `dearest`: what the dearest run of all has cost."""

    stage: int = 0
    size: int = 0
    executed: int = 0
    failed: int = 0
    credits: float = 0.0
    dearest: float = 0.0


class NextStage(NamedTuple):
    """Enrol this many records."""

    size: int


LOOK_RUNS = 100
"""The error rate of a stage is that of at least 100 runs. Beside what the limit allows to fail, 100 at most are in flight."""


class Stop(NamedTuple):
    """Enrol no more; the sentence is for people."""

    why: StopReason
    sentence: str


def decide(pace: Pace, now: Progress, purse: Purse | None = None, costs: RunCosts = FREE) -> NextStage | Stop:
    """The next stage. `purse`: what the workspace may spend; None where it is not limited. `costs`: what a run may cost it.

    Used credits never pass `max_credits` by more than the runs of one stage cost; where `most_per_run` is known, not at all. The same for
    the purse and `costs`.
    """
    if now.stage and now.executed and pace.stop_above is not None and now.failed > pace.stop_above * now.executed:
        return Stop("errorRate", f"Stopped after {_failures(pace, now)}")
    size = _ramped(pace, now.stage)
    if pace.max_credits is not None:
        affordable = _affordable(pace.most_per_run, now, pace.max_credits - now.credits)
        if affordable < 1:
            return Stop("maxCredits", _spent(pace, now, pace.max_credits))
        size = min(size, affordable)
    if purse is not None and not costs.is_free:
        affordable = _affordable(costs.most, now, purse.available)
        if affordable < 1:
            return Stop("notEnoughCredits", _too_few(now, purse, costs))
        size = min(size, affordable)
    return NextStage(size)


def look(pace: Pace, now: Progress, in_flight: int) -> NextStage | Stop:
    """How many records more may be in flight while a stage goes on; 0 when none may. Whatever becomes of them, the batch stops within
    `LOOK_RUNS` of them after its errors have passed the limit. `now.executed`: runs of the stage that have ended."""
    if pace.stop_above is None:
        return NextStage(UNLIMITED)
    left = pace.stop_above * max(now.executed, LOOK_RUNS) - now.failed
    if left < 0:
        return Stop("errorRate", f"Stopped in {_failures(pace, now)}")
    return NextStage(max(0, window(pace, now) - in_flight))


def window(pace: Pace, now: Progress) -> int:
    """How many records may be in flight while a stage goes on."""
    if pace.stop_above is None:
        return UNLIMITED
    return LOOK_RUNS + max(0, int(pace.stop_above * max(now.executed, LOOK_RUNS) - now.failed))


def _failures(pace: Pace, now: Progress) -> str:
    share, limit = 100 * now.failed / max(1, now.executed), 100 * (pace.stop_above or 0.0)
    return f"stage {now.stage}: {now.failed:,} of its {now.executed:,} runs failed ({share:.3g} %), more than {limit:g} %."


def _ramped(pace: Pace, stage: int) -> int:
    ramp = pace.ramp or (DEFAULT_RAMP if pace.stop_above is not None else ())
    if not ramp:
        return UNLIMITED
    return ramp[stage] if stage < len(ramp) else min(UNLIMITED, ramp[-1] * GROWTH ** min(12, stage - len(ramp) + 1))


def _affordable(most_per_run: float | None, now: Progress, left: float) -> int:
    """How many runs can be in flight so that they stay within what is left."""
    if left <= 0:
        return 0
    if most_per_run is not None:
        # What floats lose must not cost a run.
        return int(min(UNLIMITED, left / max(most_per_run, now.dearest) + 1e-9))
    # What a run costs is learnt from those before: one at first, then no more than the dearest of them allows, and never many more.
    careful = max(1, now.size * GROWTH) if now.stage else 1
    return careful if now.dearest <= 0 else int(min(careful, left / now.dearest))


def _spent(pace: Pace, now: Progress, limit: float) -> str:
    used = f"Stopped at its limit of {limit:g} credits: {now.credits:g} are used"
    if now.credits >= limit:
        return f"{used}."
    per_run = max(pace.most_per_run or 0.0, now.dearest)
    return f"{used}, and one more run may cost {per_run:g}."


def _too_few(now: Progress, purse: Purse, costs: RunCosts) -> str:
    taken = f", {purse.left - purse.available:g} of them reserved by other work" if purse.left - purse.available > 1e-6 else ""
    per_run = max(costs.most or 0.0, now.dearest)
    more = f", and one more run may cost {per_run:g}" if purse.available > 0 else ""
    return f"Stopped: {purse.left:g} credits are left in the workspace{taken}{more}."
