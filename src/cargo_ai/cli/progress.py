"""The progress of a wait, a transfer or a long list: one line on stderr, repainted in place on a terminal."""

from __future__ import annotations

import os
import sys
import time

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.configuration.settings import Settings

PAINT_SECONDS = 0.1
"""Transfers and lists are not painted more often."""


class Progress:
    """`1,240 / 10,000 runs · 12 failed · 830/s · 0:07`. Silent when stderr is not a terminal that can repaint."""

    def __init__(self, settings: Settings, beside_output: bool = False) -> None:
        """`beside_output`: stdout is written meanwhile, so that the line shows only where that is not the same terminal."""
        self.on = output.is_terminal(sys.stderr) and not settings.quiet and not output.is_dumb()
        self.on = self.on and not (beside_output and output.is_terminal(sys.stdout))
        self.started = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._painted = False
        self._painted_at = 0.0

    def show(self, work: dict[str, Any]) -> None:
        """Repaint the line from the counts of a batch (`runsCount`, `executedRunsCount` …) or a fill (`recordsDone` …), else the status."""
        if self.on:
            self._paint(self.line(work, time.monotonic()))

    def rows(self, done: int, total: int | None, noun: str) -> None:
        """Repaint the line from rows that were read."""
        now = time.monotonic()
        if self.on and now - self._painted_at >= PAINT_SECONDS:
            count = f"{done:,} / {total:,} {noun}" if total is not None else f"{done:,} {noun}"
            self._paint(" · ".join([count, *self._rate(done, now, ""), self._elapsed(now)]))

    def bytes(self, done: int, total: int | None) -> None:
        """Repaint the line from bytes that were sent or received."""
        now = time.monotonic()
        if self.on and now - self._painted_at >= PAINT_SECONDS:
            count = f"{done / 1e6:,.1f} / {total / 1e6:,.1f} MB" if total else f"{done / 1e6:,.1f} MB"
            self._paint(" · ".join([count, *self._rate(done, now, " MB", 1e6), self._elapsed(now)]))

    def line(self, work: dict[str, Any], now: float) -> str:
        """The text of the line at a time (seconds of the monotonic clock)."""
        if isinstance(work.get("recordsDone"), int):
            noun, done, total = "records", work["recordsDone"], work.get("recordsTotal")
        elif isinstance(work.get("executedRunsCount"), int):
            noun, done, total = "runs", work["executedRunsCount"], work.get("runsCount")
        else:
            return f"{output.clean(str(work.get('status') or 'waiting'))} · {self._elapsed(now)}"
        failed = work.get("failedRunsCount") or 0
        parts = [f"{done:,} / {total:,} {noun}" if isinstance(total, int) else f"{done:,} {noun}"]
        if failed:
            parts.append(f"{failed:,} failed")
        reviews = output.as_object(work.get("waitsForReview")).get("count")
        if reviews:
            parts.append(f"{reviews:,} {'waits' if reviews == 1 else 'wait'} for a review")
        return " · ".join([*parts, *self._rate(done, now, ""), self._elapsed(now)])

    def _rate(self, done: int, now: float, unit: str, scale: float = 1) -> list[str]:
        if self._first is None:
            self._first = (self.started, 0) if done == 0 else (now, done)
        since, before = self._first
        if done <= before or now <= since:
            return []
        rate = (done - before) / (now - since) / scale
        return [f"{rate:,.0f}{unit}/s" if rate >= 10 else f"{rate:.1f}{unit}/s"]

    def _elapsed(self, now: float) -> str:
        seconds = int(now - self.started)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"

    def _paint(self, line: str) -> None:
        try:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            text = line[: width - 1].encode(sys.stderr.encoding or "utf-8", "replace").decode(sys.stderr.encoding or "utf-8")
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._painted = True
            self._painted_at = time.monotonic()
        except (OSError, ValueError):
            self.on = False

    def clear(self) -> None:
        """Remove the line."""
        if self._painted and self.on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._painted = False
