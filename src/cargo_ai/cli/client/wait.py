"""Wait for work to end: long polls until the status is final, the time is up or Ctrl-C."""

from __future__ import annotations

import math
import time
from urllib.parse import quote

from cargo_ai.cli import output
from cargo_ai.cli.failure import DENIED, FAILED, INTERRUPTED, UNFINISHED, Failure, failure, shell_line
from cargo_ai.cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.client.api import Api, Response
    from cargo_ai.cli.shapes import Until

LONGEST_HOLD = 25


class Wait:
    """One wait. `interval` is in seconds; `deadline` a time of the monotonic clock, or None. `shown`: `created` is the watched document."""

    def __init__(self, api: Api, until: Until, created: Any, interval_ms: int, shown: bool = False) -> None:
        self.api = api
        self.until = until
        self.first = created if shown else None
        self.uuid = output.dig(created, until["key"])
        if not isinstance(self.uuid, str) or not self.uuid:
            raise failure(FAILED, "unexpectedAnswer", f'The server\'s reply has no "{until["key"]}", so there is nothing to wait for.')
        self.again = shell_line([*until["words"], self.uuid, *api.settings.again])
        self.noun = until["field"].partition(".")[0]
        self.interval = interval_ms / 1000
        self.deadline = api.started + api.settings.timeout if api.settings.timeout else None
        self.progress = Progress(api.settings)
        self._waits_for: str | None = None
        self._show(output.as_object(output.dig(created, self.noun)))

    def _show(self, work: dict[str, Any]) -> None:
        """Repaint the progress; what waits for people says so once, for that may take days."""
        reviews = output.as_object(work.get("waitsForReview"))
        sentence = reviews.get("sentence")
        if isinstance(sentence, str) and sentence != self._waits_for and not self.api.settings.quiet:
            if self._waits_for is None or not self.progress.on:
                self.progress.clear()
                output.say(f"{sentence} See: {reviews.get('fix')}")
            self._waits_for = sentence
        self.progress.show(work)

    def finish(self) -> tuple[Any, str]:
        """The finished document and its status. Failure 8 when the time is up, 130 on Ctrl-C; the work goes on in both cases."""
        status = output.dig(self.first, self.until["field"])
        if status in self.until["final"]:
            return self.first, status
        try:
            return self._loop()
        except KeyboardInterrupt:
            self.progress.clear()
            sentence = f"Stopped waiting; the {self.noun} goes on. Find it again with: {self.again}"
            output.say(sentence)
            raise failure(INTERRUPTED, "interrupted", sentence, self.again, uuid=self.uuid) from None
        except Failure as refusal:
            # The last request may run into the limit itself, or into a server that restarts until the limit is there.
            if refusal.document.get("reason") == "timeout" and self.deadline is not None and refusal.code != UNFINISHED:
                raise self._unfinished() from None
            if refusal.code == DENIED:
                # The way on is to sign in; the work goes on meanwhile.
                refusal.document["errorMessage"] += f" The {self.noun} goes on; find it again with: {self.again}"
                refusal.document.setdefault("uuid", self.uuid)
            elif refusal.code != UNFINISHED:
                refusal.document.setdefault("uuid", self.uuid)
                refusal.document["fix"] = self.again
            raise
        finally:
            self.progress.clear()

    def _loop(self) -> tuple[Any, str]:
        while True:
            started = time.monotonic()
            left = math.inf if self.deadline is None else self.deadline - started
            hold = self._hold(left)
            answer = self._poll(hold, left)
            document = answer.document()
            status = output.dig(document, self.until["field"])
            self._show(output.as_object(output.dig(document, self.noun)))
            if not isinstance(status, str):
                raise failure(
                    FAILED, "unexpectedAnswer", f'The server\'s reply has no "{self.until["field"]}": no one can tell when it ends.'
                )
            if status in self.until["final"]:
                return document, status
            if left <= 0:
                raise self._unfinished()
            took = time.monotonic() - started
            if not hold or not answer.header("preference-applied"):
                self._sleep(self.interval)
            elif took < 0.1:  # not held: a server that answers at once must not cause a busy loop
                self._sleep(min(self.interval, 0.2))

    def _unfinished(self) -> Failure:
        sentence = f"The {self.noun} has not finished within {self.api.settings.timeout:g} s; it goes on. Find it again with: {self.again}"
        return failure(UNFINISHED, "timeout", sentence, self.again, uuid=self.uuid)

    def _hold(self, left: float) -> int:
        """Whole seconds that the server may keep the request; a progress line is refreshed every second."""
        longest = 1 if self.progress.on else LONGEST_HOLD
        return max(0, min(longest, math.ceil(self.interval), LONGEST_HOLD if left == math.inf else int(left)))

    def _poll(self, hold: int, left: float) -> Response:
        path = "/v1" + self.until["path"].replace("{uuid}", quote(self.uuid, safe=""))
        headers = {"Prefer": f"wait={hold}"} if hold else {}
        return self.api.call("GET", path, headers=headers, seconds=min(hold + 30.0, max(left, 0.0) + 5.0), persistent=True).check()

    def _sleep(self, seconds: float) -> None:
        left = math.inf if self.deadline is None else self.deadline - time.monotonic()
        time.sleep(max(0.0, min(seconds, left)))


def wait(api: Api, until: Until, created: Any, options: dict[str, Any], shown: bool = False) -> tuple[Any, int]:
    """Wait for the work that a reply names; the finished document and the exit code. `shown`: that reply is what is asked for again."""
    document, status = Wait(api, until, created, options.get("polling-interval") or 5000, shown).finish()
    ended_badly = options.get("exit-status") and status in (until.get("bad") or ["error", "cancelled"])
    return document, FAILED if ended_badly else 0
