"""The progress line of a batch or a fill of columns on stderr, repainted in place on a terminal."""

from __future__ import annotations

import os
import sys
import time

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.settings import Settings


class Progress:
    """`1,240 / 10,000 runs · 12 failed · 830/s · 0:07`. Silent when stderr is not a terminal that can repaint."""

    def __init__(self, settings: Settings) -> None:
        self.on = output.is_terminal(sys.stderr) and not settings.quiet and not output.is_dumb()
        self.started = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._painted = False
        self.counts = False

    def show(self, work: dict[str, Any]) -> None:
        """Repaint the line from the counts of a batch (`runsCount`, `executedRunsCount`, `failedRunsCount`) or a fill (`recordsDone` …)."""
        self.counts = any(isinstance(work.get(name), int) for name in ("executedRunsCount", "recordsDone"))
        if self.on and self.counts:
            self._paint(self.line(work, time.monotonic()))

    def line(self, work: dict[str, Any], now: float) -> str:
        """The text of the line at a time (seconds of the monotonic clock)."""
        noun = "records" if isinstance(work.get("recordsDone"), int) else "runs"
        done, total = (
            (work["recordsDone"], work.get("recordsTotal")) if noun == "records" else (work["executedRunsCount"], work.get("runsCount"))
        )
        failed = work.get("failedRunsCount") or 0
        parts = [f"{done:,} / {total:,} {noun}" if isinstance(total, int) else f"{done:,} {noun}"]
        if failed:
            parts.append(f"{failed:,} failed")
        reviews = output.as_object(work.get("waitsForReview")).get("count")
        if reviews:
            parts.append(f"{reviews:,} {'waits' if reviews == 1 else 'wait'} for a review")
        if self._first is None:
            self._first = (self.started, 0) if done == 0 else (now, done)
        since, before = self._first
        if done > before and now > since:
            rate = (done - before) / (now - since)
            parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        seconds = int(now - self.started)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        parts.append(f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}")
        return " · ".join(parts)

    def _paint(self, line: str) -> None:
        try:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            text = line[: width - 1].encode(sys.stderr.encoding or "utf-8", "replace").decode(sys.stderr.encoding or "utf-8")
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._painted = True
        except (OSError, ValueError):
            self.on = False

    def clear(self) -> None:
        """Remove the line."""
        if self._painted and self.on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._painted = False
