"""Locks of workers: held by the living, found once of the dead."""

from __future__ import annotations

from pathlib import Path

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.processes.worker_locks import WorkerLock, find_dead


def test_dead_workers_are_found_once_and_living_ones_not(tmp_path: Path) -> None:
    settings = Settings({"CARGO_AI_DATA_DIR": str(tmp_path / "data")})
    assert find_dead(settings) == []
    living, ended = WorkerLock(settings, "living"), WorkerLock(settings, "ended")
    (tmp_path / "data" / "workers" / "dead").write_bytes(b"")
    ended.release()
    assert find_dead(settings) == ["dead"]
    assert find_dead(settings) == []
    living.release()
