"""The end of a log, and what comes after it, across a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest

from cargo_ai.server.processes.commands.server_log import BLOCK, follow, last_lines
from cargo_ai.server.processes.watching.log_rotation import rotate


@pytest.mark.parametrize("width", [3, BLOCK // 2 + 1, 2 * BLOCK])
def test_the_last_lines_are_found_from_the_end(tmp_path: Path, width: int) -> None:
    path = tmp_path / "server.log"
    lines = [b"%d" % at + b"x" * width + b"\n" for at in range(8)]
    path.write_bytes(b"".join(lines))
    for count in (0, 1, 3, 8, 100):
        assert last_lines(path, count) == (b"".join(lines[8 - min(count, 8) :]), path.stat().st_size)


def test_following_goes_on_behind_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"old\n" * 10)
    coming = follow(path, last_lines(path, 1)[1])
    with path.open("ab", buffering=0) as writer:
        writer.write(b"one\n")
        assert next(coming) == b"one\n"
        assert rotate(path, 10)
        writer.write(b"two\n")
        assert next(coming) == b"two\n"
