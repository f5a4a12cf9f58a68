"""Show text that is longer than the terminal page by page, through the pager of the person."""

from __future__ import annotations

import os
import sys

from cargo_ai.cli import output
from cargo_ai.cli.configuration.environment import variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def show_lines(lines: list[str], options: dict[str, Any]) -> None:
    """Lines on stdout; through a pager when a person reads there and they do not fit."""
    text = "".join(f"{line}\n" for line in lines)
    command = None if options.get("no-pager") or options.get("no-input") or options.get("all") else _pager(len(lines))
    if command is None or not _through(command, text):
        output.print_text(text)


def _pager(length: int) -> list[str] | None:
    """The command of the pager; None where no person reads, everything fits, or there is no pager."""
    if not (output.is_terminal(sys.stdout) and output.is_terminal(sys.stdin)) or output.is_dumb():
        return None
    try:
        if length < os.get_terminal_size(sys.stdout.fileno()).lines:
            return None
    except OSError:
        return None
    import shlex
    import shutil

    try:
        words = shlex.split(variable("CARGO_AI_PAGER") or os.environ.get("PAGER") or "less")
    except ValueError:
        return None
    return words if words and words != ["cat"] and shutil.which(words[0]) else None


def _through(command: list[str], text: str) -> bool:
    """Whether the pager was started; that it is left early is not a failure."""
    import subprocess

    environment = {**os.environ, "LESS": os.environ.get("LESS", "FRX")}
    output.flush()
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except OSError:
        return False
    try:
        pager.communicate(text.encode("utf-8", "backslashreplace"))
    except KeyboardInterrupt:
        pager.wait()
    return True
