"""Jobs: what a service ends later: begun for many rows by one call, asked for by the runs that wait, and given to each row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.engine.graph.action import Later
from cargo_ai.integrations.kit.errors import ServiceError
from cargo_ai.integrations.kit.forms import FormT
from cargo_ai.integrations.kit.request import ActionRequest
from cargo_ai.integrations.kit.rows import Rows
from cargo_ai.kernel import clock

Json = Any

TROUBLE_SECONDS = 60.0
"""How long to wait, at first, when a service cannot be asked for a result: what was paid for is not given up for that."""
MAX_TROUBLE_SECONDS = 3_600.0
WITHOUT_ANSWER_SECONDS = 86_400.0
"""For so long a service that cannot be asked is asked again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a row waits for. job: the service's name of it. since: when it was begun, in seconds since 1970. times: how often it was asked
    for. kept: what is known of the row, JSON."""

    job: str
    since: float
    times: int = 0
    kept: Json = None

    @property
    def seconds(self) -> float:
        """For how long it has been waiting."""
        return max(0.0, clock.unix_seconds() - self.since)

    def later(self, seconds: float, reason: str) -> Later:
        """Ask again after so long."""
        meta = {"job": self.job, "since": self.since, "times": self.times + 1, "kept": self.kept}
        return Later(seconds, meta, reason)


def begun(job: str, kept: Json = None) -> Waiting:
    """A job that begins now."""
    return Waiting(job, clock.unix_seconds(), -1, kept)


def waiting_of(request: ActionRequest) -> Waiting | None:
    """What a row waits for; None: it has begun nothing yet."""
    meta: object = request.call.meta
    if not isinstance(meta, Mapping):
        return None
    left = cast("Mapping[str, Json]", meta)
    return Waiting(str(left["job"]), float(left["since"]), int(left["times"]), left.get("kept"))


def job_of(request: ActionRequest) -> Hashable:
    """`alike` of a batch: rows that wait for one job ask for it together, and apart from those that begin."""
    waiting = waiting_of(request)
    return None if waiting is None else waiting.job


def jobs_of(rows: Rows[FormT]) -> tuple[Mapping[str, Mapping[int, Waiting]], Sequence[int]]:
    """The rows that wait, by job and position, and the positions of those that have begun nothing yet."""
    jobs: dict[str, dict[int, Waiting]] = {}
    new: list[int] = []
    for position in rows.forms:
        waiting = waiting_of(rows.requests[position])
        if waiting is None:
            new.append(position)
        else:
            jobs.setdefault(waiting.job, {})[position] = waiting
    return jobs, new


async def collect(
    rows: Rows[FormT], jobs: Mapping[str, Mapping[int, Waiting]], ask: Callable[[str, Mapping[int, Waiting]], Awaitable[None]]
) -> None:
    """Ask for each job, and settle its rows. A service that is in trouble is asked again later, up to a day."""
    for job, waiting in jobs.items():
        try:
            await ask(job, waiting)
        except ServiceError as error:
            for position, row in waiting.items():
                if error.transient and row.seconds < WITHOUT_ANSWER_SECONDS:
                    seconds = min(TROUBLE_SECONDS * 2 ** min(row.times, 10), MAX_TROUBLE_SECONDS)
                    rows.settle(position, row.later(error.retry_after or seconds, error.message))
                else:
                    rows.settle(position, error.to_outcome())
