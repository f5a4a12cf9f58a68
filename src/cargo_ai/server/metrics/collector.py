"""The collector of a process: counters and times in memory-mapped files that the API reads of all processes of its server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from cargo_ai.kernel import metrics
from cargo_ai.kernel.metrics import Counted, Timed
from cargo_ai.kernel.settings import Settings
from cargo_ai.store import private_files

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
COUNTERS: dict[Counted, tuple[str, str, tuple[str, ...]]] = {
    "requests": ("cargo_ai_requests", "Requests answered, by operation and status.", ("operation", "status")),
    "executions": ("cargo_ai_node_executions", "Node executions, by kind of node and outcome.", ("kind", "outcome")),
    "calls": ("cargo_ai_connector_calls", "Calls of services, by integration and what came back.", ("integration", "outcome")),
}
TIMES: dict[Timed, tuple[str, str, tuple[str, ...]]] = {
    "request": ("cargo_ai_request_seconds", "How long requests took, by operation.", ("operation",)),
    "call": ("cargo_ai_connector_call_seconds", "How long calls of services took, by integration.", ("integration",)),
}


class PrometheusCollector:
    """Collects with the library of Prometheus, which is loaded here: it looks for the folder when it is imported. Without a folder it keeps
    what it counts in memory, for a process that is on its own."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251 - the library has no other way
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = registry = CollectorRegistry()
        self._counters: dict[Counted, Any] = {key: Counter(*declared, registry=registry) for key, declared in COUNTERS.items()}
        self._times: dict[Timed, Any] = {key: Histogram(*declared, registry=registry, buckets=BUCKETS) for key, declared in TIMES.items()}

    def count(self, measure: Counted, labels: tuple[str, ...], amount: int) -> None:
        self._counters[measure].labels(*labels).inc(amount)

    def time(self, measure: Timed, labels: tuple[str, ...], seconds: float) -> None:
        self._times[measure].labels(*labels).observe(seconds)


def folder_of(settings: Settings) -> Path:
    """Where the processes of a server keep what they count."""
    return settings.data_dir / "metrics"


def clear(settings: Settings) -> None:
    """Begin at nought: for a server that starts, before its processes do."""
    shutil.rmtree(folder_of(settings), ignore_errors=True)
    if settings.metrics_token:
        private_files.make_folder(folder_of(settings))


def begin(settings: Settings) -> None:
    """Collect what this process measures, where metrics are switched on."""
    if settings.metrics_token:
        private_files.make_folder(folder_of(settings))
        metrics.collect_with(PrometheusCollector(folder_of(settings)))


def begin_alone(settings: Settings) -> PrometheusCollector | None:
    """The collector of a worker that no server has started, in its own memory: no API reads its files (see `elsewhere`)."""
    if not settings.metrics_token:
        return None
    collector = PrometheusCollector(None)
    metrics.collect_with(collector)
    return collector
