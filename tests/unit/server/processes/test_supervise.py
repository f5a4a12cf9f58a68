"""A supervisor that is asked to stop does so at once."""

from __future__ import annotations

from pathlib import Path

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.processes.supervise import Supervisor


def test_being_asked_to_stop_ends_the_wait_for_what_children_print(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}), None, 0, 0, 0)
    with supervisor._bound:  # pyright: ignore[reportPrivateUsage]
        supervisor.stop_soon()
        supervisor.stop_soon()
        assert supervisor._listen(60.0)  # pyright: ignore[reportPrivateUsage]
        assert not supervisor._listen(0.0)  # pyright: ignore[reportPrivateUsage]
