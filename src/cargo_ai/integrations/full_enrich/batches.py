"""Batches: up to a hundred rows are begun by one call; FullEnrich looks for a minute or more, and is asked seldom."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from cargo_ai.integrations.kit import ActionRequest, Answer, Done, Failed, Outcome, segment, unexpected
from cargo_ai.integrations.kit.calls.jobs import Waiting, begun, collect, jobs_of
from cargo_ai.integrations.kit.errors import at
from cargo_ai.integrations.kit.forms import FormT
from cargo_ai.integrations.kit.rows import Rows

Json = Any
JsonObject = Mapping[str, Json]

MAX = 100
"""As many go into one call."""
FIRST_SECONDS = 90.0
"""FullEnrich takes 30 to 90 seconds, as it says."""
AGAIN_SECONDS = 300.0
"""It wants to be asked every five to ten minutes."""
MAX_WAIT_SECONDS = 86_400.0
REASON = "FullEnrich is looking"
_ROW = "row"
_ENDED = {"FINISHED", "CREDITS_INSUFFICIENT", "CANCELED"}


@dataclass(frozen=True)
class Batches(Generic[FormT]):
    """One kind of job. path: where it is begun and asked for. entry: what stands for a row. outcome: what its result means."""

    path: str
    title: str
    entry: Callable[[FormT], JsonObject]
    outcome: Callable[[JsonObject], Done]

    async def act(self, rows: Rows[FormT]) -> None:
        """Begin what is new, and ask for what the others wait for."""
        entries = rows.read(self.entry)
        jobs, new = jobs_of(rows)

        async def ask(job: str, waiting: Mapping[int, Waiting]) -> None:
            await self._ask(rows, job, waiting)

        await collect(rows, jobs, ask)
        if new:
            await self._begin(rows, {position: entries[position] for position in new})

    async def _begin(self, rows: Rows[FormT], entries: Mapping[int, JsonObject]) -> None:
        # The name comes back with the result and says whose it is.
        data = [{**entry, "custom": {_ROW: _name(rows.requests[position])}} for position, entry in entries.items()]
        answer = await rows.service.post(self.path, json={"name": self.title, "data": data})
        job = next(at(answer.body, "enrichment_id"), None)
        if not isinstance(job, str) or not job:
            raise unexpected("FullEnrich", answer, sent=True)
        for position in entries:
            rows.settle(position, begun(job).later(FIRST_SECONDS, REASON))

    async def _ask(self, rows: Rows[FormT], job: str, waiting: Mapping[int, Waiting]) -> None:
        answer = await rows.service.get(f"{self.path}/{segment(job)}")
        status = next(at(answer.body, "status"), None)
        if answer.status == 400 or status not in _ENDED:
            for position, row in waiting.items():
                rows.settle(position, self._still(row))
            return
        results = _by_row(answer)
        for position in waiting:
            rows.settle(position, self._result(results.get(_name(rows.requests[position])), str(status)))

    def _still(self, row: Waiting) -> Outcome:
        if row.seconds > MAX_WAIT_SECONDS:
            text = f"FullEnrich has not ended the batch {row.job} within a day; look for it at https://app.fullenrich.com."
            return Failed(text, reason="batchPending")
        return row.later(AGAIN_SECONDS, REASON)

    def _result(self, result: JsonObject | None, status: str) -> Outcome:
        done = None if result is None else self.outcome(result)
        if done is not None and (done.output["found"] or status == "FINISHED"):
            return done
        if status == "CREDITS_INSUFFICIENT":
            text = "FullEnrich: the workspace's credits were used up before this one was found: buy some at https://app.fullenrich.com."
            return Failed(text, reason="planLimit")
        if status == "CANCELED":
            return Failed("FullEnrich: the batch was cancelled there.", reason="batchCancelled")
        return Failed("FullEnrich ended the batch, but did not say what became of this one.", reason="unexpectedAnswer")


def _name(request: ActionRequest) -> str:
    """What stands for a row: FullEnrich takes up to 100 characters, and node ids may be long."""
    return hashlib.sha256(request.call.key.encode()).hexdigest()


def _by_row(answer: Answer) -> Mapping[str, JsonObject]:
    return {str(next(at(result, f"custom.{_ROW}"), "")): result for result in at(answer.body, "data.*")}
