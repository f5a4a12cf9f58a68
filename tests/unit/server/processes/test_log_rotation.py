"""Logs that several processes append to are emptied before they become too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cargo_ai.server.processes.watching.log_rotation import Rotation, rotate


def test_a_log_above_its_size_is_moved_beside_itself_and_its_writers_go_on(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    writers = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for _ in range(2)]
    for at in range(1_000):
        os.write(writers[at % 2], b"%09d\n" % at)
    assert not rotate(path, 10_000)
    os.write(writers[0], b"last\n")
    assert rotate(path, 10_000)
    for writer in writers:
        os.write(writer, b"next\n")
        os.close(writer)
    assert path.read_bytes() == b"next\nnext\n"
    before = tmp_path / "server.log.1"
    assert before.read_bytes().endswith(b"000000999\nlast\n") and before.stat().st_size == 10_000
    assert stat.S_IMODE(before.stat().st_mode) == 0o600


def test_a_log_that_is_not_there_and_a_size_of_0_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    Rotation([path], 10).check()
    path.write_bytes(b"x" * 100)
    Rotation([path], 0).check()
    assert path.stat().st_size == 100
    Rotation([tmp_path / "other.log", path], 10).check()
    assert path.stat().st_size == 0
