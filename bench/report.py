"""Summarise figures, compare them with their goals, and describe the machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any

from cargo_ai.kernel import log

Json = dict[str, Any]


def at_most(name: str, value: float, limit: float) -> Json:
    """A goal that is met by a small value."""
    return {"name": name, "value": rounded(value), "goal": f"<= {limit:g}", "ok": value <= limit}


def at_least(name: str, value: float, limit: float) -> Json:
    """A goal that is met by a large value."""
    return {"name": name, "value": rounded(value), "goal": f">= {limit:g}", "ok": value >= limit}


def figure(goals: Sequence[Json], measured: Json) -> Json:
    """One benchmark's part of the document: `ok` when every goal is met (true when it has none)."""
    return {"ok": all(goal["ok"] for goal in goals), "goals": list(goals), **measured}


def rounded(value: float) -> float:
    """Three significant places or whole numbers: more would be noise."""
    return round(value) if abs(value) >= 1_000 else float(f"{value:.3g}")


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def milliseconds(seconds: Sequence[float]) -> Json:
    """The spread of durations, in milliseconds."""
    return {
        "p50": rounded(percentile(seconds, 0.5) * 1000),
        "p95": rounded(percentile(seconds, 0.95) * 1000),
        "max": rounded(max(seconds) * 1000),
        "count": len(seconds),
    }


def machine() -> Json:
    """Where and beside what it was measured: a load of 2 on two cores leaves the benchmark half of them."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "loadAverage": [round(load, 2) for load in os.getloadavg()],
    }


def say(line: str) -> None:
    """Progress, for people: stdout is kept for the document."""
    print(line, file=sys.stderr, flush=True)


def alone(name: str, measure: Callable[[], Json]) -> int:
    """Run one benchmark by itself and print its document; the exit code is 0 when it could be measured."""
    log.setup()  # on stderr: the document has stdout for itself
    before = machine()
    print(json.dumps({name: measure(), "machine": before | {"loadAverageAfter": machine()["loadAverage"]}}, indent=2))
    return 0
